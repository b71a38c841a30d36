"""Applications with the client id and secret of another system, which they go on using."""

from __future__ import annotations

import base64
import json
import secrets
import shlex
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import requests

from chalicelib import credentials, limits, settings
from chalicelib.models import application, application_edit, client_secret
from chalicelib.models import store as storage
from chalicelib.models.application import Application
from tests import people
from tests.actors import CALLBACK, Browser, ClientApp, Person
from tests.conftest import Clock
from tests.gateway import Gateway
from tests.people import hash_like_django as hashed
from tests.store_proxy import Call, Fault, StoreProxy

pytestmark = pytest.mark.spec("docs/platform/import.md")
# As django-oauth-toolkit makes them, and with everything that RFC 6749 allows and URLs, forms and shells treat alone.
IDS = ["toolkit", "symbols"]
FOREIGN = {"toolkit": "", "symbols": "a/../b?c=d&e=%20+~#'\"<i>$;{x}"}


def a_secret() -> str:
    return secrets.token_hex(32)


def with_hash(base_url: str, secret: str | None = None, **more: Any) -> ClientApp:
    secret = secret or a_secret()
    return people.import_application(base_url, secrets.token_hex(20), secret, stored_secret=hashed(secret), **more)


def stored(app: ClientApp) -> Application:
    found = application.get(app.client_id)
    assert found is not None
    return found


def error_of(app: ClientApp, **form: Any) -> str:
    """What the token endpoint says; `invalid_grant` if the client authenticated."""
    sent = {"grant_type": "authorization_code", "code": "made-up", "redirect_uri": CALLBACK, **form}
    return str(app.call_token(**sent).json()["error"])


def operations(calls: list[Call]) -> list[str]:
    return [call.operation for call in calls]


@pytest.fixture(params=IDS)
def old_shop(request: pytest.FixtureRequest, base_url: str) -> ClientApp:
    return people.import_application(base_url, FOREIGN[request.param] + secrets.token_hex(20), a_secret())


def basic(app: ClientApp) -> dict[str, str]:
    """Client id and secret as RFC 6749 has them encoded."""
    pair = f"{quote(app.client_id, safe='')}:{quote(app.secret, safe='')}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


@pytest.mark.spec("RFC 6749 §2.2", "RFC 6749 §2.3.1")
def test_client_id_of_another_system_works_at_every_endpoint(john: Browser, old_shop: ClientApp) -> None:
    api, named = old_shop.base_url + "/api/v1", {"client_id": old_shop.client_id}
    page = john.open(old_shop.authorize_path())
    assert page.title == "Authorize An imported shop?"
    form: dict[str, Any] = {"grant_type": "authorization_code", "redirect_uri": CALLBACK}
    with_basic: dict[str, Any] = {**form, "code": john.allow(page, "Big Events LLC").code}
    tokens = old_shop.call_token(headers=basic(old_shop), **with_basic).json()
    in_form = {**named, "client_secret": old_shop.secret}
    code = john.open(old_shop.authorize_path()).code
    assert requests.post(api + "/oauth/token", data={**form, **in_form, "code": code}, timeout=30).status_code == 200
    described = requests.post(
        api + "/oauth/introspect", data={"token": tokens["access_token"]}, headers=basic(old_shop), timeout=30
    ).json()
    assert described["client_id"] == old_shop.client_id
    assert old_shop.me(tokens["access_token"]).status_code == 200
    pushed = requests.post(
        api + "/oauth/par", data={**old_shop.parameters(client_id=None), **named}, headers=basic(old_shop), timeout=30
    ).json()
    assert john.open(f"/api/v1/oauth/authorize?{urlencode({**named, 'request_uri': pushed['request_uri']})}").code
    refreshed = requests.post(
        api + "/oauth/token",
        data={"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], **in_form},
        timeout=30,
    )
    assert refreshed.status_code == 200
    revoked = requests.post(
        api + "/oauth/revoke_token", data={"token": tokens["refresh_token"]}, headers=basic(old_shop), timeout=30
    )
    assert revoked.status_code == 200
    assert old_shop.me(refreshed.json()["access_token"]).status_code == 401


def test_log_has_the_client_id_that_the_application_sends(
    john: Browser, old_shop: ClientApp, capfd: pytest.CaptureFixture[str]
) -> None:
    code = john.allow(john.open(old_shop.authorize_path()), "Big Events LLC").code
    form: dict[str, Any] = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code": code}
    tokens = old_shop.call_token(headers=basic(old_shop), **form).json()
    assert old_shop.me(tokens["access_token"]).status_code == 200
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines() if line.startswith("{")]
    assert {line["client_id"] for line in lines if line.get("client_id")} == {old_shop.client_id}


