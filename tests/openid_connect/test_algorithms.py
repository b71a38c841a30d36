"""What signs ID tokens, UserInfo and answers to introspection: for each application what it asked for and may have."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
from typing import Any

import jwt as pyjwt
import pytest
import requests
from joserfc import jws
from joserfc.jwk import ECKey, Key, KeySet, OKPKey, RSAKey

from chalicelib import settings
from chalicelib.models import application_edit
from chalicelib.models import store as storage
from chalicelib.models.application import Application
from tests.actors import Browser, ClientApp
from tests.dpop import prove
from tests.flows.test_fapi import Bank, registered
from tests.openid_connect.sign_in import user_info
from tests.openid_connect.test_registration import as_app, open_to_all, register

__all__ = ["open_to_all"]
pytestmark = [
    pytest.mark.usefixtures("signing_key"),
    pytest.mark.filterwarnings("ignore:EdDSA is deprecated"),
]


def verified(base_url: str, token: str, algorithm: str, client_id: str | None = None) -> dict[str, Any]:
    """The claims of a token, as PyJWT and joserfc see it, each with the key that the token names and nothing else."""
    uri = base_url + "/.well-known/jwks.json"
    published = requests.get(uri, timeout=30).json()
    key = next(key for key in published["keys"] if key["kid"] == pyjwt.get_unverified_header(token)["kid"])
    assert key["alg"] == algorithm
    told: dict[str, Any] = pyjwt.decode(token, pyjwt.PyJWK(key), algorithms=[algorithm], audience=client_id)
    again = jws.deserialize_compact(token, KeySet.import_key_set(published), algorithms=[algorithm])
    assert json.loads(again.payload) == told
    return told


def sign_with(monkeypatch: pytest.MonkeyPatch, *keys: Key) -> None:
    listed = [{**key.as_dict(private=True), "status": "active"} for key in keys]
    changed: Any = dataclasses.replace(settings.SETTINGS, signing_keys=json.dumps({"keys": listed}))
    monkeypatch.setattr(settings, "SETTINGS", changed)


def curve() -> Key:
    return ECKey.generate_key("P-256", {"kid": "curve", "alg": "ES256"})


def edwards() -> Key:
    return OKPKey.generate_key("Ed25519", {"kid": "edwards", "alg": "EdDSA"})


def connect_bank(browser: Browser, bank: Bank) -> dict[str, Any]:
    page = browser.open(bank.authorize_path(scope="openid", nonce="n-1"))
    return dict(bank.exchange(browser.allow(page).code).json())


@pytest.fixture
def bank(john: Browser) -> Bank:
    made = registered(john, fapi="on")
    prove(made)
    return made


@pytest.mark.spec("FAPI 2.0 §5.4.1", "OpenID Connect Core §3.1.3.6")
def test_id_token_of_a_fapi_application_is_signed_as_the_profile_allows(john: Browser, bank: Bank) -> None:
    tokens = connect_bank(john, bank)
    claims = verified(bank.base_url, tokens["id_token"], "PS256", bank.client_id)
    assert (claims["sub"], claims["nonce"]) == (john.user.user_id, "n-1")
    digest = hashlib.sha256(tokens["access_token"].encode()).digest()
    assert claims["at_hash"] == base64.urlsafe_b64encode(digest[:16]).decode().rstrip("=")
    again = bank.refresh(tokens["refresh_token"]).json()["id_token"]
    assert verified(bank.base_url, again, "PS256", bank.client_id)["sub"] == john.user.user_id


@pytest.mark.spec("FAPI 2.0 §5.4.1", "OpenID Connect Core §3.1.3.6")
@pytest.mark.parametrize(
    ("make", "algorithm", "digest"), [(curve, "ES256", hashlib.sha256), (edwards, "EdDSA", hashlib.sha512)]
)
def test_stage_without_an_rsa_key_signs_with_what_it_has(
    john: Browser, bank: Bank, monkeypatch: pytest.MonkeyPatch, make: Any, algorithm: str, digest: Any
) -> None:
    sign_with(monkeypatch, make())
    tokens = connect_bank(john, bank)
    claims = verified(bank.base_url, tokens["id_token"], algorithm, bank.client_id)
    whole = digest(tokens["access_token"].encode()).digest()
    assert claims["at_hash"] == base64.urlsafe_b64encode(whole[: len(whole) // 2]).decode().rstrip("=")


@pytest.mark.spec("FAPI 2.0 §5.4.1")
def test_user_info_and_introspection_of_a_fapi_application_are_signed_as_the_profile_allows(
    john: Browser, bank: Bank
) -> None:
    actions = application_edit.setting({"userinfo_signed": True, "userinfo_alg": "RS256"})
    storage.change(Application.key(bank.client_id), actions)
    page = john.open(bank.authorize_path(scope="openid email"))
    token = bank.exchange(john.allow(page).code).json()["access_token"]
    told = verified(bank.base_url, user_info(bank, token).text, "PS256", bank.client_id)
    assert (told["sub"], told["email"]) == (john.user.user_id, john.user.email)
    asked = {"token": token, "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}
    answer = bank.http.post(
        bank.base_url + "/api/v1/oauth/introspect",
        data={**asked, "client_assertion": bank.assertion()},
        headers={"Accept": "application/token-introspection+jwt"},
    )
    said = verified(bank.base_url, answer.text, "PS256", bank.client_id)
    assert said["token_introspection"]["active"] is True


def test_id_token_of_a_fapi_application_works_as_a_hint(john: Browser, eve: Browser, bank: Bank) -> None:
    hint = connect_bank(john, bank)["id_token"]
    assert john.open(bank.authorize_path(scope="openid", id_token_hint=hint, prompt="none")).code
    assert "login_required" in eve.open(bank.authorize_path(scope="openid", id_token_hint=hint, prompt="none")).text


@pytest.mark.spec("RFC 7517 §5")
def test_rsa_key_is_published_once_for_each_algorithm_and_nothing_else_changes(
    base_url: str, shop: ClientApp, john: Browser, signing_key: RSAKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    retired = RSAKey.generate_key(2048, {"kid": "older", "alg": "RS256"})
    sign_with(monkeypatch, signing_key, curve())
    listed = json.loads(str(settings.SETTINGS.signing_keys))["keys"]
    more = {"keys": [*listed, {**retired.as_dict(private=True), "status": "retired"}]}
    changed: Any = dataclasses.replace(settings.SETTINGS, signing_keys=json.dumps(more))
    monkeypatch.setattr(settings, "SETTINGS", changed)
    keys = requests.get(base_url + "/.well-known/jwks.json", timeout=30).json()["keys"]
    assert [(key["kid"], key["alg"]) for key in keys] == [
        ("first", "RS256"),
        ("curve", "ES256"),
        ("older", "RS256"),
        ("first.PS256", "PS256"),
        ("older.PS256", "PS256"),
    ]
    assert {keys[0]["n"], keys[3]["n"]} == {signing_key.as_dict(private=False)["n"]}
    assert not {"d", "p", "q"} & {name for key in keys for name in key}
    assert verified(base_url, shop.connect(john, scope="openid")["id_token"], "RS256", shop.client_id)


@pytest.mark.spec("OpenID Connect Discovery §3", "RFC 9701 §7")
def test_metadata_lists_what_an_application_may_ask_for(
    base_url: str, signing_key: RSAKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_with(monkeypatch, edwards(), curve(), signing_key)
    metadata = requests.get(base_url + "/.well-known/openid-configuration", timeout=30).json()
    for what in ("id_token", "userinfo", "introspection"):
        assert metadata[f"{what}_signing_alg_values_supported"] == ["RS256", "PS256", "ES256", "EdDSA"]


@pytest.mark.spec("OpenID Connect Registration §2")
@pytest.mark.usefixtures("open_to_all")
def test_application_gets_the_algorithms_that_it_registers(
    base_url: str, john: Browser, signing_key: RSAKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_with(monkeypatch, signing_key, curve())
    asked = {"id_token_signed_response_alg": "PS256", "userinfo_signed_response_alg": "ES256"}
    described = register(base_url, **asked)
    assert {name: described[name] for name in asked} == asked
    app = as_app(base_url, described)
    tokens = app.connect(john, scope="openid")
    verified(base_url, tokens["id_token"], "PS256", app.client_id)
    verified(base_url, user_info(app, tokens["access_token"]).text, "ES256", app.client_id)

    sign_with(monkeypatch, signing_key)  # the operator stops signing with ES256
    verified(base_url, user_info(app, tokens["access_token"]).text, "RS256", app.client_id)
    read = requests.get(
        described["registration_client_uri"],
        headers={"Authorization": f"Bearer {described['registration_access_token']}"},
        timeout=30,
    ).json()
    assert read["userinfo_signed_response_alg"] == "RS256", "the description says what it gets"


@pytest.mark.spec("OpenID Connect Registration §2")
@pytest.mark.usefixtures("open_to_all")
@pytest.mark.parametrize("wanted", ["none", "HS256", "RS512", "ES256", ["PS256"], 5])
def test_algorithm_that_the_stage_does_not_sign_with_is_left_out(base_url: str, wanted: Any) -> None:
    described = register(base_url, id_token_signed_response_alg=wanted, userinfo_signed_response_alg=wanted)
    assert described["id_token_signed_response_alg"] == "RS256"
    assert "userinfo_signed_response_alg" not in described
