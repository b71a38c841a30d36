"""No value that a program sends, in any place, causes a 5xx response."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey

from chalicelib.protocol.rules import request_parameters as parameters
from tests.actors import Browser, ClientApp
from tests.nasty.conftest import BASE, Send, held
from tests.nasty.corpus import HEADERS, JSON, SEGMENTS, TEXTS, with_raw
from tests.public_app import challenge_of
from tests.signing_app import TYPE, SigningApp

pytestmark = pytest.mark.spec("RFC 6749 §3.1", "RFC 6749 §5.2")

OAUTH = "/api/v1/oauth"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON_TYPE = {"Content-Type": "application/json"}
FORMS = {
    "/token": parameters.TOKEN,
    "/revoke_token": parameters.REVOCATION,
    "/introspect": parameters.INTROSPECTION,
    "/device_authorization": parameters.DEVICE_AUTHORIZATION,
    "/par": tuple(dict.fromkeys((*parameters.CLIENT, *parameters.AUTHORIZATION, "request_uri"))),
}
GRANTS = ("authorization_code", "refresh_token", "client_credentials", DEVICE)
PUBLIC_KEY = ECKey.generate_key("P-256").as_dict(private=False)
RSA_KEY = RSAKey.generate_key(2048).as_dict(private=False)


@pytest.mark.parametrize("path", FORMS)
def test_no_form_field_causes_a_5xx_at_an_oauth_endpoint(send: Send, client: ClientApp, path: str) -> None:
    own = {"client_id": client.client_id, "client_secret": client.secret}
    for name in FORMS[path]:
        grant_type = {"refresh_token": "refresh_token", "device_code": DEVICE}.get(name, "authorization_code")
        form = {"grant_type": grant_type, "code": "x", "token": "x", "response_type": "code"}
        if name.startswith("client_assertion"):
            form.update(client_assertion_type=TYPE, client_assertion="x.e30.x")
        for text in TEXTS:
            if name in own:
                send("POST", OAUTH + path, data={**own, **form, name: text})
            else:
                send("POST", OAUTH + path, data={**form, name: text}, auth=tuple(own.values()))


def test_no_body_causes_a_5xx_at_an_oauth_endpoint(send: Send, client: ClientApp) -> None:
    for path in (*FORMS, "/register"):
        for text in TEXTS:
            send("POST", OAUTH + path, data=text.encode(), headers=FORM, auth=(client.client_id, client.secret))


@pytest.mark.parametrize("name", ["Authorization", "Content-Type", "Accept-Language", "Cookie", "User-Agent"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", OAUTH + "/token"),
        ("POST", OAUTH + "/register"),
        ("GET", "/api/v1/me"),
        ("GET", "/login"),
    ],
)
def test_no_header_causes_a_5xx_at_an_endpoint(send: Send, method: str, path: str, name: str) -> None:
    body = "grant_type=refresh_token&refresh_token=x" if method == "POST" else None
    for text in HEADERS:
        send(method, path, data=body, headers={**FORM, name: text})
        if name == "Cookie":
            send(method, path, data=body, headers={**FORM, name: f"__Host-lanyard-session={text}"})


def test_no_basic_credentials_cause_a_5xx_at_the_token_endpoint(send: Send, client: ClientApp) -> None:
    for text in TEXTS:
        for pair in (text, f"{text}:{client.secret}", f"{client.client_id}:{text}"):
            headers = {**FORM, "Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
            answer = send("POST", OAUTH + "/token", data="grant_type=refresh_token&refresh_token=x", headers=headers)
            assert answer.status_code == 401, pair


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/organizers/{}"),
        ("PATCH", "/api/v1/organizers/{}"),
        ("GET", OAUTH + "/register/{}"),
        ("PUT", OAUTH + "/register/{}"),
        ("DELETE", OAUTH + "/register/{}"),
        ("GET", "/.well-known/oauth-authorization-server/{}"),
        ("GET", "/.well-known/openid-configuration/{}"),
        ("GET", "/.well-known/oauth-protected-resource/{}"),
    ],
)
def test_no_path_causes_a_5xx_at_an_api_endpoint(
    send: Send, developer: Browser, client: ClientApp, method: str, path: str
) -> None:
    token = client.connect(developer, "Big Events LLC")["access_token"]
    for segment in SEGMENTS:
        send(method, path.format(segment), json={"name": "X"}, headers={"Authorization": f"Bearer {token}"})


def test_no_page_number_causes_a_5xx_in_a_list(send: Send, developer: Browser, client: ClientApp) -> None:
    headers = {"Authorization": f"Bearer {client.connect(developer, 'Big Events LLC')['access_token']}"}
    for name in ("page", "page_size"):
        assert send("GET", "/api/v1/organizers", params={name: "1"}, headers=headers).status_code == 200
        for text in filter(None, TEXTS):
            assert send("GET", "/api/v1/organizers", params={name: text}, headers=headers).status_code == 400


def test_no_json_causes_a_5xx_when_renaming_an_organizer(send: Send, developer: Browser, client: ClientApp) -> None:
    headers = {**JSON_TYPE, "Authorization": f"Bearer {client.connect(developer, 'Big Events LLC')['access_token']}"}
    path = f"/api/v1/organizers/{next(iter(developer.user.organizers))}"
    assert send("PATCH", path, data='{"name": "Bigger"}', headers=headers).status_code == 200
    for raw in JSON:
        for body in (raw, f'{{"name": {raw}}}', f'{{"name": "x", "more": {raw}}}'):
            answer = send("PATCH", path, data=body.encode(), headers=headers)
            assert answer.status_code in (200, 400, 413), body[:200]


METADATA = [
    "client_id",
    "client_secret",
    "client_name",
    "redirect_uris",
    "token_endpoint_auth_method",
    "application_type",
    "grant_types",
    "response_types",
    "jwks",
    "scope",
]


@pytest.mark.parametrize("name", METADATA)
def test_no_json_causes_a_5xx_at_registration(send: Send, name: str) -> None:
    chosen: dict[str, Any] = {"client_name": "X", "redirect_uris": ["https://shop.example.com/callback"]}
    made = send("POST", OAUTH + "/register", json=chosen).json()
    path = f"{OAUTH}/register/{made['client_id']}"
    headers = {**JSON_TYPE, "Authorization": f"Bearer {made['registration_access_token']}"}
    if name == "jwks":
        chosen["token_endpoint_auth_method"] = "private_key_jwt"
    for raw in JSON:
        answer = send("POST", OAUTH + "/register", data=with_raw(chosen, name, raw), headers=JSON_TYPE)
        assert answer.status_code in (201, 400, 413), raw[:200]
        if name in ("client_id", "client_secret"):
            present = {**chosen, "client_id": made["client_id"]}
            send("PUT", path, data=with_raw(present, name, raw), headers=headers)


@pytest.mark.parametrize("of", [PUBLIC_KEY, RSA_KEY], ids=["EC", "RSA"])
def test_no_key_causes_a_5xx_at_registration(send: Send, of: dict[str, Any]) -> None:
    chosen = {"redirect_uris": ["https://shop.example.com/callback"], "token_endpoint_auth_method": "private_key_jwt"}
    big = base64.urlsafe_b64encode(b"\xff" * 4000).decode().rstrip("=")
    for name in [*of, "use", "key_ops"]:
        for raw in [*JSON, json.dumps(big), '"AA"', '"AQ"', '"Ag"', '"_w"', '"AQAB"', '"P-521"', '"OKP"', '"enc"']:
            body = f'{{"keys": [{with_raw(of, name, raw)}]}}'
            answer = send("POST", OAUTH + "/register", data=with_raw(chosen, "jwks", body), headers=JSON_TYPE)
            assert answer.status_code in (201, 400, 413)
            if answer.status_code == 201:  # then nothing in the key may prevent its use
                signing = SigningApp(BASE, answer.json()["client_id"], "", "")
                signing.key = ECKey.generate_key("P-256")
                form = {"client_assertion_type": TYPE, "client_assertion": signing.assertion(), "token": "x"}
                assert send("POST", OAUTH + "/revoke_token", data=form).status_code == 401


@pytest.fixture
def bank(developer: Browser) -> SigningApp:
    return SigningApp.registered_by(developer)


def b64(text: str | bytes) -> str:
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@pytest.mark.parametrize(
    ("part", "name"),
    [
        *((0, name) for name in ("alg", "typ", "kid", "crit", "jwk", "b64", "whole")),
        *((1, name) for name in ("iss", "sub", "aud", "jti", "exp", "nbf", "iat", "whole")),
    ],
)
def test_no_assertion_causes_a_5xx_at_the_token_endpoint(send: Send, bank: SigningApp, part: int, name: str) -> None:
    """Each is signed with the client's own key, so anything refused is refused for its content."""
    for raw in JSON:
        good = bank.assertion().split(".")
        before = json.loads(base64.urlsafe_b64decode(good[part] + "=="))
        good[part] = b64(raw if name == "whole" else with_raw(before, name, raw))
        signing_input = ".".join(good[:2])
        signed = f"{signing_input}.{_signed(bank, signing_input)}"
        form = {"client_assertion_type": TYPE, "client_assertion": signed, "token": "x"}
        answer = send("POST", OAUTH + "/revoke_token", data=form)
        assert answer.status_code in (200, 400, 401, 413), raw[:200]


def _signed(bank: SigningApp, signing_input: str) -> str:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    key = bank.key.private_key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    der = key.sign(signing_input.encode(), ec.ECDSA(hashes.SHA256()))
    r, s = utils.decode_dss_signature(der)
    return b64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def test_no_authorization_request_causes_a_5xx(send: Send, developer: Browser, client: ClientApp) -> None:
    pkce = {"code_challenge": challenge_of("a" * 43), "code_challenge_method": "S256"}
    for name in (*parameters.AUTHORIZATION, "request_uri"):
        for text in TEXTS:
            asked = {**client.parameters(), **pkce, name: text}
            answer = developer.http.get(BASE + OAUTH + "/authorize", params=asked, allow_redirects=False)
            held(answer, f"{name} {text}")
            if name in ("client_id", "request_uri", "redirect_uri"):
                send("GET", OAUTH + "/authorize", params=asked)