def test_device_gets_tokens_with_a_client_id_of_another_system(john: Browser, old_shop: ClientApp) -> None:
    found = stored(old_shop)
    application_edit.edit(
        found.client_id,
        name=found.name,
        redirect_uris=found.redirect_uris,
        profile=replace(application.CLASSIC, device_grant=True),
    )
    start = requests.post(
        old_shop.base_url + "/api/v1/oauth/device_authorization",
        data={"client_id": old_shop.client_id, "client_secret": old_shop.secret, "scope": "profile"},
        timeout=30,
    ).json()
    page = john.open("/device", user_code=start["user_code"])
    john.press(page, "Authorize")
    got = old_shop.call_token(
        headers=basic(old_shop),
        grant_type="urn:ietf:params:oauth:grant-type:device_code",
        device_code=start["device_code"],
    )
    assert old_shop.me(got.json()["access_token"]).status_code == 200


@pytest.mark.spec("docs/security.md")
def test_imported_application_is_known_by_one_client_id_only(john: Browser, old_shop: ClientApp) -> None:
    """Neither the id that it is stored under is its client id, nor one that differs in case."""
    for other in (application.stored_id(old_shop.client_id), old_shop.client_id.swapcase(), old_shop.client_id + " "):
        imitation = ClientApp(old_shop.base_url, other, old_shop.secret, CALLBACK)
        page = john.open(imitation.authorize_path())
        assert page.status == 400
        assert page.left_to is None
        answer = imitation.call_token(headers=basic(imitation), grant_type="refresh_token", refresh_token="x")
        assert answer.json()["error"] == "invalid_client"


def test_developer_finds_the_client_id_of_another_system_on_every_page(old_shop: ClientApp) -> None:
    found = stored(old_shop)
    browser = Browser(old_shop.base_url, Person(str(found.owner_id), ""))
    people.sign_in(browser)
    path = f"/settings/applications/{found.client_id}"
    for page in (browser.open("/settings/applications"), browser.open(path), browser.open(path + "/connect")):
        assert page.status == 200
        assert old_shop.client_id in page.text or shlex.quote(old_shop.client_id) in page.text
    for part in ("/secret", "/owners", "/requests", "/disconnect", "/delete"):
        assert browser.open(path + part).status == 200
    renamed = browser.press(browser.open(path), "Save", name="Renamed")
    assert renamed.status == 200
    shown = browser.press(browser.open(path + "/secret"), "Regenerate secret")
    secret, client_id = shown.html.find(id="client-secret"), shown.html.find(id="client-id")
    assert secret is not None
    assert client_id is not None
    assert client_id.get_text() == old_shop.client_id
    old_shop.secret = secret.get_text()
    form: dict[str, Any] = {"grant_type": "authorization_code", "code": "made-up", "redirect_uri": CALLBACK}
    assert old_shop.call_token(headers=basic(old_shop), **form).json()["error"] == "invalid_grant"
    assert "The code is unknown" in browser.open(path + "/requests").text
    assert browser.open(f"/settings/applications/{quote(old_shop.client_id, safe='')}").status == 404


def test_user_sees_and_ends_what_an_imported_application_may_do(john: Browser, old_shop: ClientApp) -> None:
    code = john.press(john.open(old_shop.authorize_path(scope="profile")), "Authorize").code
    form: dict[str, Any] = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code": code}
    token = old_shop.call_token(headers=basic(old_shop), **form).json()["access_token"]
    page = john.open("/settings/authorized")
    assert "An imported shop" in page.text
    john.press(page, "Revoke")
    assert old_shop.me(token).status_code == 401


@pytest.mark.spec("docs/operations.md")
def test_hashed_secret_is_checked_once_and_then_costs_what_any_other_does(base_url: str, store: StoreProxy) -> None:
    app = with_hash(base_url)

    def introspect() -> list[str]:
        with store.count() as calls:
            app.http.post(base_url + "/api/v1/oauth/introspect", data={"token": "x"}, auth=(app.client_id, app.secret))
        return [f"{call.operation} {call.tables[0]}" for call in calls]

    counted = ["UpdateItem test-throttles"] * 3  # per address, per application and address, per application
    once, used = "UpdateItem test-applications", "UpdateItem test-applications"
    assert introspect() == ["GetItem test-applications", *counted, once, *counted, used]
    found = stored(app)
    assert (found.secret_digest, found.secret_used_at is not None) == (credentials.digest(app.secret), True)
    assert introspect() == ["GetItem test-applications"]


