"""Applications are told when a session ends (OpenID Connect Back-Channel Logout 1.0)."""

from __future__ import annotations

import base64
import json
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import requests

from chalicelib import limits, logout_queue, settings
from chalicelib.models import application, session
from chalicelib.models import store as storage
from chalicelib.models import user as users
from chalicelib.models.session import Session
from chalicelib.models.user import User
from chalicelib.request_source import UNKNOWN
from infra.commands import erasure
from tests import people
from tests.actors import CALLBACK, Browser, ClientApp
from tests.conftest import Clock
from tests.openid_connect.conftest import HOST, PATH, Queue, Told
from tests.openid_connect.refusing_queue import RefusingQueue
from tests.openid_connect.sign_in import checked
from tests.openid_connect.signing_out import SIGNED_OUT, asking, is_signed_in, set_up
from tests.scim import platform_server
from tests.store_proxy import Fault, StoreProxy

pytestmark = pytest.mark.spec("OpenID Connect Back-Channel Logout §2.5")
EVENT = "http://schemas.openid.net/event/backchannel-logout"


def connected(app: ClientApp, browser: Browser) -> dict[str, Any]:
    """The claims of the ID token that the application gets."""
    return checked(app.base_url, app.connect(browser, scope="openid")["id_token"])


def header_of(token: str) -> dict[str, Any]:
    first = token.partition(".")[0]
    return dict(json.loads(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4))))


@pytest.mark.spec("OpenID Connect Back-Channel Logout §2.4")
def test_application_is_told_who_signed_out_of_which_session(
    john: Browser, shop: ClientApp, queue: Queue, told: Told, clock: Clock
) -> None:
    signed_in = connected(shop, john)
    john.sign_out()
    assert told.tokens == [], "the sign-out does not wait for the application"
    clock.advance(600)
    clock.stop()
    assert queue.deliver() == [True]
    (token,) = told.tokens
    assert header_of(token)["typ"] == "logout+jwt"
    claims = checked(shop.base_url, token)
    assert isinstance(claims.pop("jti"), str)
    assert claims == {
        "iss": shop.base_url,
        "aud": shop.client_id,
        "sub": john.user.user_id,
        "sid": signed_in["sid"],
        "iat": clock.now(),
        "exp": clock.now() + 120,
        "events": {EVENT: {}},
    }
    assert queue.waiting() == 0


def by_the_application(john: Browser, shop: ClientApp) -> None:
    john.press(john.open(asking(client_id=shop.client_id)), "Sign out")


def by_another_password(john: Browser, shop: ClientApp) -> None:
    page = john.open("/settings/password")
    assert john.press(page, "Change", present=john.user.password, password="a new and better one").status == 200


def from_elsewhere(john: Browser, shop: ClientApp) -> None:
    other = Browser(john.base_url, john.user)
    other.sign_in()
    other.press(other.open("/settings/security"), "Sign out everywhere else")


def by_somebody_else(john: Browser, shop: ClientApp) -> None:
    """Another account signs in to the same browser."""
    other = people.create_person()
    page = john.open("/login?switch=1")
    john.press(page, "Sign in", email=other.email, password=other.password)


def by_the_operator(john: Browser, shop: ClientApp) -> None:
    users.disable(john.user.user_id)
    session.tell_of_all(john.user.user_id)


def by_the_platform(john: Browser, shop: ClientApp) -> None:
    """Its server disables the account (SCIM)."""
    change = {"op": "replace", "path": "active", "value": False}
    assert platform_server.allowed(john.base_url).patch(f"/Users/{john.user.user_id}", change).status_code == 200


def by_the_platform_for_good(john: Browser, shop: ClientApp) -> None:
    answer = platform_server.allowed(john.base_url).call("DELETE", f"/Users/{john.user.user_id}")
    assert answer.status_code == 204


def by_the_operator_for_good(john: Browser, shop: ClientApp) -> None:
    account = storage.read(User.key(john.user.user_id))[0]
    assert account is not None
    for _, act in erasure.steps(account):
        act()


