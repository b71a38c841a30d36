"""An application that is held to the FAPI 2.0 Security Profile, and one that must push its requests (RFC 9126 §6)."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from chalicelib import settings
from chalicelib.models import application, application_edit
from tests.actors import CALLBACK, Browser, ClientApp
from tests.conftest import Clock
from tests.dpop import prove
from tests.public_app import PublicApp, challenge_of
from tests.signing_app import TYPE, SigningApp, register_with_keys

VERIFIER = "v" * 43
NEEDS_ASSERTIONS = "The FAPI 2.0 Security Profile needs an application that authenticates with signed assertions."


class Bank(SigningApp):
    """Pushes each request, with a challenge, and sends the verifier with the code."""

    def push(self, *, assertion: str | None = None, **changed: str | None) -> requests.Response:
        asked = {
            **self.parameters(scope="read", code_challenge=challenge_of(VERIFIER), code_challenge_method="S256"),
            "client_assertion_type": TYPE,
            "client_assertion": assertion or self.assertion(),
            **changed,
        }
        form = {name: value for name, value in asked.items() if value is not None}
        return self.http.post(self.base_url + "/api/v1/oauth/par", data=form)

    def authorize_path(self, **changed: str | None) -> str:
        pushed = self.push(**changed)
        assert pushed.status_code == 201, pushed.text
        query = {"client_id": self.client_id, "request_uri": pushed.json()["request_uri"]}
        return "/api/v1/oauth/authorize?" + urlencode(query)

    def exchange(self, code: str, **changed: Any) -> requests.Response:
        return super().exchange(code, **{"code_verifier": VERIFIER, **changed})


def registered(browser: Browser, key: Key | None = None, **more: str) -> Bank:
    key = key or ECKey.generate_key("P-256")
    page = register_with_keys(browser, json.dumps({"keys": [key.as_dict(private=False)]}), **more)
    client_id = page.html.find(id="client-id")
    assert client_id is not None, page.text
    made = Bank(browser.base_url, client_id.get_text(), "", CALLBACK)
    made.key = key
    return made


@pytest.fixture
def bank(john: Browser) -> Bank:
    made = registered(john, fapi="on")
    prove(made)
    return made


@pytest.mark.spec("FAPI 2.0 §5.3.2.1", "FAPI 2.0 §5.3.2.2")
def test_application_that_does_all_the_profile_demands_connects_and_refreshes(john: Browser, bank: Bank) -> None:
    tokens = bank.connect(john, "Big Events LLC")
    again = bank.refresh(tokens["refresh_token"])
    assert again.status_code == 200
    assert again.json().get("refresh_token", tokens["refresh_token"]) == tokens["refresh_token"]
    assert bank.organizers(again.json()["access_token"]).status_code == 200


@pytest.mark.spec("FAPI 2.0 §5.3.2.2", "RFC 9126 §4")
def test_request_that_was_not_pushed_is_refused_before_anything_is_asked(
    john: Browser, eve: Browser, bank: Bank
) -> None:
    challenge = {"code_challenge": challenge_of(VERIFIER), "code_challenge_method": "S256"}
    path = ClientApp.authorize_path(bank, **challenge)
    answer = john.open(path).answer
    assert (answer["error"], answer["state"], "code" in answer) == ("invalid_request", "xyz", False)
    assert "must push its requests" in answer["error_description"]
    page = eve.open(path)  # anybody may sign up here and register it, so the error is first a page
    assert (page.status, page.title) == (400, "A bank made a mistake")


@pytest.mark.spec("FAPI 2.0 §5.3.2.2")
@pytest.mark.parametrize(
    ("changed", "error", "says"),
    [
        ({"redirect_uri": None}, "invalid_request", "redirect_uri is missing"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request", "must use PKCE with S256"),
        ({"code_challenge": VERIFIER, "code_challenge_method": "plain"}, "invalid_request", "S256"),
        ({"response_type": "code id_token"}, "unsupported_response_type", "response_type must be code"),
    ],
)
def test_incomplete_request_is_refused_when_it_is_pushed(
    bank: Bank, changed: dict[str, str | None], error: str, says: str
) -> None:
    answer = bank.push(**changed)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert says in answer.json()["error_description"]


@pytest.mark.spec("FAPI 2.0 §5.3.2.2")
def test_answer_goes_to_no_unprotected_address_that_was_added_later(bank: Bank) -> None:
    loopback = "http://127.0.0.1:8080/callback"
    application_edit.edit(bank.client_id, name="A bank", redirect_uris=[CALLBACK, loopback])
    answer = bank.push(redirect_uri=loopback)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert "https://" in answer.json()["error_description"]


@pytest.mark.spec("FAPI 2.0 §5.3.2.1")
@pytest.mark.parametrize(
    "as_audience", [lambda url: [url], lambda url: f"{url}/api/v1/oauth/token", lambda url: [url, "x"]]
)
def test_assertion_must_name_the_issuer_alone_as_a_string(bank: Bank, john: Browser, as_audience: Any) -> None:
    wrong = bank.assertion(aud=as_audience(bank.base_url))
    pushed = bank.push(assertion=wrong)
    assert (pushed.status_code, pushed.json()["error"]) == (401, "invalid_client")
    assert "as a string and not in a list" in pushed.json()["error_description"]
    exchanged = bank.call_token(grant_type="refresh_token", refresh_token="x", assertion=wrong)
    assert (exchanged.status_code, exchanged.json()["error"]) == (401, "invalid_client")


@pytest.mark.spec("RFC 7523 §3")
def test_other_applications_may_name_the_token_endpoint_or_a_list_of_one(john: Browser) -> None:
    other = registered(john)
    for audience in ([other.base_url], f"{other.base_url}/api/v1/oauth/token"):
        assert other.push(assertion=other.assertion(aud=audience)).status_code == 201


@pytest.mark.spec("FAPI 2.0 §5.4.1")
@pytest.mark.parametrize(("alg", "status"), [("ES256", 201), ("PS256", 201), ("Ed25519", 201), ("RS256", 401)])
def test_only_the_algorithms_of_the_profile_sign_assertions(john: Browser, alg: str, status: int) -> None:
    keys: dict[str, Callable[[], Key]] = {
        "ES256": lambda: ECKey.generate_key("P-256"),
        "Ed25519": lambda: OKPKey.generate_key("Ed25519"),
    }
    bank = registered(john, keys.get(alg, lambda: RSAKey.generate_key(2048))(), fapi="on")
    bank.alg = alg
    assert bank.push().status_code == status


@pytest.mark.spec("FAPI 2.0 §5.3.2.2")
def test_pushed_request_expires_before_ten_minutes(john: Browser, bank: Bank, clock: Clock) -> None:
    assert bank.push().json()["expires_in"] == 540
    path = bank.authorize_path()
    clock.advance(541)
    assert john.open(path).status == 400


@pytest.mark.spec("FAPI 2.0 §5.3.2.2")
def test_code_expires_after_a_minute_even_if_the_operator_allows_others_more(
    john: Browser, bank: Bank, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "SETTINGS", dataclasses.replace(settings.SETTINGS, code_lifetime_seconds=600))
    usual = registered(john)
    codes = [john.allow(john.open(app.authorize_path()), "Big Events LLC").code for app in (bank, usual)]
    clock.advance(61)
    late, in_time = bank.exchange(codes[0]), usual.exchange(codes[1])
    assert (late.status_code, late.json()["error"], in_time.status_code) == (400, "invalid_grant", 200)
    assert "exchange it within 60 seconds" in late.json()["error_description"]


@pytest.mark.spec("FAPI 2.0 §5.3.2.1")
def test_no_other_authentication_is_accepted(john: Browser, bank: Bank) -> None:
    for auth, form in ((("x", "y"), {}), (None, {"client_id": bank.client_id}), (None, {"client_secret": "y"})):
        named = (bank.client_id, "y") if auth else None
        sent = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": bank.client_id, **form}
        answer = requests.post(bank.base_url + "/api/v1/oauth/token", data=sent, auth=named, timeout=30)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        assert "private_key_jwt" in answer.json()["error_description"]


@pytest.mark.spec("FAPI 2.0 §5.3.2.1")
def test_profile_is_stored_and_what_it_demands_leaves_with_it(john: Browser, bank: Bank) -> None:
    stored = application.get(bank.client_id)
    assert stored is not None
    assert stored.fapi
    assert stored.needs_proofs
    assert stored.needs_par
    page = john.open(f"/settings/applications/{bank.client_id}")
    fields = page.fields("Save")
    assert fields["fapi"] == ["on"]
    del fields["fapi"]
    john.send(page, "", fields)
    stored = application.get(bank.client_id)
    assert stored is not None
    assert not stored.fapi
    assert not stored.needs_proofs
    assert not stored.needs_par


@pytest.mark.spec("FAPI 2.0 §5.3.2.1")
@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"auth_method": "secret"}, NEEDS_ASSERTIONS),
        ({"type": "browser"}, NEEDS_ASSERTIONS),
        ({"device_grant": "on"}, "no sign-in for devices without a browser"),
        ({"redirect_uris": f"{CALLBACK}\nhttp://127.0.0.1:8080/callback"}, "redirect URLs that start with https://"),
    ],
)
def test_application_that_cannot_meet_the_profile_is_not_registered(
    john: Browser, changed: dict[str, str], says: str
) -> None:
    jwks = json.dumps({"keys": [ECKey.generate_key("P-256").as_dict(private=False)]})
    page = register_with_keys(john, jwks, fapi="on", **changed)
    assert page.status == 400
    problem = page.html.find(id="fapi-problem")
    assert problem is not None
    assert says in problem.get_text()


@pytest.mark.spec("RFC 9126 §6")
def test_developer_can_require_pushed_requests_of_any_application(john: Browser) -> None:
    app = PublicApp.registered_by(john)
    assert john.open(app.authorize_path()).status == 200
    form = john.open(f"/settings/applications/{app.client_id}")
    john.press(form, "Save", par_required="on")
    answer = john.open(app.authorize_path()).answer
    assert answer["error"] == "invalid_request"
    assert "must push its requests" in answer["error_description"]


@pytest.mark.spec("RFC 9126 §6")
def test_pages_for_developers_show_no_request_that_would_be_refused(john: Browser, bank: Bank) -> None:
    settings_page = john.open(f"/settings/applications/{bank.client_id}")
    programs_page = john.open(f"/settings/applications/{bank.client_id}/connect")
    for page in (settings_page, programs_page):
        assert page.status == 200
        assert f"{bank.base_url}/api/v1/oauth/par" in page.text
        assert page.html.find(id="authorize-url") is None
        assert page.link("Test the connection") is None
    app = PublicApp.registered_by(john, type="native")
    john.press(john.open(f"/settings/applications/{app.client_id}"), "Save", par_required="on")
    page = john.open(f"/settings/applications/{app.client_id}/connect")
    assert page.html.find(id="pushes") is not None
    assert page.html.find(id="missing") is None