def test_connect_flow_with_a_hashed_secret_stays_within_the_budget_after_its_first_use(
    john: Browser, store: StoreProxy
) -> None:
    app = with_hash(john.base_url)
    first = app.connect(john, "Big Events LLC")
    code = john.open(app.authorize_path()).code
    with store.count() as calls:
        tokens = app.exchange(code).json()
    assert operations(calls) == ["BatchGetItem", "TransactWriteItems"]
    with store.count() as calls:
        assert app.refresh(tokens["refresh_token"]).status_code == 200
    assert operations(calls) == ["BatchGetItem", "TransactWriteItems"]
    assert app.refresh(first["refresh_token"]).status_code == 200


def test_wrong_secret_of_an_application_without_a_hash_costs_one_read(shop: ClientApp, store: StoreProxy) -> None:
    shop.secret = a_secret()
    with store.count() as calls:
        assert error_of(shop) == "invalid_client"
    assert "UpdateItem" not in operations(calls)


def test_wrong_secret_changes_nothing(base_url: str) -> None:
    app = with_hash(base_url)
    before, right = stored(app).secret_digest, app.secret
    for wrong in (a_secret(), hashed(right), credentials.digest(right)):
        app.secret = wrong
        assert error_of(app) == "invalid_client"
    assert stored(app).secret_digest == before
    app.secret = right
    assert error_of(app) == "invalid_grant"


def test_disabled_application_gets_no_slow_check(base_url: str, store: StoreProxy) -> None:
    app = with_hash(base_url)
    application_edit.disable(app.client_id)
    with store.count() as calls:
        assert error_of(app) == "invalid_client"
    assert "UpdateItem" not in operations(calls)


def test_secret_that_is_easy_to_guess_keeps_its_slow_hash(base_url: str) -> None:
    app = with_hash(base_url, "correct horse")
    before = stored(app).secret_digest
    assert [error_of(app) for _ in range(limits.HASHED_SECRET_TRIES_PER_CLIENT + 1)] == ["invalid_grant"] * (
        limits.HASHED_SECRET_TRIES_PER_CLIENT + 1
    ), "right secrets are not counted"
    assert stored(app).secret_digest == before


@pytest.mark.spec("docs/security.md", "RFC 6749 §2.3.1")
def test_guesses_at_a_hashed_secret_are_limited_and_others_are_let_in(
    base_url: str, application: Any, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    clock.stop()
    app, other = with_hash(base_url), with_hash(base_url)
    right = app.secret
    public_url = "https://connect.example.com"
    monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, public_url=public_url))

    def at(address: str, secret: str, client_id: str = app.client_id) -> requests.Response:
        caller = ClientApp(public_url, client_id, secret, CALLBACK)
        caller.http.mount("https://", Gateway(application, "", address=address))
        return caller.exchange("made-up")

    answers = [at("203.0.113.7", a_secret()) for _ in range(limits.HASHED_SECRET_TRIES_PER_CLIENT)]
    assert {answer.json()["error"] for answer in answers} == {"invalid_client"}
    refused = at("203.0.113.7", right)
    assert (refused.status_code, refused.json()["error"]) == (429, "temporarily_unavailable")
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert refused.json()["error_description"].startswith("Too many tries of an imported secret recently.")
    assert at("203.0.113.7", other.secret, other.client_id).json()["error"] == "invalid_grant", "another application"
    assert at("203.0.113.8", right).json()["error"] == "invalid_grant", "the application's own server"
    assert at("203.0.113.7", right).json()["error"] == "invalid_grant", "its secret needs no slow check any more"
    assert at("203.0.113.7", a_secret()).json()["error"] == "invalid_client"


def test_guesses_from_one_address_are_limited_over_all_applications(
    base_url: str, application: Any, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    clock.stop()
    monkeypatch.setattr(limits, "HASHED_SECRET_TRIES_PER_ADDRESS", 3)
    apps = [with_hash(base_url) for _ in range(4)]
    public_url = "https://connect.example.com"
    monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, public_url=public_url))
    statuses = []
    for app in apps:
        caller = ClientApp(public_url, app.client_id, a_secret(), CALLBACK)
        caller.http.mount("https://", Gateway(application, "", address="203.0.113.9"))
        statuses.append(caller.exchange("made-up").status_code)
    assert statuses == [401, 401, 401, 429]
    clock.advance(limits.HASHED_SECRET_WINDOW_SECONDS)
    caller.secret = apps[-1].secret
    assert caller.exchange("made-up").json()["error"] == "invalid_grant"


