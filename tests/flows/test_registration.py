"""Applications register and manage themselves, if the operator allows it (RFC 7591, RFC 7592)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import requests
from joserfc.jwk import ECKey

from chalicelib import credentials, limits, settings
from chalicelib.models import application, application_edit, store, throttle
from tests.actors import CALLBACK, Browser, ClientApp, Page
from tests.dpop import prove
from tests.public_app import PublicApp
from tests.signing_app import SigningApp
from tests.store_proxy import StoreProxy

pytestmark = pytest.mark.spec("RFC 7591 §3")
PATH = "/api/v1/oauth/register"
CHANGES = "TransactWriteItems"
CHOSEN = {"client_name": "A host", "redirect_uris": [CALLBACK]}


@pytest.fixture(autouse=True)
def _no_recent_registrations() -> None:
    for what in (throttle.named("registration address", "127.0.0.1"), throttle.named("registration")):
        throttle.forget(what, window_seconds=limits.REGISTRATION_WINDOW_SECONDS)


def let(monkeypatch: pytest.MonkeyPatch, registration: str, *tokens: str) -> None:
    digests = tuple(credentials.digest(token) for token in tokens)
    changed: Any = replace(settings.SETTINGS, registration=registration, registration_token_digests=digests)
    monkeypatch.setattr(settings, "SETTINGS", changed)


@pytest.fixture
def is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    let(monkeypatch, "open")


def register(base_url: str, token: str | None = None, **metadata: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.post(base_url + PATH, json={**CHOSEN, **metadata}, headers=headers, timeout=30)


def manage(registered: dict[str, Any], method: str = "GET", **more: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {more.pop('token', registered['registration_access_token'])}"}
    return requests.request(method, registered["registration_client_uri"], headers=headers, timeout=30, **more)


def test_registration_is_closed_unless_the_operator_opens_it(base_url: str) -> None:
    answer = register(base_url)
    assert (answer.status_code, answer.json()["error"]) == (403, "access_denied")
    metadata = requests.get(base_url + "/.well-known/oauth-authorization-server", timeout=30).json()
    assert "registration_endpoint" not in metadata


@pytest.mark.spec("RFC 7591 §3.2.1")
@pytest.mark.usefixtures("is_open")
@pytest.mark.parametrize("scope", ["openid email offline_access profile read", "openid", "admin"])
def test_registration_answers_with_the_scopes_that_there_are(base_url: str, scope: str) -> None:
    answer = register(base_url, scope=scope)
    assert (answer.status_code, answer.json()["scope"]) == (201, "read write profile")


@pytest.mark.spec("RFC 7591 §3.2.1", "RFC 8414 §2")
def test_application_that_registered_itself_connects(john: Browser, is_open: None) -> None:
    metadata = requests.get(john.base_url + "/.well-known/oauth-authorization-server", timeout=30).json()
    assert metadata["registration_endpoint"] == john.base_url + PATH
    answer = register(john.base_url)
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    made = answer.json()
    assert made["client_secret_expires_at"] == 0
    assert made["client_name"] == "A host"
    assert made["redirect_uris"] == [CALLBACK]
    assert made["token_endpoint_auth_method"] == "client_secret_basic"
    assert made["grant_types"] == ["authorization_code", "refresh_token"]
    assert made["response_types"] == ["code"]
    app = ClientApp(john.base_url, made["client_id"], made["client_secret"], CALLBACK)
    assert app.me(app.connect(john, "Big Events LLC")["access_token"]).status_code == 200


@pytest.mark.spec("RFC 7591 §3.2.1", "RFC 8414 §2")
def test_stranger_who_registers_with_every_advertised_grant_type_gets_them_all(base_url: str, is_open: None) -> None:
    metadata = requests.get(base_url + "/.well-known/oauth-authorization-server", timeout=30).json()
    made = register(base_url, grant_types=metadata["grant_types_supported"]).json()
    assert made["grant_types"] == metadata["grant_types_supported"] == ["authorization_code", "refresh_token"]


@pytest.mark.spec("RFC 7591 §5", "docs/security.md")
def test_users_are_told_that_an_application_registered_itself(john: Browser, shop: ClientApp, is_open: None) -> None:
    made = register(john.base_url, client_name="Tickets").json()
    app = ClientApp(john.base_url, made["client_id"], made["client_secret"], CALLBACK)
    page = john.open(app.authorize_path())
    assert "This application registered itself." in page.text
    assert "It will take you to shop.example.com" in page.text
    assert "registered itself" not in john.open(shop.authorize_path()).text


@pytest.mark.spec("RFC 9700 §4.11.2", "CVE-2026-44681")
@pytest.mark.parametrize(
    "wrong", [{"scope": "admin"}, {"response_type": "token"}, {"state": "a b&c", "code_challenge": "short"}], ids=str
)
def test_invalid_request_of_a_self_registered_application_redirects_nobody_unasked(
    base_url: str, john: Browser, shop: ClientApp, is_open: None, wrong: dict[str, str]
) -> None:
    made = register(john.base_url, client_name="Your bank", redirect_uris=["https://evil.example/login"]).json()
    app = ClientApp(john.base_url, made["client_id"], made["client_secret"], "https://evil.example/login")
    page = john.open(app.authorize_path(**wrong))
    assert (page.status, page.left_to, page.title) == (400, None, "Your bank made a mistake")
    assert "Refresh" not in page.response.headers
    assert page.html.find("meta", attrs={"http-equiv": True}) is None
    assert "This application registered itself." in page.text
    (link,) = (str(found["href"]) for found in page.html.find_all("a") if "evil.example" in found.get_text())
    told = Page(page.response, left_to=link).answer
    assert link.startswith("https://evil.example/login?error=")
    assert told["state"] == wrong.get("state", "xyz")
    assert told["iss"] == base_url
    assert told["error"] in page.text
    assert told.get("error_description", "") in page.text
    assert Browser(base_url).open(app.authorize_path(**wrong)).path == "/login"
    for connected, is_told in ((shop, True), (app, False)):
        connected.connect(john, "Big Events LLC")
        page = john.open(connected.authorize_path(**wrong))
        assert bool(page.left_to) is is_told, (
            "only an application that a developer registered redirects at once, after consent"
        )


@pytest.mark.spec("RFC 8252 §7.3", "RFC 8252 §7.1")
def test_consent_page_says_that_a_private_scheme_leads_to_an_app(john: Browser, is_open: None) -> None:
    uri = "com.evil.bank:/cb"
    made = register(john.base_url, token_endpoint_auth_method="none", redirect_uris=[uri]).json()
    app = PublicApp(john.base_url, made["client_id"], "", uri)
    page = john.open(app.authorize_path())
    assert "It will take you to an app on this device ( com.evil.bank: )." in page.text
    page = john.open(app.authorize_path(scope="nothing"))
    assert (page.status, page.left_to) == (400, None)
    assert "you can take the error to it, in an app on this device ( com.evil.bank: )." in page.text
    assert "Continue to an app on this device ( com.evil.bank: )" in page.text


@pytest.mark.spec("RFC 8252 §7.3", "RFC 7591 §2")
@pytest.mark.parametrize("uri", ["com.evil.app://accounts.google.com/cb", "com.evil.bank:/cb"])
def test_nameless_application_with_a_private_scheme_is_not_named_after_a_host(
    base_url: str, is_open: None, uri: str
) -> None:
    made = register(base_url, client_name=None, token_endpoint_auth_method="none", redirect_uris=[uri]).json()
    assert made["client_name"] == "Unnamed application"


@pytest.mark.spec("RFC 7591 §2", "RFC 7591 §3.2.2")
def test_nameless_application_whose_host_cannot_be_its_name_is_told_to_send_one(base_url: str, is_open: None) -> None:
    uris = ["https://lanyard.shop.example/cb"]
    made = register(base_url, client_name=None, redirect_uris=uris)
    assert (made.status_code, made.json()["error"]) == (400, "invalid_client_metadata")
    described = made.json()["error_description"]
    assert described.startswith("client_name is missing, and the first redirect URI's host cannot be the name")
    assert described.endswith("Send a client_name.")
    assert register(base_url, client_name="A shop", redirect_uris=uris).status_code == 201


@pytest.mark.spec("RFC 7591 §2", "RFC 8252 §7.3")
def test_native_application_without_a_secret_registers(john: Browser, is_open: None) -> None:
    uris = ["http://127.0.0.1/done", "com.example.app:/done"]
    made = register(john.base_url, token_endpoint_auth_method="none", redirect_uris=uris).json()
    assert "client_secret" not in made
    assert made["application_type"] == "native"
    app = PublicApp(john.base_url, made["client_id"], "", "http://127.0.0.1:51004/done")
    tokens = app.connect(john, "Big Events LLC")
    assert app.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.spec("RFC 7591 §3.2.1", "RFC 8252 §8.5")
def test_native_application_gets_a_secret_only_on_request_and_then_counts_as_a_web_application(
    base_url: str, is_open: None
) -> None:
    uris = ["http://127.0.0.1:3030/callback"]
    made = register(base_url, application_type="native", redirect_uris=uris).json()
    assert (made["token_endpoint_auth_method"], made["application_type"]) == ("none", "native")
    assert "client_secret" not in made
    wants_secret = {"application_type": "native", "token_endpoint_auth_method": "client_secret_post"}
    made = register(base_url, redirect_uris=uris, **wants_secret).json()
    assert made["client_secret"].startswith("lycs_")
    assert made["application_type"] == "web"
    refused = register(base_url, redirect_uris=["com.example.app:/done"], **wants_secret)
    assert refused.json()["error"] == "invalid_redirect_uri"


def errors_of(made: dict[str, Any]) -> tuple[str, str]:
    """The errors of a refresh with an unknown token: with HTTP Basic, and with the secret in the form."""
    url = made["registration_client_uri"].split("/register")[0] + "/token"
    form = {"grant_type": "refresh_token", "refresh_token": "unknown"}
    own = {name: made[name] for name in ("client_id", "client_secret")}
    basic = requests.post(url, data=form, auth=tuple(own.values()), timeout=30)
    return basic.json()["error"], requests.post(url, data={**form, **own}, timeout=30).json()["error"]


AUTHENTICATED, REFUSED = "invalid_grant", "invalid_client"


@pytest.mark.spec("RFC 7591 §2", "RFC 6749 §2.3.1")
@pytest.mark.parametrize(
    ("named", "errors"),
    [
        ({}, (AUTHENTICATED, AUTHENTICATED)),
        ({"token_endpoint_auth_method": "client_secret_basic"}, (AUTHENTICATED, REFUSED)),
        ({"token_endpoint_auth_method": "client_secret_post"}, (REFUSED, AUTHENTICATED)),
    ],
    ids=["none", "basic", "post"],
)
def test_application_that_registers_itself_uses_the_method_that_it_named_or_either(
    base_url: str, is_open: None, named: dict[str, str], errors: tuple[str, str]
) -> None:
    made = register(base_url, **named).json()
    assert errors_of(made) == errors
    repeated = {name: made[name] for name in ("client_id", "redirect_uris", "token_endpoint_auth_method")}
    assert manage(made, "PUT", json=repeated).status_code == 200
    assert errors_of(made) == errors, "an update that repeats the response changes nothing"
    assert manage(made, "PUT", json={**repeated, "token_endpoint_auth_method": "client_secret_post"}).status_code == 200
    only_post = made["token_endpoint_auth_method"] != "client_secret_post"
    assert errors_of(made) == ((REFUSED, AUTHENTICATED) if only_post else errors)


@pytest.mark.spec("RFC 7591 §2")
def test_application_that_registered_itself_with_an_earlier_version_keeps_the_method_of_its_response(
    base_url: str, is_open: None
) -> None:
    made = register(base_url).json()
    stored = application.Application
    store.change(stored.key(made["client_id"]), [stored.auth_method_named.remove()])
    assert errors_of(made) == (AUTHENTICATED, REFUSED)


@pytest.mark.spec("RFC 7591 §2", "RFC 7523 §2.2")
def test_application_with_keys_registers(john: Browser, is_open: None) -> None:
    key = ECKey.generate_key("P-256")
    jwks = {"keys": [key.as_dict(private=False)]}
    made = register(john.base_url, token_endpoint_auth_method="private_key_jwt", jwks=jwks).json()
    assert made["jwks"] == jwks
    app = SigningApp(john.base_url, made["client_id"], "", CALLBACK)
    app.key = key
    assert app.connect(john, "Big Events LLC")["token_type"] == "Bearer"


@pytest.mark.spec("RFC 7591 §3.2.2", "RFC 7591 §2")
@pytest.mark.parametrize(
    ("metadata", "error"),
    [
        ({"redirect_uris": []}, "invalid_redirect_uri"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["http://shop.example.com/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://*.example.com/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["com.example.app:/done"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["http://[bad/"]}, "invalid_redirect_uri"),
        ({"redirect_uris": CALLBACK}, "invalid_client_metadata"),
        ({"redirect_uris": [7]}, "invalid_client_metadata"),
        ({"redirect_uris": [f"https://a.example/{number}" for number in range(21)]}, "invalid_redirect_uri"),
        ({"client_name": 7}, "invalid_client_metadata"),
        ({"client_name": "x\u0000"}, "invalid_client_metadata"),
        ({"client_name": "Lanyard"}, "invalid_client_metadata"),
        ({"client_name": "The L\u0430ny\u0430rd team"}, "invalid_client_metadata"),
        ({"client_name": "Shop\u202e"}, "invalid_client_metadata"),
        ({"redirect_uris": [f"https://a.example/{n}{'x' * 900}" for n in range(10)]}, "invalid_redirect_uri"),
        ({"client_name": "x" * 256}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "client_secret_jwt"}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": ["none"]}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata"),
        (
            {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://169.254.169.254/"},
            "invalid_client_metadata",
        ),
        ({"grant_types": ["client_credentials"]}, "invalid_client_metadata"),
        ({"grant_types": ["urn:ietf:params:oauth:grant-type:device_code"]}, "invalid_client_metadata"),
        ({"grant_types": ["implicit"]}, "invalid_client_metadata"),
        ({"grant_types": ["password"]}, "invalid_client_metadata"),
        ({"grant_types": ["refresh_token", "implicit"]}, "invalid_client_metadata"),
        ({"grant_types": [7, "authorization_code"]}, "invalid_client_metadata"),
        ({"response_types": ["token"]}, "invalid_client_metadata"),
        ({"response_types": ["code id_token"]}, "invalid_client_metadata"),
        ({"redirect_uris": ["javascript:alert(1)", "https://*.example.com/"]}, "invalid_redirect_uri"),
        ({"redirect_uris": [CALLBACK, 7]}, "invalid_client_metadata"),
        ({"redirect_uris": ["cursor://anysphere.cursor-retrieval/oauth/callback"]}, "invalid_redirect_uri"),
        (
            {"redirect_uris": ["javascript:/alert(1)"], "token_endpoint_auth_method": "none"},
            "invalid_redirect_uri",
        ),
        ({"application_type": "desktop"}, "invalid_client_metadata"),
        ({"application_type": "other"}, "invalid_client_metadata"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_invalid_registration_is_refused_with_a_description(
    base_url: str, is_open: None, metadata: dict[str, Any], error: str
) -> None:
    answer = register(base_url, **metadata)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert answer.json()["error_description"]


DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@pytest.mark.spec("RFC 7591 §3.2.1", "RFC 7591 §2")
@pytest.mark.parametrize(
    "grant_types",
    [
        ["authorization_code", "refresh_token", DEVICE, "device_code"],
        ["authorization_code", "refresh_token", JWT_BEARER],
        ["client_credentials", "authorization_code"],
        ["implicit", "password", "authorization_code", "authorization_code", "made-up"],
        ["authorization_code"],
        [],
    ],
    ids=str,
)
def test_grant_types_that_a_stranger_does_not_get_are_left_out(
    base_url: str, is_open: None, grant_types: list[str]
) -> None:
    answer = register(base_url, grant_types=grant_types, token_endpoint_auth_method="none")
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made["grant_types"] == ["authorization_code", "refresh_token"]
    assert manage(made).json()["grant_types"] == made["grant_types"]
    url = base_url + "/api/v1/oauth/"
    asked = requests.post(url + "device_authorization", data={"client_id": made["client_id"]}, timeout=30)
    assert asked.json()["error"] == "unauthorized_client"
    own = {"grant_type": "client_credentials", "client_id": made["client_id"]}
    assert requests.post(url + "token", data=own, timeout=30).status_code in (400, 401)


@pytest.mark.spec("RFC 7591 §3.2.1")
def test_response_types_and_scopes_that_do_not_exist_here_are_left_out(base_url: str, is_open: None) -> None:
    wishes: dict[str, Any] = {
        "response_types": ["code", "token", "code id_token"],
        "scope": "read openid offline_access",
    }
    made = register(base_url, **wishes).json()
    assert made["response_types"] == ["code"]
    assert made["scope"] == "read write profile"
    assert register(base_url, scope=["read"]).status_code == 201, "some libraries send a list"


@pytest.mark.spec("RFC 7591 §3.2.1", "RFC 7591 §5")
def test_redirect_uris_that_cannot_be_registered_are_left_out_if_one_can(john: Browser, is_open: None) -> None:
    bad = ["javascript:alert(1)", "http://shop.example.com/cb", "https://*.example.com/cb", "http://[bad/", ""]
    made = register(john.base_url, redirect_uris=[*bad[:3], CALLBACK, *bad[3:]]).json()
    assert made["redirect_uris"] == [CALLBACK]
    app = ClientApp(john.base_url, made["client_id"], made["client_secret"], CALLBACK)
    for uri, reason in zip(bad, ("https://", "must start with https://", "wildcard", "not a valid"), strict=False):
        page = john.open(app.authorize_path(redirect_uri=uri))
        assert (page.status, page.left_to) == (400, None)
        assert "Location" not in page.response.headers
        assert "redirect_uri is not registered for this application. It cannot be: it" in page.text
        assert reason in page.text
    assert app.connect(john, "Big Events LLC")["token_type"] == "Bearer"


@pytest.mark.spec("RFC 7592 §2.2", "RFC 7591 §3.2.1")
def test_update_leaves_out_what_cannot_be_registered_too(base_url: str, is_open: None) -> None:
    made = register(base_url).json()
    new = "https://new.example/cb"
    wishes = {"redirect_uris": ["data:x", new], "grant_types": ["authorization_code", "implicit"]}
    answer = manage(made, "PUT", json={**CHOSEN, **wishes, "client_id": made["client_id"]})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["redirect_uris"], answer.json()["grant_types"]) == ([new], made["grant_types"])


@pytest.mark.spec("RFC 8252 §7.1", "docs/security.md")
@pytest.mark.parametrize("application_type", [None, "native", "web"])
def test_scheme_without_a_dot_is_shown_as_an_app_on_the_device_every_time(
    john: Browser, is_open: None, application_type: str | None
) -> None:
    uri = "cursor://accounts.google.com/oauth/callback"
    asked: dict[str, Any] = {
        "token_endpoint_auth_method": "none",
        "redirect_uris": [uri],
        "application_type": application_type,
    }
    answer = register(john.base_url, **{name: value for name, value in asked.items() if value is not None})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["application_type"], made["redirect_uris"]) == ("native", [uri])
    app = PublicApp(john.base_url, made["client_id"], "", uri)
    for _ in range(2):
        page = john.open(app.authorize_path())
        assert "It will take you to an app on this device ( cursor: )." in page.text
        assert "accounts.google.com" not in page.text
        assert "form-action 'self' https: cursor:;" in page.response.headers["Content-Security-Policy"] + ";"
        page = john.allow(page, "Big Events LLC")
        assert page.left_to is not None
        assert page.left_to.startswith(f"{uri}?code=")
        assert app.exchange(page.code).status_code == 200
    assert john.open(app.authorize_path(redirect_uri="cursor://other/oauth/callback")).status == 400
    page = john.open(app.authorize_path(scope="nothing"))
    assert (page.status, page.left_to) == (400, None), "an error takes nobody to the app unasked"


@pytest.mark.spec("RFC 7591 §3.2.1", "RFC 8252 §7.1")
@pytest.mark.parametrize("scheme", ["javascript", "file", "ftp", "mailto", "ms-settings", "https-login", "intent"])
def test_scheme_that_no_application_owns_is_left_out(base_url: str, is_open: None, scheme: str) -> None:
    uris = [f"{scheme}:/callback", f"{scheme}://callback/x"]
    chosen = {"token_endpoint_auth_method": "none", "application_type": "native"}
    assert register(base_url, redirect_uris=uris, **chosen).json()["error"] == "invalid_redirect_uri"
    made = register(base_url, redirect_uris=[*uris, "http://localhost/callback"], **chosen).json()
    assert made["redirect_uris"] == ["http://localhost/callback"]


@pytest.mark.spec("RFC 7591 §3.2.1", "RFC 8252 §7.3")
@pytest.mark.parametrize(
    ("uris", "said", "registered"),
    [
        (["http://localhost/cb", "http://127.0.0.1/cb"], None, "native"),
        (["http://localhost/cb", "http://127.0.0.1/cb"], "web", "native"),
        (["http://LOCALHOST:3000/cb"], None, "native"),
        (["cursor:/cb", CALLBACK], "web", "native"),
        (["http://localhost/cb", CALLBACK], "web", "web"),
        (["http://localhost/cb", CALLBACK], None, "native"),
        ([CALLBACK], None, "web"),
        (["javascript:/x", CALLBACK], "web", "web"),
        (["http://shop.example.com/", CALLBACK], None, "web"),
    ],
    ids=str,
)
def test_application_is_native_if_its_redirect_uris_say_so(
    base_url: str, is_open: None, uris: list[str], said: str | None, registered: str
) -> None:
    stated = {"application_type": said} if said else {}
    made = register(base_url, token_endpoint_auth_method="none", redirect_uris=uris, **stated).json()
    assert made["application_type"] == registered
    changed = {**CHOSEN, **stated, "redirect_uris": uris, "token_endpoint_auth_method": "none"}
    assert manage(made, "PUT", json={**changed, "client_id": made["client_id"]}).status_code == 200


@pytest.mark.spec("RFC 7591 §3.1")
@pytest.mark.parametrize("body", [b"", b"x", b"[]", b"[" * 10000, b'"x"', b"\xff"])
def test_registration_body_that_is_not_a_json_object_is_refused(base_url: str, is_open: None, body: bytes) -> None:
    for content_type in ("application/json", "application/x-www-form-urlencoded"):
        answer = requests.post(base_url + PATH, data=body, headers={"Content-Type": content_type}, timeout=30)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")


@pytest.mark.spec("RFC 7591 §3.1", "RFC 7591 §2")
def test_registering_application_cannot_grant_itself_what_only_the_operator_may(base_url: str, is_open: None) -> None:
    wishes: dict[str, Any] = {
        "own_scopes": ["write"],
        "own_organizers": ["x"],
        "resource": "x",
        "owner_id": "x",
        "client_id": "mine",
    }
    made = register(base_url, **wishes, active=False, scope="admin").json()
    found = application.get(made["client_id"])
    assert found is not None
    assert not found.own_scopes
    assert not found.own_organizers
    assert not found.resource
    assert made["client_id"] != "mine"
    assert "admin" not in made["scope"]


@pytest.mark.spec("RFC 7591 §1.2", "RFC 7591 §3")
def test_initial_access_token_is_required_if_the_operator_says_so(
    base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, other = (credentials.mint(credentials.Kind.INITIAL_ACCESS_TOKEN) for _ in range(2))
    let(monkeypatch, "token", token, other)
    for wrong in (None, "x", credentials.mint(credentials.Kind.INITIAL_ACCESS_TOKEN)):
        answer = register(base_url, wrong)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert register(base_url, token).status_code == 201
    assert register(base_url, other).status_code == 201


@pytest.mark.spec("RFC 8628 §5.4")
def test_application_may_register_the_device_grant_with_an_initial_access_token(
    base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = credentials.mint(credentials.Kind.INITIAL_ACCESS_TOKEN)
    let(monkeypatch, "token", token)
    only = {"redirect_uris": [], "token_endpoint_auth_method": "none"}
    made = register(base_url, token, grant_types=[DEVICE, "implicit"], **only).json()
    assert made["grant_types"] == ["authorization_code", "refresh_token", DEVICE]
    url = base_url + "/api/v1/oauth/device_authorization"
    assert requests.post(url, data={"client_id": made["client_id"]}, timeout=30).status_code == 200


@pytest.mark.spec("RFC 7591 §5")
def test_open_registration_is_throttled(base_url: str, is_open: None, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(limits.REGISTRATIONS_PER_ADDRESS):
        assert register(base_url).status_code == 201
    answer = register(base_url)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"]
    assert "registrations throttled" in capsys.readouterr().out


@pytest.mark.spec("RFC 7591 §5")
def test_web_pages_cannot_use_up_the_registrations_of_programs(
    base_url: str, is_open: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page can register from the address of every visitor, so the limit per address does not hold it."""
    monkeypatch.setattr(limits, "REGISTRATIONS_BY_SCRIPTS", 0)
    url, page = base_url + PATH, {"Origin": "https://host.example.com"}
    refused = requests.post(url, json=CHOSEN, headers=page, timeout=30)
    assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (429, "*")
    assert register(base_url).status_code == 201


