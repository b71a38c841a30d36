"""/settings/applications/{id}/requests: a developer sees why requests were refused."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

import pytest
import requests
from bs4 import Tag

from chalicelib import credentials, limits
from chalicelib.models import application, recent_request
from chalicelib.models.application import NONE, Profile
from chalicelib.protocol.clients import recent_requests
from tests.actors import CALLBACK, Browser, ClientApp
from tests.conftest import Clock
from tests.public_app import PublicApp
from tests.signing_app import SigningApp
from tests.store_proxy import Fault, StoreProxy

TOKEN = "/api/v1/oauth/token"
AUTHORIZE = "/api/v1/oauth/authorize"


@dataclass(frozen=True)
class Line:
    """A line as the page shows it. rest: everything below the error code."""

    error: str
    rest: str


def lines(browser: Browser, app: ClientApp) -> list[Line]:
    page = browser.open(f"/settings/applications/{app.client_id}/requests")
    assert page.status == 200
    found = page.html.select('ul[aria-labelledby="refused"] > li')
    return [Line(_text(item.find("h3")), " ".join(item.get_text(" ").split())) for item in found]


def _text(found: object) -> str:
    assert isinstance(found, Tag)
    return found.get_text()


def kept(app: ClientApp) -> list[recent_request.RecentRequest]:
    return recent_request.newest_first(app.client_id)


@pytest.fixture
def mine(john: Browser) -> ClientApp:
    return john.register_application("Mine")


@pytest.mark.spec("docs/architecture.md", "RFC 6749 §5.2")
def test_developer_sees_why_a_request_was_refused_and_what_to_do(john: Browser, mine: ClientApp) -> None:
    page = john.open(f"/settings/applications/{mine.client_id}")
    link = page.link("Recent requests")
    assert link is not None
    assert "No request was refused in the last seven days." in john.open(link).text
    assert mine.exchange("lyac_never-issued").status_code == 400
    (line,) = lines(john, mine)
    assert line.error == "invalid_grant"
    assert "The code is unknown, or it is another application's." in line.rest
    assert "Exchange each code once, right after the redirect" in line.rest
    assert f"{TOKEN} · authorization_code" in line.rest
    assert "The request authenticated as this application." in line.rest


@pytest.mark.spec("docs/architecture.md")
def test_newest_request_is_listed_first(john: Browser, mine: ClientApp, clock: Clock) -> None:
    mine.exchange("x")
    clock.advance(10)
    mine.call_token(grant_type="password")
    assert [line.error for line in lines(john, mine)] == ["unsupported_grant_type", "invalid_grant"]


@pytest.mark.spec("RFC 6749 §4.1.2.1")
def test_wrong_redirect_uri_is_listed_without_its_path(john: Browser, mine: ClientApp) -> None:
    wrong = "https://somebody.example.net:8443/secret-path?token=abc"
    assert john.open(mine.authorize_path(redirect_uri=wrong)).status == 400
    (line,) = lines(john, mine)
    assert line.error == "invalid_redirect_uri"
    assert "Register the redirect URL of the request in the settings" in line.rest
    assert "https://somebody.example.net:8443" in line.rest
    assert "secret-path" not in str(kept(mine)[0].to_simple_dict())
    assert "did not prove who sent it" in line.rest


@pytest.mark.spec("RFC 6749 §4.1.2.1")
def test_refused_authorization_request_is_listed(john: Browser, mine: ClientApp) -> None:
    john.open(mine.authorize_path(scope="everything"))
    assert [line.error for line in lines(john, mine)] == ["invalid_scope"]


@pytest.mark.spec("docs/architecture.md")
def test_good_request_and_one_about_the_user_write_no_line(john: Browser, mine: ClientApp, store: StoreProxy) -> None:
    answered = john.allow(john.open(mine.authorize_path()), "Big Events LLC", "Small Shows")
    with store.count() as calls:
        assert mine.exchange(answered.code).status_code == 200
        assert john.press(john.open(mine.authorize_path(prompt="consent")), "Deny").answer["error"] == "access_denied"
        Browser(john.base_url).open(mine.authorize_path(prompt="none"))
    assert not [call for call in calls if "test-recent_requests" in call.tables]
    assert kept(mine) == []


@pytest.mark.spec("RFC 8628 §3.5")
def test_polling_device_writes_no_line(john: Browser) -> None:
    made, _ = application.create(
        credentials.new_id(),
        owner_id=john.user.user_id,
        name="A television",
        redirect_uris=[],
        profile=Profile(auth_method=NONE, device_grant=True),
    )
    app = PublicApp(john.base_url, made.client_id, "", "")
    started = requests.post(
        f"{app.base_url}/api/v1/oauth/device_authorization", data={"client_id": app.client_id}, timeout=10
    ).json()
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": started["device_code"]}
    answer = requests.post(f"{app.base_url}{TOKEN}", data={"client_id": app.client_id, **form}, timeout=10)
    assert answer.json()["error"] == "authorization_pending"
    assert kept(app) == []


@pytest.mark.spec("docs/architecture.md", "RFC 6749 §5.2")
@pytest.mark.parametrize(
    ("headers", "body", "error"),
    [
        ({"Content-Type": "application/json"}, '{{"client_id": "{id}", "grant_type": "refresh_token"}}', "must be"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, "client_id={id}&scope=read", "grant_type is missing"),
        ({"Content-Type": "text/plain"}, "client_id={id}", "must be"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, "client_id={id}&code=a&code=b", "more than once"),
    ],
)
def test_request_refused_before_its_client_is_read_is_listed(
    mine: ClientApp, headers: dict[str, str], body: str, error: str
) -> None:
    url = mine.base_url + TOKEN
    assert requests.post(url, body.format(id=mine.client_id), headers=headers, timeout=10).status_code == 400
    (line,) = kept(mine)
    assert error in line.description
    assert line.sender == "anybody"


@pytest.mark.spec("docs/architecture.md")
@pytest.mark.parametrize("body", ["{", "[1]", "\xff", "client_id=%00", "client_id=" + "x" * 600, "{" * 5000])
def test_request_that_names_no_client_writes_nothing(base_url: str, store: StoreProxy, body: str) -> None:
    with store.count() as calls:
        requests.post(base_url + TOKEN, body.encode("latin-1"), headers={"Content-Type": "text/plain"}, timeout=10)
    assert calls == []


@pytest.mark.spec("docs/security.md")
def test_unknown_client_writes_nothing_and_a_wrong_secret_one_line(mine: ClientApp, store: StoreProxy) -> None:
    with store.count() as calls:
        assert mine.exchange("x", auth=("nobody-at-all", "x")).status_code == 401
    assert [call.operation for call in calls if "PutItem" in call.operation] == []
    with store.count() as calls:
        assert mine.exchange("x", auth=(mine.client_id, "wrong")).status_code == 401
    assert [(call.operation, call.tables) for call in calls[1:]] == [("PutItem", ("test-recent_requests",))]
    assert [line.sender for line in kept(mine)] == ["anybody"]


@pytest.mark.spec("docs/security.md")
def test_no_secret_code_or_token_is_kept(john: Browser, mine: ClientApp) -> None:
    sent = {"code": "lyac_something-secret", "refresh_token": "lyrt_something-secret", "token": "lyat_something-secret"}
    mine.exchange(sent["code"], code_verifier="a-verifier-something-secret")
    mine.call_token(grant_type="refresh_token", refresh_token=sent["refresh_token"])
    mine.exchange("x", auth=(mine.client_id, "lycs_something-secret"))
    john.open(mine.authorize_path(state="something-secret", redirect_uri="https://x.example/something-secret"))
    found = kept(mine)
    assert len(found) == 4
    assert "something-secret" not in str([line.to_simple_dict() for line in found])


@pytest.mark.spec("docs/security.md")
def test_only_the_owner_sees_the_requests(eve: Browser, mine: ClientApp) -> None:
    path = f"/settings/applications/{mine.client_id}/requests"
    assert eve.open(path).status == 404
    assert Browser(eve.base_url).open(path).path == "/login"


@pytest.mark.spec("docs/security.md")
def test_flood_costs_no_more_than_the_limit_and_keeps_what_the_application_itself_sent(
    mine: ClientApp, store: StoreProxy, clock: Clock
) -> None:
    clock.stop()
    mine.exchange("x")
    with store.count() as calls:
        for _ in range(limits.RECENT_REQUESTS_PER_MINUTE + 5):
            mine.exchange("x", auth=(mine.client_id, "wrong"))
    written = [call for call in calls if call.operation == "PutItem"]
    assert len(written) == limits.RECENT_REQUESTS_PER_MINUTE - 1
    for _ in range(4):
        clock.advance(60)
        for _ in range(limits.RECENT_REQUESTS_PER_MINUTE):
            mine.exchange("x", auth=(mine.client_id, "wrong"))
    found = kept(mine)
    assert len(found) == limits.RECENT_REQUESTS_LIMIT // 2 + 1
    assert [line.sender for line in found].count("authenticated") == 1


@pytest.mark.spec("docs/security.md")
def test_process_keeps_a_limited_number_of_lines_in_all(clock: Clock) -> None:
    clock.stop()
    budget = recent_requests.Budget()
    taken = [budget.take(f"client {number}") for number in range(limits.RECENT_REQUESTS_PER_MINUTE_IN_ALL + 1)]
    assert taken == [True] * limits.RECENT_REQUESTS_PER_MINUTE_IN_ALL + [False]
    clock.advance(60)
    assert budget.take("client 1")


@pytest.mark.spec("docs/security.md")
def test_flood_of_requests_that_name_a_client_costs_no_more_reads_than_the_limit(
    base_url: str, store: StoreProxy, clock: Clock
) -> None:
    clock.stop()
    with store.count() as calls:
        for _ in range(limits.RECENT_REQUESTS_PER_MINUTE + 5):
            requests.post(base_url + TOKEN, "client_id=nobody", headers={"Content-Type": "text/plain"}, timeout=10)
    assert [call.operation for call in calls] == ["GetItem"] * limits.RECENT_REQUESTS_PER_MINUTE


@pytest.mark.spec("docs/architecture.md")
def test_requests_of_several_applications_do_not_use_up_each_others_slots(
    mine: ClientApp, other_shop: ClientApp, clock: Clock
) -> None:
    clock.stop()
    for _ in range(3):
        for _ in range(limits.RECENT_REQUESTS_PER_MINUTE):
            mine.exchange("x")
            other_shop.exchange("x")
        clock.advance(60)
    half = limits.RECENT_REQUESTS_LIMIT // 2
    assert (len(kept(mine)), len(kept(other_shop))) == (half, half)


@pytest.mark.spec("docs/reliability.md")
def test_bug_in_recording_does_not_change_the_answer(mine: ClientApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RECENT_REQUESTS_LIMIT", 0)  # so that the slot is the rest of a division by zero
    assert mine.exchange("x").json()["error"] == "invalid_grant"


@pytest.mark.spec("RFC 7523 §2.2")
def test_request_with_an_assertion_that_is_refused_early_is_listed(john: Browser) -> None:
    app = SigningApp.registered_by(john)
    form = {"client_assertion": app.assertion(), "code": "x"}
    assert requests.post(app.base_url + TOKEN, form, timeout=10).status_code == 400
    assert [line.description for line in kept(app)] == ["grant_type is missing."]


@pytest.mark.spec("docs/architecture.md")
def test_line_ends_after_seven_days(john: Browser, mine: ClientApp, clock: Clock) -> None:
    mine.exchange("x")
    clock.advance(limits.RECENT_REQUEST_KEPT_SECONDS)
    assert kept(mine) == []


@pytest.mark.spec("docs/reliability.md")
@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.HANGS, Fault.LOSES_ANSWER, Fault.DROPS_CONNECTION])
def test_answer_is_the_same_if_the_line_cannot_be_written(mine: ClientApp, store: StoreProxy, fault: Fault) -> None:
    good = mine.exchange("x")
    with store.fault(fault, "PutItem", table="recent_requests"):
        answer = mine.exchange("x")
    assert (answer.status_code, answer.json()) == (good.status_code, good.json()) == (400, good.json())


@pytest.mark.spec("docs/architecture.md")
def test_page_says_it_in_german(john: Browser, mine: ClientApp) -> None:
    mine.exchange("x")
    john.press(john.open("/settings/profile"), "Save", locale="de")
    page = john.open(f"/settings/applications/{mine.client_id}/requests")
    assert "Abgelehnte Anfragen" in page.text
    assert "Tauschen Sie jeden Code einmal ein" in page.text


@pytest.mark.spec("docs/security.md")
def test_host_of_a_redirect_uri_cannot_change_the_page(john: Browser, mine: ClientApp) -> None:
    for uri in ("https://<b>x</b>/", "https://[::1/", "javascript:alert(1)", "https://" + "a" * 3000, "//", "\u202e"):
        john.open(f"{AUTHORIZE}?" + urlencode({**mine.parameters(), "redirect_uri": uri}))
    page = john.open(f"/settings/applications/{mine.client_id}/requests")
    assert page.status == 200
    assert not page.html.select("main b")
    assert all(len(line.sent_to or "") <= limits.RECENT_REQUEST_ORIGIN_CHARACTERS for line in kept(mine))
    assert mine.redirect_uri == CALLBACK