def test_first_uses_at_once_all_succeed(base_url: str) -> None:
    app = with_hash(base_url)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: error_of(ClientApp(base_url, app.client_id, app.secret, CALLBACK)), range(8)))
    assert answers == ["invalid_grant"] * 8
    assert stored(app).secret_digest == credentials.digest(app.secret)


@pytest.mark.spec("docs/reliability.md")
@pytest.mark.parametrize("fault", [Fault.UNAVAILABLE, Fault.LOSES_ANSWER])
def test_digest_that_could_not_be_stored_is_stored_by_the_next_use(
    base_url: str, store: StoreProxy, fault: Fault
) -> None:
    app = with_hash(base_url)
    with store.fault(fault, "UpdateItem", passed=3):
        assert error_of(app) == "invalid_grant"
    assert stored(app).secret_digest in (hashed(app.secret), credentials.digest(app.secret))
    assert error_of(app) == "invalid_grant"
    assert stored(app).secret_digest == credentials.digest(app.secret)


def test_try_that_the_store_could_not_count_is_not_made(base_url: str, store: StoreProxy) -> None:
    app = with_hash(base_url)
    with store.fault(Fault.UNAVAILABLE, "UpdateItem"):
        answer = app.exchange("made-up")
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert stored(app).secret_digest == hashed(app.secret)


def test_secret_that_is_replaced_during_its_first_use_does_not_come_back(base_url: str, store: StoreProxy) -> None:
    app = with_hash(base_url)
    new = []

    def replace_it() -> None:
        new.append(client_secret.rotate(stored(app))[1])

    with store.before("UpdateItem", replace_it):
        assert error_of(app) == "invalid_grant", "it was right when it was checked"
    assert error_of(app) == "invalid_client"
    app.secret = new[0]
    assert error_of(app) == "invalid_grant"


def test_old_hashed_secret_works_as_long_as_its_rotation_promised(base_url: str, clock: Clock) -> None:
    app = with_hash(base_url)
    changed, new = client_secret.rotate(stored(app), keep_old_seconds=3600)
    assert changed.previous_secret_digest == hashed(app.secret)
    assert error_of(app) == "invalid_grant"
    assert stored(app).previous_secret_digest == credentials.digest(app.secret)
    assert error_of(ClientApp(base_url, app.client_id, new, CALLBACK)) == "invalid_grant"
    clock.advance(3600)
    assert error_of(app) == "invalid_client"
    unused = with_hash(base_url)
    client_secret.rotate(stored(unused), keep_old_seconds=3600)
    clock.advance(3600)
    assert error_of(unused) == "invalid_client", "also one that was never used here"


def test_replaced_hashed_secret_stops_at_once(base_url: str) -> None:
    app = with_hash(base_url)
    client_secret.rotate(stored(app))
    assert error_of(app) == "invalid_client"


def test_form_that_was_open_during_the_first_use_does_not_claim_to_have_regenerated_the_secret(base_url: str) -> None:
    app = with_hash(base_url)
    found = stored(app)
    browser = Browser(base_url, Person(str(found.owner_id), ""))
    people.sign_in(browser)
    form = browser.open(f"/settings/applications/{found.client_id}/secret")
    assert error_of(app) == "invalid_grant"
    again = browser.press(form, "Regenerate secret")
    assert (again.status, again.html.find(id="client-secret")) == (200, None)
    assert "already regenerated" not in again.text
    assert error_of(app) == "invalid_grant"
    assert browser.press(again, "Regenerate secret").html.find(id="client-secret")
    assert error_of(app) == "invalid_client"


def test_hashed_secret_can_introspect_and_revoke_before_it_gets_tokens(john: Browser, shop: ClientApp) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    for path, answer in (("introspect", True), ("revoke_token", None)):
        app = with_hash(john.base_url)
        response = app.http.post(
            f"{app.base_url}/api/v1/oauth/{path}",
            data={"token": tokens["access_token"]},
            auth=(app.client_id, app.secret),
        )
        assert (response.status_code, response.json().get("active")) == (200, answer)
    assert shop.me(tokens["access_token"]).status_code == 200, "another application's token is not revoked"


def test_refresh_token_of_the_other_system_is_an_invalid_grant(old_shop: ClientApp) -> None:
    answer = old_shop.call_token(headers=basic(old_shop), grant_type="refresh_token", refresh_token=a_secret())
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_client_ids_of_another_system_are_stored_apart_and_none_is_taken_over(base_url: str) -> None:
    first, second = (people.import_application(base_url, secrets.token_hex(20), a_secret()) for _ in range(2))
    assert stored(first).client_id != stored(second).client_id
    with pytest.raises(storage.ConditionFailed):
        people.import_application(base_url, first.client_id, a_secret())
    assert error_of(first) == "invalid_grant"