@pytest.mark.spec("RFC 7592 §2.1")
def test_application_reads_its_registration_but_not_its_secret(base_url: str, is_open: None) -> None:
    made = register(base_url).json()
    answer = manage(made)
    assert answer.status_code == 200
    shown = {name: value for name, value in made.items() if not name.startswith("client_secret")}
    assert answer.json() == shown


@pytest.mark.spec("RFC 7592 §2.2")
def test_application_replaces_its_registration(john: Browser, is_open: None) -> None:
    made = register(john.base_url).json()
    changed = {"client_id": made["client_id"], "client_name": "Renamed", "redirect_uris": ["https://new.example/cb"]}
    answer = manage(made, "PUT", json=changed)
    assert answer.status_code == 200, answer.text
    assert answer.json()["client_name"] == "Renamed"
    app = ClientApp(john.base_url, made["client_id"], made["client_secret"], "https://new.example/cb")
    assert john.open(app.authorize_path()).title == "Authorize Renamed?"
    assert john.open(app.authorize_path(redirect_uri=CALLBACK)).status == 400
    assert app.connect(john, "Big Events LLC")["token_type"] == "Bearer"


@pytest.mark.spec("RFC 7592 §2.2")
@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": None},
        {"client_id": "another"},
        {"client_secret": "chosen"},
        {"token_endpoint_auth_method": "none"},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [ECKey.generate_key("P-256").as_dict()]}},
    ],
    ids=["no id", "id", "secret", "method: none", "method: private_key_jwt"],
)
def test_application_cannot_change_its_id_secret_or_authentication_method(
    base_url: str, is_open: None, changed: dict[str, Any]
) -> None:
    made = register(base_url).json()
    answer = manage(made, "PUT", json={**CHOSEN, "client_id": made["client_id"], **changed})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")
    assert manage(made).json()["token_endpoint_auth_method"] == "client_secret_basic"


