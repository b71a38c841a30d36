"""A client id may be the URL of a document in which the application describes itself, and no document can make this
server call internal addresses (draft-ietf-oauth-client-id-metadata-document; server-side request forgery)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from joserfc.jwk import ECKey

from chalicelib import limits, outbound, settings
from chalicelib.models import application, application_access, application_edit, consent, grant
from chalicelib.protocol.clients import metadata_documents
from tests.actors import CALLBACK, Browser, ClientApp, Page
from tests.conftest import Clock
from tests.document_server import DocumentServer, trickle, write
from tests.public_app import PublicApp
from tests.signing_app import TYPE, SigningApp
from tests.store_proxy import Fault, StoreProxy

pytestmark = pytest.mark.spec("docs/architecture.md")
CHANGES = "TransactWriteItems"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
HOST = "client.example.com"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DocumentServer]:
    server = DocumentServer(tmp_path_factory.mktemp("documents"), HOST)
    yield server
    server.stop()


@pytest.fixture
def documents(running: DocumentServer, monkeypatch: pytest.MonkeyPatch) -> DocumentServer:
    """The document server, which the application reaches when it calls HOST; registration is open."""
    for kept in (running.asked, running.headers, running.connected, running.answers):
        kept.clear()
    running.addresses = ["93.184.215.14"]
    monkeypatch.setattr(outbound, "NETWORK", running.network())
    let(monkeypatch, "open")
    return running


def let(monkeypatch: pytest.MonkeyPatch, registration: str) -> None:
    changed: Any = replace(settings.SETTINGS, registration=registration)
    monkeypatch.setattr(settings, "SETTINGS", changed)


_numbers = iter(range(1, 10**6))


def publish(documents: DocumentServer, base_url: str, **changed: Any) -> PublicApp:
    """An application with a document at an address that no other test uses. Fields that are None are left out."""
    path = f"/client-{next(_numbers)}.json"
    client_id = f"https://{HOST}{path}"
    document = {"client_id": client_id, "client_name": "A described app", "redirect_uris": [CALLBACK], **changed}
    documents.answers[path] = {name: value for name, value in document.items() if value is not None}
    return PublicApp(base_url, client_id, "", CALLBACK)


def refused(page: Page) -> bool:
    return page.status == 400 and page.left_to is None and "Location" not in page.response.headers


def test_application_connects_with_its_documents_url_as_the_client_id(john: Browser, documents: DocumentServer) -> None:
    metadata = requests.get(john.base_url + "/.well-known/oauth-authorization-server", timeout=30).json()
    assert metadata["client_id_metadata_document_supported"] is True
    app = publish(documents, john.base_url)
    page = john.open(app.authorize_path())
    assert page.title == "Authorize A described app?"
    assert "This application registered itself." in page.text
    assert app.client_id in page.text
    assert "It will take you to shop.example.com" in page.text
    page = john.allow(page, "Big Events LLC")
    tokens = app.exchange(page.code).json()
    assert app.me(tokens["access_token"]).status_code == 200
    tokens = app.refresh(tokens["refresh_token"]).json()
    assert app.organizers(tokens["access_token"]).json()["count"] == 1
    assert app.revoke(tokens["refresh_token"]).status_code == 200
    assert app.me(tokens["access_token"]).status_code == 401
    assert len(documents.asked) == 1


def test_fetch_sends_nothing_but_the_request_and_only_to_the_address_that_was_checked(
    john: Browser, documents: DocumentServer
) -> None:
    john.open(publish(documents, john.base_url).authorize_path())
    assert documents.connected == ["93.184.215.14"]
    (headers,) = documents.headers
    assert headers["Host"] == HOST
    assert {name.lower() for name in headers} <= {"host", "accept", "accept-encoding", "connection"}


def test_described_client_may_authenticate_with_a_signed_assertion(john: Browser, documents: DocumentServer) -> None:
    key = ECKey.generate_key("P-256")
    described = publish(
        documents,
        john.base_url,
        token_endpoint_auth_method="private_key_jwt",
        jwks={"keys": [key.as_dict(private=False)]},
    )
    app = SigningApp(john.base_url, described.client_id, "", CALLBACK)
    app.key = key
    tokens = app.connect(john, "Big Events LLC")
    assert described.refresh(tokens["refresh_token"]).json()["error"] == "invalid_client"
    assert app.refresh(tokens["refresh_token"]).status_code == 200


CHOICE = "token_endpoint_auth_methods_supported"


@pytest.mark.spec("RFC 7523 §2.2", "RFC 9700 §2.5")
@pytest.mark.parametrize("named", ["private_key_jwt", "none", None])
def test_document_that_offers_several_methods_gets_the_best_one_and_never_another(
    john: Browser, documents: DocumentServer, named: str | None
) -> None:
    key = ECKey.generate_key("P-256")
    offer = {CHOICE: ["none", "private_key_jwt"], "token_endpoint_auth_method": named}
    described = publish(documents, john.base_url, **offer, jwks={"keys": [key.as_dict(private=False)]})
    app = SigningApp(john.base_url, described.client_id, "", CALLBACK)
    app.key = ECKey.generate_key("P-256")
    code = john.allow(john.open(described.authorize_path()), "Big Events LLC").code
    for wrong in (app.exchange(code, code_verifier=described.verifier), described.exchange(code)):
        assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    app.key = key
    assert app.exchange(code, code_verifier=described.verifier).status_code == 200


@pytest.mark.spec("RFC 7523 §2.2", "RFC 9700 §2.5")
@pytest.mark.parametrize("more", [{}, {"jwks_uri": "https://elsewhere.example.com/jwks.json"}], ids=str)
def test_document_that_offers_several_methods_without_its_keys_is_public(
    john: Browser, documents: DocumentServer, more: dict[str, str]
) -> None:
    offer = {CHOICE: ["none", "private_key_jwt"], "token_endpoint_auth_method": "private_key_jwt"}
    described = publish(documents, john.base_url, **offer, **more)
    code = john.allow(john.open(described.authorize_path()), "Big Events LLC").code
    app = SigningApp(john.base_url, described.client_id, "", CALLBACK)
    app.key = ECKey.generate_key("P-256")
    answer = app.exchange(code, code_verifier=described.verifier)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert described.exchange(code, code_verifier=None).json()["error"] == "invalid_grant", "PKCE stays required"
    assert john.open(described.authorize_path()).title == "Authorize A described app?", "asked every time"
    assert len(documents.asked) == 1


@pytest.mark.spec("RFC 7523 §2.2", "RFC 7517 §5")
@pytest.mark.parametrize("offered", [None, ["none", "private_key_jwt"]], ids=str)
def test_document_may_keep_its_keys_in_a_file_at_its_own_host(
    john: Browser, documents: DocumentServer, clock: Clock, offered: list[str] | None
) -> None:
    keys_at = f"/keys-{next(_numbers)}.json"
    described = publish(
        documents,
        john.base_url,
        token_endpoint_auth_method="private_key_jwt",
        jwks_uri=f"https://{HOST}{keys_at}",
        **({CHOICE: offered} if offered else {}),
    )
    app = SigningApp(john.base_url, described.client_id, "", CALLBACK)
    app.key = ECKey.generate_key("P-256")
    documents.answers[keys_at] = {"keys": [app.key.as_dict(private=False)]}
    tokens = app.connect(john, "Big Events LLC")
    assert documents.asked[1:] == [keys_at]
    assert described.refresh(tokens["refresh_token"]).json()["error"] == "invalid_client"
    app.key = ECKey.generate_key("P-256")
    documents.answers[keys_at] = {"keys": [app.key.as_dict(private=False)]}
    assert app.refresh(tokens["refresh_token"]).json()["error"] == "invalid_client", "the keys are kept for an hour"
    clock.advance(limits.DOCUMENT_FRESH_SECONDS)
    john.open(app.authorize_path())
    assert app.refresh(tokens["refresh_token"]).status_code == 200
    assert len(documents.asked) == 4


@pytest.mark.spec("docs/security.md", "RFC 9700 §2.5")
@pytest.mark.parametrize(
    "answer",
    [
        lambda handler: write(handler, 404, "application/json", b"{}"),
        lambda handler: write(handler, 302, "application/json", b"", Location="https://169.254.169.254/"),
        lambda handler: write(handler, 200, "application/json", b"[]"),
        lambda handler: write(handler, 200, "application/json", b"no JSON"),
        lambda handler: write(handler, 200, "application/json", b'{"keys": []}'),
        lambda handler: write(handler, 200, "application/json", b" " * 8193),
    ],
)
def test_document_whose_keys_cannot_be_fetched_is_refused_and_not_taken_for_public(
    john: Browser, documents: DocumentServer, answer: Callable[..., None]
) -> None:
    keys_at = f"/keys-{next(_numbers)}.json"
    documents.answers[keys_at] = answer
    offer = {CHOICE: ["none", "private_key_jwt"], "jwks_uri": f"https://{HOST}{keys_at}"}
    app = publish(documents, john.base_url, **offer)
    assert refused(john.open(app.authorize_path()))
    assert documents.asked[-1] == keys_at


@pytest.mark.spec("docs/security.md")
@pytest.mark.parametrize(
    "jwks_uri",
    [
        "https://elsewhere.example.com/jwks.json",
        f"https://{HOST}.evil.example/jwks.json",
        f"https://{HOST}:8443/jwks.json",
        f"https://{HOST}@evil.example/jwks.json",
        f"http://{HOST}/jwks.json",
        f"https://{HOST}/a/../jwks.json",
        f"https://{HOST}",
        "https://169.254.169.254/jwks.json",
        "file:///etc/passwd",
        "",
        7,
        None,
    ],
    ids=str,
)
def test_keys_at_any_other_address_are_not_fetched(
    john: Browser, documents: DocumentServer, jwks_uri: str | int | None
) -> None:
    app = publish(documents, john.base_url, token_endpoint_auth_method="private_key_jwt", jwks_uri=jwks_uri)
    assert refused(john.open(app.authorize_path()))
    assert len(documents.connected) == 1


def test_document_says_what_it_registers_and_the_rest_is_left_out(john: Browser, documents: DocumentServer) -> None:
    grant_types = ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:jwt-bearer", DEVICE]
    uris = ["javascript:alert(1)", CALLBACK, "http://shop.example.com/"]
    app = publish(
        documents, john.base_url, grant_types=grant_types, response_types=["code", "token"], redirect_uris=uris
    )
    assert app.connect(john, "Big Events LLC")["token_type"] == "Bearer"
    page = john.open(app.authorize_path(redirect_uri="http://shop.example.com/"))
    assert refused(page)
    assert "It cannot be: it must start with https://" in page.text
    page = john.open(app.authorize_path(redirect_uri="https://shop.example.com/other"))
    assert refused(page)
    assert "redirect_uri is not registered for this application." in page.text
    assert "It cannot be" not in page.text
    form = {"client_id": app.client_id}
    answer = requests.post(f"{app.base_url}/api/v1/oauth/device_authorization", data=form, timeout=30)
    assert answer.json()["error"] == "unauthorized_client"


@pytest.mark.spec("RFC 8252 §7.3", "RFC 8252 §7.1")
def test_document_of_a_native_application_may_have_its_own_scheme_and_any_port(
    john: Browser, documents: DocumentServer
) -> None:
    uris = ["http://localhost/callback", "cursor://anysphere.cursor-retrieval/oauth/callback"]
    app = publish(documents, john.base_url, redirect_uris=uris)
    for uri, shown in (
        ("http://localhost:51004/callback", "It will take you to localhost:51004"),
        (uris[1], "It will take you to an app on this device ( cursor: )."),
    ):
        app.redirect_uri = uri
        assert shown in john.open(app.authorize_path()).text
        assert app.connect(john, "Big Events LLC")["token_type"] == "Bearer"


def begin_to_sign(public: PublicApp, browser: Browser, documents: DocumentServer) -> SigningApp:
    """The application, after the server fetched a document that now has a key."""
    app = SigningApp(browser.base_url, public.client_id, "", CALLBACK)
    app.key = ECKey.generate_key("P-256")
    (document,) = documents.answers.values()
    document |= {
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [app.key.as_dict(private=False)]},
    }
    browser.open(app.authorize_path())
    return app


@pytest.mark.spec("RFC 9700 §4.14.2")
def test_idle_grant_that_ended_stays_ended_after_its_client_starts_to_sign(
    john: Browser, documents: DocumentServer, clock: Clock
) -> None:
    public = publish(documents, john.base_url)
    tokens = public.connect(john, "Big Events LLC")
    clock.advance(settings.SETTINGS.refresh_idle_days * limits.DAY_SECONDS)
    john.sign_in()
    app = begin_to_sign(public, john, documents)
    answer = app.refresh(tokens["refresh_token"])
    assert answer.json()["error"] == "invalid_grant"
    assert "was not used for 90 days and has ended" in answer.json()["error_description"]


@pytest.mark.spec("RFC 9700 §4.14.2")
def test_earlier_grants_no_longer_expire_when_idle_once_the_client_signs(
    john: Browser, documents: DocumentServer, clock: Clock
) -> None:
    public = publish(documents, john.base_url)
    tokens = public.connect(john, "Big Events LLC")
    (held,) = grant.held_by(john.user.user_id)
    assert held.forget_at is not None
    clock.advance(limits.DOCUMENT_FRESH_SECONDS)
    app = begin_to_sign(public, john, documents)
    assert app.refresh(tokens["refresh_token"]).status_code == 200
    (held,) = grant.held_by(john.user.user_id)
    assert held.forget_at is None
    clock.advance(365 * limits.DAY_SECONDS)
    assert app.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.spec("RFC 7662 §2.2")
def test_refresh_token_from_when_the_client_was_public_introspects_until_it_is_idle(
    john: Browser, documents: DocumentServer, clock: Clock, store: StoreProxy
) -> None:
    """Only then can its own client ask: a public client cannot introspect. What was used before is inactive, and the
    introspection of it, unlike its use, ends nothing."""
    public = publish(documents, john.base_url)
    first = public.connect(john, "Big Events LLC")["refresh_token"]
    second = public.refresh(first).json()["refresh_token"]
    clock.advance(limits.DOCUMENT_FRESH_SECONDS)
    third = public.refresh(second).json()["refresh_token"]
    app = begin_to_sign(public, john, documents)

    def introspected(token: str) -> dict[str, Any]:
        url = john.base_url + "/api/v1/oauth/introspect"
        form = {"client_assertion_type": TYPE, "client_assertion": app.assertion(), "token": token}
        return dict(requests.post(url, data=form, timeout=30).json())

    with store.count() as calls:
        for used in (first, second, first):  # the second within its grace period, the first after it
            assert introspected(used) == {"active": False}
    assert {table for call in calls if call.operation not in ("GetItem", "BatchGetItem") for table in call.tables} == {
        "test-used_assertions"
    }
    described = introspected(third)
    assert described["client_id"] == public.client_id
    idle_seconds = settings.SETTINGS.refresh_idle_days * limits.DAY_SECONDS
    assert described["exp"] - described["iat"] == idle_seconds
    clock.advance(idle_seconds - 60)
    assert introspected(third)["active"] is True
    clock.advance(60)
    assert introspected(third) == {"active": False}


def test_document_is_kept_for_an_hour_and_then_fetched_again(
    john: Browser, documents: DocumentServer, clock: Clock
) -> None:
    app = publish(documents, john.base_url)
    john.open(app.authorize_path())
    (document,) = documents.answers.values()
    document["client_name"] = "Renamed"
    assert john.open(app.authorize_path()).title == "Authorize A described app?"
    clock.advance(3600)
    assert john.open(app.authorize_path()).title == "Authorize Renamed?"
    document["redirect_uris"] = ["https://elsewhere.example/cb"]
    clock.advance(3600)
    assert refused(john.open(app.authorize_path()))
    assert len(documents.asked) == 3


def test_client_whose_document_is_gone_is_refused(john: Browser, documents: DocumentServer, clock: Clock) -> None:
    app = publish(documents, john.base_url)
    john.open(app.authorize_path())
    (path,) = documents.answers
    documents.answers[path] = lambda handler: write(handler, 404, "application/json", b"{}")
    clock.advance(3600)
    page = john.open(app.authorize_path())
    assert refused(page)
    assert "404" in page.text


def test_visitor_who_is_not_signed_in_cannot_make_this_server_fetch_a_document(
    john: Browser, documents: DocumentServer
) -> None:
    app = publish(documents, john.base_url)
    page = Browser(john.base_url).open(app.authorize_path())
    assert page.path == "/login"
    form = {"grant_type": "authorization_code", "code": "x"}
    assert app.call_token(**form).json()["error"] == "invalid_client"
    assert documents.connected == []
    assert john.person is not None
    browser = Browser(john.base_url, john.person)
    page = browser.open(app.authorize_path())
    page = browser.press(page, "Sign in", email=john.person.email, password=john.person.password)
    assert page.title == "Authorize A described app?"


@pytest.mark.spec("OpenID Connect Core §3.1.2.1")
def test_visitor_signs_in_once_for_a_request_with_login_whose_client_is_not_known_yet(
    john: Browser, documents: DocumentServer, clock: Clock
) -> None:
    assert john.person is not None
    browser = Browser(john.base_url, john.person)
    clock.advance(1)
    page = browser.open(publish(documents, john.base_url).authorize_path(prompt="login"))
    page = browser.press(page, "Sign in", email=john.person.email, password=john.person.password)
    assert page.title == "Authorize A described app?"


def test_number_of_documents_one_user_can_have_fetched_is_limited(john: Browser, documents: DocumentServer) -> None:
    for _ in range(limits.DOCUMENT_FETCHES_PER_USER):
        assert john.open(publish(documents, john.base_url).authorize_path()).status == 200
    page = john.open(publish(documents, john.base_url).authorize_path())
    assert refused(page)
    assert "Too many" in page.text
    assert len(documents.connected) == limits.DOCUMENT_FETCHES_PER_USER


@pytest.mark.spec("docs/security.md")
@pytest.mark.usefixtures("impatient_client")
def test_document_that_could_not_be_stored_does_not_count_toward_the_limit(
    john: Browser, documents: DocumentServer, store: StoreProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "DOCUMENT_FETCHES_PER_USER", 1)
    app = publish(documents, john.base_url)
    with store.fault(Fault.INTERNAL_ERROR, "TransactWriteItems"):
        assert [john.open(app.authorize_path()).status for _ in range(3)] == [503] * 3
    assert john.open(app.authorize_path()).title == "Authorize A described app?"


@pytest.mark.parametrize("registration", ["closed", "token"])
def test_described_client_is_refused_unless_registration_is_open(
    john: Browser, documents: DocumentServer, monkeypatch: pytest.MonkeyPatch, clock: Clock, registration: str
) -> None:
    known = publish(documents, john.base_url)
    john.open(known.authorize_path())
    let(monkeypatch, registration)
    for app in (known, publish(documents, john.base_url)):
        assert refused(john.open(app.authorize_path()))
        assert refused(Browser(john.base_url).open(app.authorize_path()))
    assert len(documents.connected) == 1


@pytest.mark.spec("docs/architecture.md")
def test_consents_the_operator_ended_stay_ended_after_the_document_is_fetched_again(
    john: Browser, documents: DocumentServer, clock: Clock
) -> None:
    app = publish(documents, john.base_url)
    tokens = app.connect(john, "Big Events LLC")
    consent.end_all(app.client_id)
    clock.advance(limits.DOCUMENT_FRESH_SECONDS)
    assert john.open(app.authorize_path()).title == "Authorize A described app?"
    assert app.me(tokens["access_token"]).status_code == 401
    assert app.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


@pytest.mark.spec("RFC 9700 §2.1", "docs/security.md")
@pytest.mark.parametrize("registration", ["open", "closed"])
def test_stored_id_of_a_described_client_is_not_accepted_as_its_client_id(
    john: Browser, documents: DocumentServer, monkeypatch: pytest.MonkeyPatch, registration: str
) -> None:
    app = publish(documents, john.base_url)
    tokens = app.connect(john, "Big Events LLC")
    code = john.allow(john.open(app.authorize_path()), "Big Events LLC").code
    let(monkeypatch, registration)
    second = PublicApp(app.base_url, application.stored_id(app.client_id), "", CALLBACK)
    assert refused(john.open(second.authorize_path()))
    assert refused(Browser(john.base_url).open(second.authorize_path()))
    answers = [second.exchange(code), second.refresh(tokens["refresh_token"]), second.revoke(tokens["refresh_token"])]
    for path in ("introspect", "par", "device_authorization"):
        form = {**second.parameters(), "token": tokens["access_token"]}
        answers.append(requests.post(f"{app.base_url}/api/v1/oauth/{path}", data=form, timeout=30))
    assert [(answer.status_code, answer.json()["error"]) for answer in answers] == [(401, "invalid_client")] * 6
    assert app.me(tokens["access_token"]).status_code == 200
    assert app.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.spec("docs/security.md", "RFC 7523 §2.2")
def test_stored_id_is_not_accepted_in_an_assertion_or_in_basic_credentials(
    john: Browser, documents: DocumentServer
) -> None:
    key = ECKey.generate_key("P-256")
    keys = {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [key.as_dict(private=False)]}}
    described = publish(documents, john.base_url, **keys)
    app = SigningApp(john.base_url, described.client_id, "", CALLBACK)
    app.key = key
    refresh_token = app.connect(john, "Big Events LLC")["refresh_token"]
    stored = application.stored_id(app.client_id)
    second = SigningApp(john.base_url, stored, "", CALLBACK)
    second.key = key
    assert second.refresh(refresh_token).json()["error"] == "invalid_client"
    basic = ClientApp(john.base_url, stored, "x", CALLBACK)
    assert basic.refresh(refresh_token).json()["error"] == "invalid_client"
    assert app.refresh(refresh_token).status_code == 200


@pytest.mark.spec("RFC 9126 §2.1")
def test_described_client_pushes_a_request_under_its_url(john: Browser, documents: DocumentServer) -> None:
    key = ECKey.generate_key("P-256")
    keys = {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [key.as_dict(private=False)]}}
    described = publish(documents, john.base_url, **keys)
    app = SigningApp(john.base_url, described.client_id, "", CALLBACK)
    app.key = key
    john.open(app.authorize_path())
    asked = {name: value for name, value in app.parameters().items() if name != "client_id"}
    form = {**asked, "client_assertion_type": TYPE, "client_assertion": app.assertion()}
    pushed = requests.post(f"{app.base_url}/api/v1/oauth/par", data=form, timeout=30).json()
    path = f"/api/v1/oauth/authorize?{urlencode({'client_id': app.client_id, 'request_uri': pushed['request_uri']})}"
    page = john.open(path)
    assert page.title == "Authorize A described app?"
    assert john.allow(page, "Big Events LLC").code


@pytest.mark.spec("RFC 6749 §4.4")
def test_operators_settings_for_a_described_client_survive_the_next_fetch(
    john: Browser, documents: DocumentServer, clock: Clock
) -> None:
    key = ECKey.generate_key("P-256")
    keys = {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [key.as_dict(private=False)]}}
    app = publish(documents, john.base_url, **keys)
    john.open(app.authorize_path())
    application_access.allow(app.client_id, ["read"], ["big-events"])
    application_edit.serve_resource(app.client_id, "https://api.example.com")
    before = application.get(app.client_id)
    assert before is not None
    (document,) = documents.answers.values()
    document["client_name"] = "Renamed"
    clock.advance(3600)
    assert john.open(app.authorize_path()).title == "Authorize Renamed?"
    after = application.get(app.client_id)
    assert after is not None
    assert (after.own_scopes, after.own_organizers) == ({"read"}, {"big-events"})
    assert after.resource == "https://api.example.com"
    assert (after.created_at, after.client_id) == (before.created_at, before.client_id)
    assert after.fetched_at > before.fetched_at


def test_fetch_does_not_undo_what_the_operator_does_at_the_same_moment(
    john: Browser, documents: DocumentServer, clock: Clock, store: StoreProxy
) -> None:
    app = publish(documents, john.base_url)
    john.open(app.authorize_path())
    clock.advance(3600)
    with store.before(CHANGES, lambda: application_edit.disable(app.client_id)):
        assert refused(john.open(app.authorize_path()))
    found = application.get(app.client_id)
    assert found is not None
    assert not found.active
    application_edit.enable(app.client_id)
    with store.before(CHANGES, lambda: application_edit.serve_resource(app.client_id, "https://api.example.com")):
        assert john.open(app.authorize_path()).status == 200
    found = application.get(app.client_id)
    assert found is not None
    assert found.resource == "https://api.example.com"


def test_described_client_cannot_use_the_name_of_the_service(john: Browser, documents: DocumentServer) -> None:
    page = john.open(publish(documents, john.base_url, client_name="Lanyard Support").authorize_path())
    assert refused(page)
    assert "must not contain the name of this service" in page.text


def test_described_client_that_the_operator_disabled_stays_disabled(
    john: Browser, documents: DocumentServer, clock: Clock
) -> None:
    app = publish(documents, john.base_url)
    tokens = app.connect(john, "Big Events LLC")
    application_edit.disable(app.client_id)
    for _ in range(2):
        assert refused(john.open(app.authorize_path()))
        clock.advance(3600)
    assert app.me(tokens["access_token"]).status_code == 401
    assert len(documents.asked) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": f"https://{HOST}/another.json"},
        {"client_id": None},
        {"redirect_uris": None},
        {"redirect_uris": ["javascript:alert(1)"]},
        {"token_endpoint_auth_method": "client_secret_basic"},
        {"token_endpoint_auth_method": "client_secret_post"},
        {"client_secret": "public"},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://169.254.169.254/"},
        {"token_endpoint_auth_method": "private_key_jwt"},
        {CHOICE: ["client_secret_basic"]},
        {CHOICE: ["private_key_jwt"]},
        {CHOICE: []},
        {CHOICE: "none"},
        {CHOICE: ["none", "private_key_jwt"], "jwks": {"keys": []}},
        {
            CHOICE: ["none", "private_key_jwt"],
            "jwks": {"keys": [ECKey.generate_key("P-256").as_dict(private=False)]},
            "jwks_uri": f"https://{HOST}/keys.json",
        },
        {"grant_types": ["client_credentials"]},
        {"grant_types": [DEVICE]},
        {"response_types": ["token"]},
        {"client_name": "x" * 256},
    ],
    ids=lambda changed: str(changed)[:60],
)
def test_invalid_document_is_refused(john: Browser, documents: DocumentServer, changed: dict[str, Any]) -> None:
    assert refused(john.open(publish(documents, john.base_url, **changed).authorize_path()))


@pytest.mark.parametrize(
    "answer",
    [
        lambda handler: write(handler, 302, "application/json", b"", Location="https://169.254.169.254/"),
        lambda handler: write(handler, 301, "application/json", b"", Location=f"https://{HOST}/elsewhere"),
        lambda handler: write(handler, 500, "application/json", b"{}"),
        lambda handler: write(handler, 200, "text/html", b"{}"),
        lambda handler: write(handler, 200, "application/json", b"no JSON"),
        lambda handler: write(handler, 200, "application/json", b"[" * 8000),
        lambda handler: write(handler, 200, "application/json", b"[]"),
        lambda handler: write(handler, 200, "application/json", b" " * 8193),
        lambda handler: handler.wfile.write(b"no HTTP\r\n\r\n"),
        lambda handler: handler.wfile.write(b""),
    ],
)
def test_document_server_with_an_unusable_response_is_refused(
    john: Browser, documents: DocumentServer, answer: Callable[..., None]
) -> None:
    app = publish(documents, john.base_url)
    (path,) = documents.answers
    documents.answers[path] = answer
    assert refused(john.open(app.authorize_path()))
    assert documents.asked == [path]


def test_document_server_that_responds_too_slowly_is_given_up(
    john: Browser, documents: DocumentServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "DOCUMENT_FETCH_SECONDS", 0.5)
    app = publish(documents, john.base_url)
    (path,) = documents.answers
    documents.answers[path] = trickle
    page = john.open(app.authorize_path())
    assert refused(page)
    assert "did not come in time" in page.text


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.0.0.1"],
        ["172.16.0.1"],
        ["192.168.1.1"],
        ["169.254.169.254"],
        ["100.64.0.1"],
        ["0.0.0.0"],
        ["224.0.0.1"],
        ["255.255.255.255"],
        ["198.18.0.1"],
        ["::1"],
        ["::"],
        ["fe80::1"],
        ["fe80::1%eth0"],
        ["fd00:ec2::254"],
        ["ff02::1"],
        ["::ffff:127.0.0.1"],
        ["::ffff:169.254.169.254"],
        ["::127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["64:ff9b:1::7f00:1"],
        ["2002:7f00:1::"],
        ["2001:0:7f00:1::"],
        ["2001:db8::1"],
        ["93.184.215.14", "127.0.0.1"],
        ["127.0.0.1", "93.184.215.14"],
        [],
    ],
    ids=str,
)
@pytest.mark.spec("docs/security.md")
def test_no_connection_is_made_to_an_address_that_is_not_public(
    john: Browser, documents: DocumentServer, addresses: list[str]
) -> None:
    documents.addresses = addresses
    page = john.open(publish(documents, john.base_url).authorize_path())
    assert refused(page)
    assert documents.connected == []


@pytest.mark.spec("docs/security.md")
def test_name_of_the_local_machine_is_refused_on_the_real_network(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    real = outbound.Network()

    def connect(address: str) -> Any:
        called.append(address)
        return real.connect(address)

    monkeypatch.setattr(outbound, "NETWORK", replace(real, connect=connect))
    with pytest.raises(outbound.FetchError, match="not public"):
        outbound.fetch("https://localhost/client.json")
    assert called == []


@pytest.mark.spec("docs/security.md")
def test_document_server_with_an_untrusted_or_foreign_certificate_is_refused(
    john: Browser, documents: DocumentServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = publish(documents, john.base_url)
    app.client_id = app.client_id.replace(HOST, "other.example.com")
    assert refused(john.open(app.authorize_path()))
    untrusting = replace(documents.network(), trust=outbound.Network().trust)
    monkeypatch.setattr(outbound, "NETWORK", untrusting)
    assert refused(john.open(publish(documents, john.base_url).authorize_path()))
    assert documents.asked == []


@pytest.mark.spec("docs/security.md")
@pytest.mark.parametrize(
    "client_id",
    [
        f"http://{HOST}/c",
        f"https://{HOST}",
        f"https://{HOST}/",
        f"https://{HOST}:8443/c",
        f"https://{HOST}:443/c",
        f"https://user@{HOST}/c",
        f"https://{HOST}/c#x",
        f"https://{HOST}/c?x=y",
        f"https://{HOST}/a/../c",
        f"https://{HOST}/a/%2e%2e/c",
        f"https://{HOST}/./c",
        f"https://{HOST.upper()}/c",
        f"HTTPS://{HOST}/c",
        "https://127.0.0.1/c",
        "https://[::1]/c",
        "https://2130706433/c",
        "https://localhost/c",
        "https://127.1/c",
        f"https://{HOST}\\@evil.example/c",
        f"https://{HOST}/c d",
        f"https://{HOST}/\u00e9",
        f"https://{HOST}/" + "c" * 600,
        "file:///etc/passwd",
        "https:///c",
    ],
)
def test_client_id_that_is_not_a_document_url_is_not_fetched(
    john: Browser, documents: DocumentServer, client_id: str
) -> None:
    app = PublicApp(john.base_url, client_id, "", CALLBACK)
    assert refused(john.open(app.authorize_path()))
    assert refused(Browser(john.base_url).open(app.authorize_path()))
    assert documents.connected == []


def test_ordinary_https_url_is_accepted_as_a_document_url() -> None:
    assert metadata_documents.is_one("https://app.example.com/oauth/client-metadata.json")
    assert outbound.is_public("93.184.215.14")
    assert outbound.is_public("2606:2800:21f:cb07:6820:80da:af6b:8b2c")