def by_too_many_sessions(john: Browser, shop: ClientApp) -> None:
    """The one that was seen least recently ends."""
    account = storage.read(User.key(john.user.user_id))[0]
    assert account is not None
    for _ in range(limits.SESSIONS_PER_USER_LIMIT):
        session.start(account, UNKNOWN)


WAYS = [Browser.sign_out, by_the_application, by_another_password, from_elsewhere, by_somebody_else, by_the_operator]
WAYS += [by_the_platform, by_the_platform_for_good, by_the_operator_for_good, by_too_many_sessions]


@pytest.mark.parametrize("end", WAYS)
def test_however_the_session_ends_the_application_is_told_once(
    john: Browser, shop: ClientApp, queue: Queue, told: Told, clock: Clock, end: Callable[..., Any]
) -> None:
    sid = connected(shop, john)["sid"]
    clock.advance(60)  # any session that begins now was seen later
    end(john) if end is Browser.sign_out else end(john, shop)
    assert queue.deliver() == [True]
    assert [checked(shop.base_url, token)["sid"] for token in told.tokens] == [sid]


@pytest.mark.spec("OpenID Connect Core §8")
def test_application_with_pairwise_identifiers_is_told_in_them(
    john: Browser, shop: ClientApp, queue: Queue, told: Told
) -> None:
    set_up(shop, sector="shop.example.com", sector_key="k" * 43)
    token = shop.connect(john, scope="openid")["id_token"]
    signed_in = checked(shop.base_url, token)
    assert signed_in["sub"] != john.user.user_id
    page = john.open(asking(id_token_hint=token))
    assert john.user.email in page.text
    assert "another" not in page.text.lower()
    john.press(page, "Sign out")
    assert queue.deliver() == [True]
    (ended,) = [checked(shop.base_url, one) for one in told.tokens]
    assert (ended["sub"], ended["sid"]) == (signed_in["sub"], signed_in["sid"])


def test_each_application_of_the_session_is_told_and_no_other(
    john: Browser, eve: Browser, shop: ClientApp, other_shop: ClientApp, queue: Queue, told: Told
) -> None:
    set_up(other_shop, backchannel_logout_uri=told.uri)
    for app in (shop, other_shop):
        connected(app, john)
        connected(app, john)  # again, which is noted once
    connected(shop, eve)
    john.sign_out()
    queue.deliver()
    claims = [checked(shop.base_url, token) for token in told.tokens]
    assert sorted(found["aud"] for found in claims) == sorted([shop.client_id, other_shop.client_id])
    assert {found["sub"] for found in claims} == {john.user.user_id}
    assert len({found["jti"] for found in claims}) == 2


def test_application_without_openid_is_told_nothing(john: Browser, shop: ClientApp, queue: Queue, told: Told) -> None:
    shop.connect(john, "Small Shows")
    john.sign_out()
    assert queue.waiting() == 0


def test_who_signs_in_again_stays_signed_in_at_applications_until_that_session_ends(
    john: Browser, shop: ClientApp, queue: Queue, told: Told
) -> None:
    sid = connected(shop, john)["sid"]
    page = john.open("/login?again=1")
    john.press(page, "Sign in", email=john.user.email, password=john.user.password)
    assert queue.waiting() == 0
    again = connected(shop, john)["sid"]
    assert again != sid
    john.sign_out()
    queue.deliver()
    assert {checked(shop.base_url, token)["sid"] for token in told.tokens} == {sid, again}


@pytest.mark.parametrize(
    ("operation", "fault"),
    [("PutItem", Fault.UNAVAILABLE), ("DeleteItem", Fault.LOSES_ANSWER), ("DeleteItem", Fault.UNAVAILABLE)],
)
def test_store_that_fails_while_somebody_signs_in_again_makes_nobody_forgotten(
    john: Browser,
    shop: ClientApp,
    queue: Queue,
    told: Told,
    store: StoreProxy,
    operation: str,
    fault: Fault,
) -> None:
    sid = connected(shop, john)["sid"]
    page = john.open("/login?again=1")
    times = 1 if fault is Fault.LOSES_ANSWER else 99
    with store.fault(fault, operation, table="sessions", times=times):
        john.press(page, "Sign in", email=john.user.email, password=john.user.password)
    john.sign_out()
    queue.deliver()
    assert sid in {checked(shop.base_url, token)["sid"] for token in told.tokens}