@pytest.mark.spec("RFC 7592 §2.1", "docs/architecture.md")
def test_application_that_the_operator_disabled_cannot_manage_itself(base_url: str, is_open: None) -> None:
    made = register(base_url).json()
    application_edit.disable(made["client_id"])
    changed = {"client_id": made["client_id"], "client_name": "Renamed", "redirect_uris": ["https://new.example/cb"]}
    for method, body in (("GET", {}), ("PUT", {"json": changed}), ("DELETE", {})):
        answer = manage(made, method, **body)
        assert (answer.status_code, answer.json()["error"]) == (403, "access_denied")
        assert "disabled" in answer.json()["error_description"]
        forged = credentials.mint(credentials.Kind.REGISTRATION_TOKEN, made["client_id"])
        assert manage(made, method, token=forged, **body).status_code == 401
    kept = application.get(made["client_id"])
    assert kept is not None
    assert (kept.name, list(kept.redirect_uris), kept.active) == ("A host", [CALLBACK], False)
    application_edit.enable(made["client_id"])
    assert manage(made, "PUT", json=changed).json()["client_name"] == "Renamed"


@pytest.mark.spec("RFC 7592 §2.2", "docs/architecture.md")
def test_application_disabled_during_its_own_update_changes_nothing(
    base_url: str, is_open: None, store: StoreProxy
) -> None:
    made = register(base_url).json()
    changed = {"client_id": made["client_id"], "client_name": "Renamed", "redirect_uris": ["https://new.example/cb"]}
    with store.before(CHANGES, lambda: application_edit.disable(made["client_id"])):
        answer = manage(made, "PUT", json=changed)
    assert (answer.status_code, answer.json()["error"]) == (403, "access_denied")
    kept = application.get(made["client_id"])
    assert kept is not None
    assert kept.name == "A host"


