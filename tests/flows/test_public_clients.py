"""Applications that cannot keep a secret, in browsers and native (RFC 6749 §2.1, RFC 7636, RFC 8252)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import settings
from tests.actors import CALLBACK, Browser
from tests.public_app import PublicApp, challenge_of


@pytest.fixture
def spa(a_browser: Callable[..., Browser]) -> PublicApp:
    return PublicApp.registered_by(a_browser())


@pytest.fixture
def native(a_browser: Callable[..., Browser]) -> PublicApp:
    return PublicApp.registered_by(
        a_browser(), "http://127.0.0.1/done?from=lanyard", "com.example.app:/done", "http://[::1]/done", type="native"
    )


@pytest.mark.spec("RFC 9700 §4.14.2", "RFC 7636 §4", "RFC 6749 §2.1")
def test_public_application_connects_with_its_client_id_and_pkce(john: Browser, spa: PublicApp) -> None:
    tokens = spa.connect(john, "Big Events LLC")
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 86400
    assert spa.me(tokens["access_token"]).status_code == 200
    assert spa.organizers(tokens["access_token"]).json()["count"] == 1


@pytest.mark.spec("RFC 9700 §4.14.2", "RFC 9700 §2.1.1", "RFC 7636 §4.4.1")
def test_public_application_is_refused_without_a_code_challenge(john: Browser, spa: PublicApp) -> None:
    spa.connect(john, "Big Events LLC")
    page = john.open(spa.authorize_path(code_challenge=None, code_challenge_method=None))
    assert page.answer["error"] == "invalid_request"
    assert "PKCE" in page.answer["error_description"]
    assert page.answer["state"] == "xyz"


@pytest.mark.spec("RFC 7636 §4.2", "RFC 7636 §4.6", "CVE-2025-4144")
def test_public_application_is_refused_without_its_verifier_and_the_code_is_used_up(
    john: Browser, spa: PublicApp
) -> None:
    code = john.allow(john.open(spa.authorize_path()), "Big Events LLC").code
    answer = spa.exchange(code, code_verifier=None)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert spa.exchange(code).json()["error"] == "invalid_grant"


@pytest.mark.spec("RFC 6749 §4.1.2", "RFC 9700 §4.5.3")
def test_replayed_code_ends_its_grant_only_with_the_right_verifier(john: Browser, spa: PublicApp) -> None:
    code = john.allow(john.open(spa.authorize_path()), "Big Events LLC").code
    token = spa.exchange(code).json()["access_token"]
    for guessed in (None, "x" * 43):
        assert spa.exchange(code, code_verifier=guessed).json()["error"] == "invalid_grant"
        assert spa.me(token).status_code == 200
    assert spa.exchange(code).json()["error"] == "invalid_grant"
    assert spa.me(token).status_code == 401


@pytest.mark.spec("CVE-2023-34246", "RFC 8252 §8.6", "docs/architecture.md")
def test_users_of_a_public_application_see_the_consent_page_every_time(john: Browser, spa: PublicApp) -> None:
    spa.connect(john, "Big Events LLC")
    assert john.open(spa.authorize_path()).title == "Authorize A public app?"


@pytest.mark.spec("RFC 6749 §2.3", "RFC 7591 §2")
def test_public_application_that_sends_a_secret_is_refused(john: Browser, spa: PublicApp) -> None:
    code = john.allow(john.open(spa.authorize_path()), "Big Events LLC").code
    answer = spa.exchange(code, auth=(spa.client_id, "guessed"))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    answer = spa.exchange(code, client_secret="guessed")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert spa.exchange(code).status_code == 200


@pytest.mark.spec("RFC 6749 §2.3.1", "RFC 6749 §3.2.1")
def test_confidential_application_is_refused_without_its_secret(
    john: Browser, a_browser: Callable[..., Browser]
) -> None:
    shop = a_browser().register_application("A shop")
    code = john.allow(john.open(shop.authorize_path()), "Big Events LLC").code
    form: dict[str, Any] = {"grant_type": "authorization_code", "code": code, "redirect_uri": shop.redirect_uri}
    answer = shop.call_token(headers={}, client_id=shop.client_id, **form)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert shop.exchange(code).status_code == 200


@pytest.mark.spec("RFC 7009 §2.1", "RFC 7009 §2.2")
def test_public_application_revokes_its_tokens_with_only_its_client_id(
    john: Browser, spa: PublicApp, native: PublicApp
) -> None:
    tokens = spa.connect(john, "Big Events LLC")
    assert native.revoke(tokens["refresh_token"]).status_code == 200
    assert spa.me(tokens["access_token"]).status_code == 200
    assert spa.revoke(tokens["refresh_token"]).status_code == 200
    assert spa.me(tokens["access_token"]).status_code == 401
    assert spa.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


@pytest.mark.spec("RFC 9700 §2.1", "RFC 8252 §7.3")
@pytest.mark.parametrize("uri", ["http://127.0.0.1:51004/done?from=lanyard", "http://[::1]:8/done"])
def test_native_application_may_use_any_port_of_its_loopback_address(
    john: Browser, native: PublicApp, uri: str
) -> None:
    page = john.allow(john.open(native.authorize_path(redirect_uri=uri)), "Big Events LLC")
    assert page.left_to is not None
    assert page.left_to.startswith(uri)
    native.redirect_uri = uri
    assert native.exchange(page.code).status_code == 200


@pytest.mark.spec("RFC 8252 §7.3", "RFC 8252 §8.3")
def test_native_application_may_use_any_port_of_localhost(john: Browser, a_browser: Callable[..., Browser]) -> None:
    app = PublicApp.registered_by(a_browser(), "http://localhost/callback", type="native")
    for stranger in ("http://127.0.0.1:51004/callback", "http://localhost.evil.example:51004/callback"):
        assert john.open(app.authorize_path(redirect_uri=stranger)).status == 400
    app.redirect_uri = "http://localhost:51004/callback"
    page = john.open(app.authorize_path())
    assert "localhost:51004" in page.text
    page = john.allow(page, "Big Events LLC")
    assert page.left_to is not None
    assert page.left_to.startswith(app.redirect_uri + "?code=")
    assert app.exchange(page.code, redirect_uri="http://localhost:51005/callback").json()["error"] == "invalid_grant"
    page = john.allow(john.open(app.authorize_path()), "Big Events LLC")
    assert app.exchange(page.code).status_code == 200


@pytest.mark.spec("RFC 9700 §2.1", "RFC 6749 §4.1.3", "RFC 8252 §7.3")
def test_code_issued_for_one_loopback_port_cannot_be_exchanged_with_another(john: Browser, native: PublicApp) -> None:
    uri = "http://127.0.0.1:51004/done?from=lanyard"
    page = john.allow(john.open(native.authorize_path(redirect_uri=uri)), "Big Events LLC")
    answer = native.exchange(page.code, redirect_uri=uri.replace("51004", "51005"))
    assert answer.json()["error"] == "invalid_grant"


@pytest.mark.spec("RFC 8252 §7.1")
def test_native_application_may_use_a_private_scheme(john: Browser, native: PublicApp) -> None:
    page = john.open(native.authorize_path(redirect_uri="com.example.app:/done"))
    assert "form-action 'self' https: com.example.app:" in page.response.headers["Content-Security-Policy"]
    page = john.allow(page, "Big Events LLC")
    assert page.left_to is not None
    assert page.left_to.startswith("com.example.app:/done?code=")
    assert native.exchange(page.code, redirect_uri="com.example.app:/done").status_code == 200


@pytest.mark.spec("RFC 9700 §2.1", "CVE-2020-15233", "CVE-2020-15234", "RFC 9700 §4.1.3")
@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:51004/done",  # different query
        "http://127.0.0.1:51004/DONE?from=lanyard",
        "http://127.0.0.1:51004@evil.example/done?from=lanyard",
        "http://127.0.0.1.evil.example/done?from=lanyard",
        "http://127.0.0.2:51004/done?from=lanyard",
        "http://localhost:51004/done?from=lanyard",
        "https://127.0.0.1:51004/done?from=lanyard",
        "http://127.0.0.1:/done?from=lanyard",
        "http://127.0.0.1:x/done?from=lanyard",
        "com.example.app:/done/other",
        "com.example.app:/DONE",
        "http://[::1]:8/done#x",
    ],
)
def test_native_application_is_refused_at_any_other_redirect_uri(john: Browser, native: PublicApp, uri: str) -> None:
    page = john.open(native.authorize_path(redirect_uri=uri))
    assert page.status == 400
    assert "Location" not in page.response.headers


@pytest.mark.spec("RFC 9700 §2.1", "RFC 8252 §7.3")
@pytest.mark.parametrize("type", ["browser", "website"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_port_may_not_vary_for_web_and_browser_applications(
    john: Browser, a_browser: Callable[..., Browser], type: str, host: str
) -> None:
    uri = f"http://{host}:8080/done"
    developer = a_browser()
    app = (
        PublicApp.registered_by(developer, uri) if type == "browser" else developer.register_application("A site", uri)
    )
    page = john.open(app.authorize_path(redirect_uri=f"http://{host}:8081/done"))
    assert page.status == 400


@pytest.mark.spec("RFC 7591 §5", "RFC 8252 §7.1")
@pytest.mark.parametrize(
    "uri", ["myapp:/done", "javascript:/done", "data:/x", "com.example.app:done", "com.example.app:/d#x", "1a.b:/x"]
)
def test_scheme_that_anyone_could_own_cannot_be_registered(a_browser: Callable[..., Browser], uri: str) -> None:
    browser = a_browser()
    page = browser.open("/settings/applications/new")
    page = browser.press(page, "Register", name="App", redirect_uris=uri, type="native")
    assert page.status == 400
    assert page.html.find(id="uris-problem") is not None


@pytest.mark.spec("RFC 8252 §7.1")
@pytest.mark.parametrize("type", ["website", "browser"])
def test_only_native_applications_may_register_private_schemes(a_browser: Callable[..., Browser], type: str) -> None:
    browser = a_browser()
    page = browser.open("/settings/applications/new")
    page = browser.press(page, "Register", name="App", redirect_uris="com.example.app:/done", type=type)
    assert page.status == 400


@pytest.mark.spec("RFC 7636 §4.4.1", "RFC 7636 §4.2")
def test_developer_can_require_pkce(john: Browser, a_browser: Callable[..., Browser]) -> None:
    developer = a_browser()
    shop = developer.register_application("A shop")
    before = john.allow(john.open(shop.authorize_path()), "Big Events LLC").code
    page = developer.open(f"/settings/applications/{shop.client_id}")
    developer.press(page, "Save", pkce_required="on")
    assert john.open(shop.authorize_path()).answer["error"] == "invalid_request"
    assert shop.exchange(before).json()["error"] == "invalid_grant"
    verifier = "v" * 43
    asked = shop.authorize_path(code_challenge=challenge_of(verifier), code_challenge_method="S256")
    assert shop.exchange(john.open(asked).code, code_verifier=verifier).status_code == 200
    page = developer.open(f"/settings/applications/{shop.client_id}")
    assert page.choices()[
        "Require PKCE Refuse requests without a code challenge. Always on for applications without a server."
    ]


@pytest.mark.spec("RFC 6749 §2.1")
def test_public_application_has_no_secret_to_regenerate(a_browser: Callable[..., Browser]) -> None:
    developer = a_browser()
    app = PublicApp.registered_by(developer)
    page = developer.open(f"/settings/applications/{app.client_id}")
    assert "Regenerate" not in page.text
    assert developer.open(f"/settings/applications/{app.client_id}/secret").status == 404


@pytest.mark.spec("RFC 9700 §4.14.2")
def test_public_applications_are_unavailable_without_a_server_key(
    john: Browser, a_browser: Callable[..., Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    developer = a_browser()
    spa, shop = PublicApp.registered_by(developer), developer.register_application("A shop", CALLBACK)
    keyless: Any = replace(settings.SETTINGS, server_key=None, server_key_parameter=None)
    monkeypatch.setattr(settings, "SETTINGS", keyless)
    page = developer.open("/settings/applications/new")
    page = developer.press(page, "Register", name="App", redirect_uris=CALLBACK, type="browser")
    assert page.status == 400
    assert "SERVER_KEY" in page.text
    page = john.open(spa.authorize_path())
    assert page.status == 500
    assert "SERVER_KEY" in page.text
    assert shop.refresh(shop.connect(john, "Big Events LLC")["refresh_token"]).status_code == 200