@pytest.mark.parametrize("status", [400, 404, 500, 302])
def test_application_that_does_not_accept_the_token_gets_a_new_one_until_it_is_given_up(
    john: Browser, shop: ClientApp, queue: Queue, told: Told, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    told.status, told.headers = status, {"Location": f"https://{HOST}/elsewhere"} if status == 302 else {}
    connected(shop, john)
    john.sign_out()
    queue.show_again()
    done = [queue.deliver() for _ in range(limits.LOGOUT_TRIES)]
    assert done == [[False]] * (limits.LOGOUT_TRIES - 1) + [[True]]
    assert queue.waiting() == 0
    assert len(set(told.tokens)) == limits.LOGOUT_TRIES, "each try has a token of its own"
    assert not told.server.asked, "redirects are not followed"
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "send_logout" in line]
    assert [line["outcome"] for line in lines] == ["logout not accepted"] * (limits.LOGOUT_TRIES - 1) + [
        "logout given up"
    ]
    assert lines[-1]["client_id"] == shop.client_id
    assert str(status) in lines[-1]["reason"]


def test_no_content_accepts_it_too(john: Browser, shop: ClientApp, queue: Queue, told: Told) -> None:
    told.status = 204
    connected(shop, john)
    john.sign_out()
    assert queue.deliver() == [True]


@pytest.mark.spec("docs/security.md")
def test_token_goes_to_no_private_address(
    john: Browser, shop: ClientApp, queue: Queue, told: Told, capsys: pytest.CaptureFixture[str]
) -> None:
    connected(shop, john)
    john.sign_out()
    queue.show_again()
    for address in ("127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1"):
        told.server.addresses = [address]
        assert queue.deliver() == [False]
    assert told.server.connected == []
    assert told.tokens == []
    assert "not public" in capsys.readouterr().out


@pytest.mark.parametrize("change", [{"active": False}, {"backchannel_logout_uri": None}])
def test_application_that_is_disabled_or_wants_no_more_is_told_nothing(
    john: Browser, shop: ClientApp, queue: Queue, told: Told, change: dict[str, Any]
) -> None:
    connected(shop, john)
    john.sign_out()
    set_up(shop, **change)
    assert queue.deliver() == [True]
    assert told.tokens == []