@pytest.mark.spec("RFC 7592 §2.3", "docs/architecture.md")
def test_application_that_deletes_itself_loses_its_tokens(john: Browser, is_open: None) -> None:
    made = register(john.base_url).json()
    app = ClientApp(john.base_url, made["client_id"], made["client_secret"], CALLBACK)
    token = app.connect(john, "Big Events LLC")["access_token"]
    assert manage(made, "DELETE").status_code == 204
    assert app.me(token).status_code == 401
    assert john.open(app.authorize_path()).status == 400
    assert manage(made).status_code == 401
    assert manage(made, "DELETE").status_code == 401


@pytest.mark.spec("RFC 7592 §2", "RFC 7592 §5")
def test_registration_token_manages_only_its_own_application(base_url: str, is_open: None, shop: ClientApp) -> None:
    made, other = register(base_url).json(), register(base_url).json()
    forged = credentials.mint(credentials.Kind.REGISTRATION_TOKEN, made["client_id"])
    for method in ("GET", "PUT", "DELETE"):
        body = {"json": {**CHOSEN, "client_id": made["client_id"]}} if method == "PUT" else {}
        for token in (other["registration_access_token"], forged, made["client_secret"], "x"):
            answer = manage(made, method, token=token, **body)
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    # No token manages an application that a person registered, either.
    url = f"{base_url}{PATH}/{shop.client_id}"
    for token in (made["registration_access_token"], credentials.mint(credentials.Kind.REGISTRATION_TOKEN, "x" * 16)):
        assert requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=30).status_code == 401
    assert manage(made).status_code == 200


@pytest.mark.spec("RFC 7592 §2")
def test_application_still_manages_itself_after_registration_is_closed(
    base_url: str, is_open: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = register(base_url).json()
    let(monkeypatch, "closed")
    assert register(base_url).status_code == 403
    assert manage(made, "DELETE").status_code == 204


def test_self_registered_application_appears_in_nobodys_settings(
    is_open: None, a_browser: Callable[..., Browser]
) -> None:
    browser = a_browser()
    made = register(browser.base_url).json()
    assert browser.open(f"/settings/applications/{made['client_id']}").status == 404
    assert made["client_id"] not in browser.open("/settings/applications").text


@pytest.mark.spec("RFC 7591 §3.1", "RFC 6749 §3.2")
def test_unsupported_methods_are_refused_at_the_registration_endpoint(base_url: str, is_open: None) -> None:
    assert requests.get(base_url + PATH, timeout=30).status_code == 405
    assert requests.post(f"{base_url}{PATH}/x", json={}, timeout=30).status_code == 405


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"REGISTRATION": "yes"}, "REGISTRATION"),
        ({"REGISTRATION": "token"}, "REGISTRATION_TOKEN_DIGESTS"),
        ({"REGISTRATION": "token", "REGISTRATION_TOKEN_DIGESTS": "lyia_secret"}, "REGISTRATION_TOKEN_DIGESTS"),
        ({"RESOURCES": "api.example.com"}, "RESOURCES"),
        ({"SERVER_KEY": "short"}, "SERVER_KEY"),
        ({"REFRESH_GRACE_SECONDS": "601"}, "REFRESH_GRACE_SECONDS"),
    ],
    ids=str,
)
def test_invalid_setting_is_refused_without_quoting_secrets(environment: dict[str, str], named: str) -> None:
    with pytest.raises(settings.SettingsError) as error:
        settings.from_environment(environment)
    assert named in str(error.value)
    assert "lyia_secret" not in str(error.value)
    assert "short" not in str(error.value)