def test_own_fault_leaves_the_message(
    john: Browser, shop: ClientApp, queue: Queue, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected(shop, john)
    john.sign_out()
    queue.show_again()
    with monkeypatch.context() as without_keys:
        changed: Any = replace(settings.SETTINGS, signing_keys=None)
        without_keys.setattr(settings, "SETTINGS", changed)
        assert [queue.deliver() for _ in range(limits.LOGOUT_TRIES + 1)] == [[False]] * (limits.LOGOUT_TRIES + 1)
    assert queue.deliver() == [True]
    assert len(told.tokens) == 1


def test_sign_out_succeeds_without_the_queue(
    john: Browser, shop: ClientApp, queue: Queue, told: Told, capsys: pytest.CaptureFixture[str]
) -> None:
    connected(shop, john)
    queue.client.delete_queue(QueueUrl=queue.url)
    kept = john.http.cookies["lanyard-session"]
    assert "You are signed out." in john.sign_out().text
    john.http.cookies["lanyard-session"] = kept
    assert not is_signed_in(john)
    assert '"logout_queue_error":"' in capsys.readouterr().out


def test_queue_that_does_not_answer_holds_a_sign_out_up_for_a_moment_only(
    john: Browser, shop: ClientApp, queue: Queue, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected(shop, john)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", f"http://127.0.0.1:{silent.getsockname()[1]}")
        logout_queue._client.cache_clear()
        logout_queue._url.cache_clear()
        started = time.monotonic()
        john.sign_out()
        assert time.monotonic() - started < limits.LOGOUT_QUEUE_SECONDS + 2
    assert not is_signed_in(john)


def test_queue_that_does_not_answer_leaves_no_session_alive(
    john: Browser, shop: ClientApp, queue: Queue, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are: they may be somebody else's."""
    account = storage.read(User.key(john.user.user_id))[0]
    assert account is not None
    for _ in range(6):
        session.start(account, UNKNOWN)
        for found in session.live_ones(account):
            entry = f"{shop.client_id} {session.public_id(found.session_digest)} {shop.base_url}"
            storage.change(found.own_key, [Session.told.add({entry})])
    page = john.open("/settings/security")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", f"http://127.0.0.1:{silent.getsockname()[1]}")
        logout_queue._client.cache_clear()
        logout_queue._url.cache_clear()
        assert john.press(page, "Sign out everywhere else").status == 200
    assert len(session.live_ones(account)) == 1


def test_message_that_the_queue_refuses_is_sent_again_and_keeps_no_other_back(
    john: Browser, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = [logout_queue.Ended(f"client-{number}", john.base_url, john.user.user_id, "sid") for number in range(25)]
    with RefusingQueue(["client-3"]) as refusing:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", refusing.url)
        logout_queue._client.cache_clear()
        logout_queue._url.cache_clear()
        logout_queue.put(ended)
    assert sorted(refusing.taken) == sorted(one.client_id for one in ended)


@pytest.mark.spec("docs/operations.md")
def test_application_that_wants_nothing_costs_nothing(
    john: Browser, shop: ClientApp, queue: Queue, store: StoreProxy
) -> None:
    page = john.open(shop.authorize_path(scope="openid"))
    with store.count() as calls:
        code = john.allow(page).code
    of_answer = calls[-1]
    assert "test-sessions" not in of_answer.tables
    assert shop.exchange(code).status_code == 200
    page = john.open("/logout")
    with store.count() as calls:
        john.press(page, "Sign out")
    assert [call.operation for call in calls][:2] == ["BatchGetItem", "DeleteItem"]
    assert queue.waiting() == 0


@pytest.mark.spec("docs/operations.md")
def test_being_told_costs_one_part_of_the_first_answers_transaction(
    john: Browser, shop: ClientApp, queue: Queue, told: Told, store: StoreProxy
) -> None:
    with store.count() as calls:
        connected(shop, john)
    (answer,) = [call for call in calls if "Write" in call.operation and "test-sessions" in call.tables]
    assert answer.operation == "TransactWriteItems"
    assert "test-authorization_codes" in answer.tables
    with store.count() as calls:
        connected(shop, john)
    assert not [call for call in calls if "Write" in call.operation and "test-sessions" in call.tables]


def test_session_that_ended_meanwhile_gives_no_code(
    john: Browser, shop: ClientApp, queue: Queue, told: Told, store: StoreProxy
) -> None:
    """Otherwise the application would get an ID token in a session of whose end it is never told."""
    shop.connect(john, scope="openid")
    john.sign_out()
    queue.deliver()
    john.sign_in()

    def end_it() -> None:
        for found in _sessions(john):
            session.end(Session.key(found.user_id, found.session_digest))

    with store.before("TransactWriteItems", end_it):
        page = john.open(shop.authorize_path(scope="openid"))
    assert (page.left_to, page.path) == (None, "/login")
    assert queue.waiting() == 0


def _sessions(browser: Browser) -> list[Session]:
    account = storage.read(User.key(browser.user.user_id))[0]
    assert account is not None
    return session.live_ones(account)


def test_application_noted_after_the_session_was_read_is_told(
    john: Browser, shop: ClientApp, other_shop: ClientApp, queue: Queue, told: Told
) -> None:
    """A sign-out in one tab, and an answer in another, which comes between its read and its deletion."""
    set_up(other_shop, backchannel_logout_uri=told.uri)
    connected(shop, john)
    (read_before,) = _sessions(john)
    connected(other_shop, john)
    session.end(Session.key(read_before.user_id, read_before.session_digest), read_before.told or ())
    queue.deliver()
    assert len(told.tokens) == 2


@pytest.mark.spec("OpenID Connect Back-Channel Logout §2.1")
def test_metadata_says_whether_applications_are_told(base_url: str, signing_key: Any) -> None:
    found = requests.get(base_url + "/.well-known/openid-configuration", timeout=30).json()
    assert not [name for name in found if name.startswith("backchannel")]


@pytest.mark.spec("OpenID Connect Back-Channel Logout §2.1")
def test_metadata_says_that_applications_are_told(base_url: str, queue: Queue) -> None:
    found = requests.get(base_url + "/.well-known/openid-configuration", timeout=30).json()
    assert (found["backchannel_logout_supported"], found["backchannel_logout_session_supported"]) == (True, True)


@pytest.mark.spec("OpenID Connect Back-Channel Logout §2.2")
def test_registration_takes_an_address_that_can_be_told(
    base_url: str, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed: Any = replace(settings.SETTINGS, registration="open")
    monkeypatch.setattr(settings, "SETTINGS", changed)

    def register(**metadata: Any) -> dict[str, Any]:
        document = {"client_name": "A host", "redirect_uris": [CALLBACK], **metadata}
        answer = requests.post(base_url + "/api/v1/oauth/register", json=document, timeout=30)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    good = f"https://{HOST}{PATH}"
    made = register(backchannel_logout_uri=good, backchannel_logout_session_required=True)
    assert (made["backchannel_logout_uri"], made["backchannel_logout_session_required"]) == (good, True)
    bad = ("http://shop.example.com/", good + "#x", "https://shop.example.com:8443/", "https://u:p@x.example/", "/x", 7)
    for uri in bad:
        assert "backchannel_logout_uri" not in register(backchannel_logout_uri=uri), uri
    without: Any = replace(settings.SETTINGS, logout_queue=None)
    monkeypatch.setattr(settings, "SETTINGS", without)
    assert "backchannel_logout_uri" not in register(backchannel_logout_uri=good)


def test_developer_registers_the_address_on_the_settings_page(john: Browser, queue: Queue) -> None:
    mine = john.register_application("Mine")
    path = f"/settings/applications/{mine.client_id}"
    page = john.press(john.open(path), "Save", backchannel_logout_uri="http://shop.example.com/")
    assert page.status == 400
    assert "This must start with https://" in page.text
    assert john.press(page, "Save", backchannel_logout_uri="https://shop.example.com/out").status == 200
    assert john.open(path).field("backchannel_logout_uri") == "https://shop.example.com/out"
    found = application.get(mine.client_id)
    assert found is not None
    assert found.backchannel_logout_uri == "https://shop.example.com/out"


def test_stage_without_a_queue_does_not_offer_it_and_keeps_what_was_registered(john: Browser, signing_key: Any) -> None:
    mine = john.register_application("Mine")
    set_up(mine, backchannel_logout_uri="https://shop.example.com/out", post_logout_redirect_uris=[SIGNED_OUT])
    path = f"/settings/applications/{mine.client_id}"
    page = john.open(path)
    assert "backchannel" not in page.response.text.lower()
    assert john.press(page, "Save", name="Mine").status == 200
    found = application.get(mine.client_id)
    assert found is not None
    assert found.backchannel_logout_uri == "https://shop.example.com/out"


@pytest.mark.spec("OpenID Connect RP-Initiated Logout §4")
def test_logout_token_is_no_hint(john: Browser, shop: ClientApp, queue: Queue, told: Told) -> None:
    connected(shop, john)
    john.sign_out()
    queue.deliver()
    page = john.open(asking(id_token_hint=told.tokens[0]))
    assert page.status == 400
    assert "is not an ID token of this provider" in page.text