@pytest.mark.spec("RFC 9126 §6")
@pytest.mark.usefixtures("is_open")
def test_application_can_bind_itself_to_pushed_requests(john: Browser) -> None:
    made = register(john.base_url, require_pushed_authorization_requests=True).json()
    assert made["require_pushed_authorization_requests"] is True
    app = ClientApp(john.base_url, made["client_id"], made["client_secret"], CALLBACK)
    page = john.open(app.authorize_path(scope="read"))
    assert page.status == 400
    assert "must push its requests" in page.text
    changed = manage(made, "PUT", json={**CHOSEN, "client_id": made["client_id"]})
    assert changed.status_code == 200
    assert "require_pushed_authorization_requests" not in changed.json()
    assert john.open(app.authorize_path(scope="read")).status == 200


@pytest.mark.spec("RFC 9126 §6")
@pytest.mark.usefixtures("is_open")
@pytest.mark.parametrize("value", ["true", 1, None, []])
def test_wish_for_pushed_requests_must_be_true_or_false(base_url: str, value: Any) -> None:
    answer = register(base_url, require_pushed_authorization_requests=value)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")


@pytest.mark.spec("RFC 9449 §5.2")
@pytest.mark.usefixtures("is_open")
def test_application_can_bind_itself_to_bound_tokens(john: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    made = register(john.base_url, dpop_bound_access_tokens=True).json()
    assert made["dpop_bound_access_tokens"] is True
    app = ClientApp(john.base_url, made["client_id"], made["client_secret"], CALLBACK)
    code = john.allow(john.open(app.authorize_path(scope="read")), "Big Events LLC").code
    assert app.exchange(code).json()["error"] == "invalid_dpop_proof"
    prove(app)
    assert app.exchange(code).json()["token_type"] == "DPoP"
    changed = manage(made, "PUT", json={**CHOSEN, "client_id": made["client_id"]})
    assert (changed.status_code, "dpop_bound_access_tokens" in changed.json()) == (200, False)
    wrong_ones: list[Any] = ["true", 1, None, []]
    for wrong in wrong_ones:
        answer = register(john.base_url, dpop_bound_access_tokens=wrong)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")
    monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, server_key=None))
    answer = register(john.base_url, dpop_bound_access_tokens=True)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")


@pytest.mark.spec("FAPI 2.0 §5.3.2.1")
@pytest.mark.usefixtures("is_open")
def test_application_that_registered_itself_cannot_leave_the_fapi_profile(john: Browser) -> None:
    jwks = {"keys": [ECKey.generate_key("P-256").as_dict(private=False)]}
    wish: dict[str, Any] = {**CHOSEN, "token_endpoint_auth_method": "private_key_jwt", "jwks": jwks}
    made = register(john.base_url, **wish).json()
    application_edit.hold_to_fapi(made["client_id"], is_held=True)
    assert manage(made).json()["require_pushed_authorization_requests"] is True
    same = manage(made, "PUT", json={**wish, "client_id": made["client_id"]})
    assert (same.status_code, same.json()["require_pushed_authorization_requests"]) == (200, True)
    worse = {**wish, "client_id": made["client_id"], "redirect_uris": ["http://127.0.0.1/callback"]}
    refused = manage(made, "PUT", json=worse)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_client_metadata")
    assert "https://" in refused.json()["error_description"]
