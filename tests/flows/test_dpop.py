"""Tokens, codes and refresh tokens that are bound to a key of the application (RFC 9449)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OctKey, RSAKey

from chalicelib import limits, settings
from chalicelib.protocol.rules import dpop_proof
from chalicelib.protocol.rules.dpop_proof import ProofProblem, SentProof
from tests.actors import Browser, ClientApp
from tests.conftest import Clock
from tests.dpop import ALGORITHMS, ProvingSession, digest, new_key, prove, public, signed
from tests.public_app import PublicApp
from tests.store_proxy import StoreProxy

TOKEN, ME = "/api/v1/oauth/token", "/api/v1/me"
Send = Callable[..., requests.Response]


@pytest.fixture
def key(shop: ClientApp) -> ProvingSession:
    """The shop proves this key with each request."""
    return prove(shop)


@pytest.fixture
def tokens(john: Browser, shop: ClientApp, key: ProvingSession) -> dict[str, Any]:
    return shop.connect(john, "Big Events LLC")


@pytest.fixture
def call(shop: ClientApp, key: ProvingSession, tokens: dict[str, Any]) -> Send:
    """Call an API with the bound token and this proof, and nothing else."""

    def made(proof: str | None, path: str = ME, *, scheme: str = "DPoP", method: str = "GET") -> requests.Response:
        headers = {"Authorization": f"{scheme} {tokens['access_token']}", "DPoP": proof}
        return key.request(method, shop.base_url + path, headers=headers)

    return made


def error_of(answer: requests.Response) -> str:
    return str(answer.json()["error"])


# What the token endpoint gives


@pytest.mark.spec("RFC 9449 §5")
@pytest.mark.parametrize("kind", ["EC", "RSA", "OKP"])
def test_token_is_bound_to_the_key_of_its_request_and_works_with_it_alone(
    john: Browser, shop: ClientApp, kind: str
) -> None:
    key = prove(shop, new_key(kind))
    tokens = shop.connect(john, "Big Events LLC")
    assert tokens["token_type"] == "DPoP"
    assert shop.me(tokens["access_token"]).json()["email"] == john.user.email
    assert shop.organizers(tokens["access_token"]).json()["count"] == 1
    prove(shop)  # another key
    refused = shop.me(tokens["access_token"])
    assert (refused.status_code, error_of(refused)) == (401, "invalid_token")
    assert refused.headers["WWW-Authenticate"].startswith("DPoP ")
    plain = requests.get(shop.base_url + ME, headers={"Authorization": f"Bearer {tokens['access_token']}"}, timeout=30)
    assert (plain.status_code, error_of(plain)) == (401, "invalid_token")
    assert 'algs="ES256 PS256' in plain.headers["WWW-Authenticate"]
    shop.http = key
    assert shop.me(tokens["access_token"]).status_code == 200


@pytest.mark.spec("RFC 9449 §7")
def test_token_that_is_bound_to_no_key_stays_a_bearer_token(john: Browser, shop: ClientApp) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    assert tokens["token_type"] == "Bearer"
    headers = {"Authorization": f"Bearer {tokens['access_token']}", "DPoP": "no proof"}
    assert requests.get(shop.base_url + ME, headers=headers, timeout=30).status_code == 200
    key = prove(shop)
    refused = shop.me(tokens["access_token"])
    assert (refused.status_code, error_of(refused)) == (401, "invalid_token")
    assert "send it as Bearer" in refused.json()["error_description"]
    again = shop.refresh(tokens["refresh_token"]).json()  # each refresh chooses, where the client authenticates
    assert again["token_type"] == "DPoP"
    assert shop.me(again["access_token"]).status_code == 200
    assert key.nonce


@pytest.mark.spec("RFC 9449 §5")
def test_confidential_client_may_bind_each_token_to_another_key(shop: ClientApp, tokens: dict[str, Any]) -> None:
    prove(shop)
    again = shop.refresh(tokens["refresh_token"]).json()
    assert again["token_type"] == "DPoP"
    assert shop.me(again["access_token"]).status_code == 200


# Nonces


@pytest.mark.spec("RFC 9449 §8")
def test_each_answer_has_the_nonce_that_the_next_proof_needs(
    shop: ClientApp, key: ProvingSession, tokens: dict[str, Any], clock: Clock
) -> None:
    clock.stop()

    def send(nonce: str | None) -> requests.Response:
        proof = key.proof("POST", shop.base_url + TOKEN, nonce=nonce)
        return shop.refresh(tokens["refresh_token"], headers={"DPoP": proof, **basic(shop)})

    for unknown in (None, "", "x", "0" * 8 + "-" + "0" * 32, "66000000-" + "é" * 32):
        asked = send(unknown)
        assert (asked.status_code, error_of(asked)) == (400, "use_dpop_nonce")
    nonce = asked.headers["DPoP-Nonce"]
    made, mac = nonce.split("-")
    assert error_of(send(f"{int(made, 16) + 1:x}-{mac}")) == "use_dpop_nonce"
    clock.advance(limits.DPOP_NONCE_LIFETIME_SECONDS + limits.DPOP_NONCE_STEP_SECONDS)
    outdated = send(nonce)
    assert error_of(outdated) == "use_dpop_nonce"
    good = send(outdated.headers["DPoP-Nonce"])
    assert good.status_code == 200
    assert good.headers["DPoP-Nonce"]


@pytest.mark.spec("RFC 9449 §8")
def test_nonce_makes_up_for_a_wrong_clock(john: Browser, shop: ClientApp) -> None:
    key = prove(shop)
    shop.connect(john, "Big Events LLC")
    code = john.open(shop.authorize_path()).code
    url = shop.base_url + TOKEN
    proof = key.proof("POST", url, iat=1)
    assert shop.exchange(code, headers={"DPoP": proof, **basic(shop)}).status_code == 200


@pytest.mark.spec("RFC 9449 §8")
def test_nonce_of_the_key_before_is_still_good(
    shop: ClientApp, key: ProvingSession, tokens: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = settings.SETTINGS
    url, spare = shop.base_url + TOKEN, "n" * 43

    def refresh() -> requests.Response:
        return shop.refresh(tokens["refresh_token"], headers={"DPoP": key.proof("POST", url), **basic(shop)})

    rotated = replace(before, server_key=spare, previous_server_keys=(before.server_key or "",))
    monkeypatch.setattr(settings, "SETTINGS", rotated)
    assert refresh().status_code == 200
    monkeypatch.setattr(settings, "SETTINGS", replace(before, server_key=spare))
    assert error_of(refresh()) == "use_dpop_nonce"


def basic(app: ClientApp) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{app.client_id}:{app.secret}".encode()).decode()}


@pytest.mark.spec("RFC 9449 §8")
def test_request_without_a_nonce_uses_up_neither_the_code_nor_an_assertion(john: Browser, shop: ClientApp) -> None:
    key = prove(shop)
    code = john.allow(john.open(shop.authorize_path()), "Big Events LLC").code
    proof = key.proof("POST", shop.base_url + TOKEN)
    assert error_of(shop.exchange(code, headers={"DPoP": proof, **basic(shop)})) == "use_dpop_nonce"
    assert shop.exchange(code).json()["token_type"] == "DPoP"


# What a proof has to be


def wrong_proofs(key: ProvingSession, url: str, token: str) -> dict[str, str]:
    def proof(**changed: Any) -> str:
        return key.proof("GET", url, token=token, **changed)

    good = proof()
    head, claims, _ = good.split(".")
    other = ECKey.generate_key("P-256")
    secret = OctKey.generate_key(256)
    unsigned = base64.urlsafe_b64encode(json.dumps({"typ": "dpop+jwt", "alg": "none"}).encode()).decode().rstrip("=")
    with pytest.warns(SecurityWarning):
        weak = RSAKey.import_key(rsa.generate_private_key(65537, 1024))
    strong = new_key("RSA")
    plain = {"jti": "x1", "htm": "GET", "htu": url, "iat": 1}
    return {
        "two proofs": f"{good}, {proof()}",
        "not a JWT": "x",
        "empty": "",
        "two parts": f"{head}.{claims}",
        "no signature": f"{head}.{claims}.",
        "another signature": f"{good[:-8]}AAAAAAAA",
        "alg none": f"{unsigned}.{claims}.",
        "without typ": proof(head={"typ": None}),
        "another typ": proof(head={"typ": "jwt"}),
        "without alg's key": proof(head={"jwk": None}),
        "another's key": proof(head={"jwk": public(other)}),
        "private key": proof(head={"jwk": key.key.as_dict(private=True)}),
        "critical header": proof(head={"crit": ["x"], "x": 1}),
        "symmetric": signed({"typ": "dpop+jwt", "alg": "HS256", "jwk": secret.as_dict()}, plain, secret),
        "short RSA key": signed({"typ": "dpop+jwt", "alg": "PS256", "jwk": public(weak)}, plain, weak),
        "RS256": signed({"typ": "dpop+jwt", "alg": "RS256", "jwk": public(strong)}, plain, strong),
        "key of another kind": proof(head={"jwk": public(new_key("OKP"))}),
        "without jti": proof(jti=None),
        "long jti": proof(jti="x" * 257),
        "jti that is no text": proof(jti=7),
        "without htm": proof(htm=None),
        "another method": proof(htm="POST"),
        "method in small letters": proof(htm="get"),
        "without htu": proof(htu=None),
        "another path": proof(htu=url + "x"),
        "another host": proof(htu="https://evil.example/api/v1/me"),
        "another scheme": proof(htu=url.replace("http", "gopher", 1)),
        "user info": proof(htu=url.replace("://", "://x@", 1)),
        "a port that is none": proof(htu="http://127.0.0.1:port/api/v1/me"),
        "without iat": proof(iat=None),
        "iat that is no number": proof(iat="1"),
        "iat that is true": proof(iat=True),
        "without ath": proof(ath=None),
        "another token's": proof(ath=digest(token + "x")),
        "nonce that is no text": proof(nonce=1),
        "too long": proof(more="x" * limits.DPOP_PROOF_LIMIT_CHARACTERS),
    }


@pytest.mark.spec("RFC 9449 §4.3")
def test_wrong_proofs_are_refused_one_by_one(
    shop: ClientApp, key: ProvingSession, tokens: dict[str, Any], call: Send
) -> None:
    wrong = wrong_proofs(key, shop.base_url + ME, tokens["access_token"])
    for why, proof in wrong.items():
        answer = call(proof)
        assert (answer.status_code, error_of(answer)) == (401, "invalid_dpop_proof"), why
        challenge = answer.headers["WWW-Authenticate"]
        assert challenge.startswith('DPoP realm="Lanyard", error="invalid_dpop_proof"'), why
    assert call(None).json()["error"] == "invalid_dpop_proof"
    assert call(key.proof("GET", shop.base_url + ME, token=tokens["access_token"])).status_code == 200


@pytest.mark.spec("RFC 9449 §4.3")
@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi"])
def test_key_with_any_private_member_is_refused(member: str) -> None:
    """Each of them gives the whole key away."""
    key = RSAKey.generate_key(2048)
    leaked = {**public(key), member: key.as_dict(private=True)[member]}
    proof = ProvingSession(key).proof("GET", "https://api.example/", head={"jwk": leaked})
    with pytest.raises(ProofProblem, match="the public key alone"):
        dpop_proof.read(SentProof(proof, "GET", ("https://api.example/",)))


@pytest.mark.spec("RFC 6750 §3")
def test_address_in_a_description_cannot_break_out_of_its_header() -> None:
    """API Gateway passes some paths decoded."""
    key = ProvingSession()
    sent = SentProof(key.proof("GET", "https://other.example/"), "GET", ('https://api.example/é"\\\r\nX: 1%22',))
    with pytest.raises(ProofProblem, match=r"must be https://api.example/%C3%A9%22%5C%0D%0AX:%201%22[.]$"):
        dpop_proof.read(sent)


@pytest.mark.spec("RFC 9449 §4.3", "RFC 3986 §6.2")
def test_url_is_compared_without_its_query_and_in_any_spelling_of_the_host(
    shop: ClientApp, key: ProvingSession, tokens: dict[str, Any], call: Send
) -> None:
    url, token = shop.base_url + ME, tokens["access_token"]
    for spelt in (url + "?x=1#y", url.replace("http", "HTTP", 1), url.replace("/me", "/%6de")):
        assert call(key.proof("GET", url, token=token, htu=spelt)).status_code == 200, spelt
    asked = call(key.proof("GET", url, token=token), ME + "?page=1")
    assert asked.status_code == 200


@pytest.mark.spec("RFC 9449 §11.1")
def test_proof_counts_only_around_the_time_of_its_request(
    shop: ClientApp, key: ProvingSession, tokens: dict[str, Any], call: Send, clock: Clock
) -> None:
    clock.stop()
    url, token, now = shop.base_url + ME, tokens["access_token"], clock.now()
    for wrong in (now - limits.DPOP_PROOF_AGE_SECONDS - 1, now + limits.DPOP_PROOF_SKEW_SECONDS + 1):
        answer = call(key.proof("GET", url, token=token, iat=wrong))
        assert (answer.status_code, error_of(answer)) == (401, "invalid_dpop_proof")
        assert "clock" in answer.json()["error_description"]
    for good in (now - limits.DPOP_PROOF_AGE_SECONDS, now + limits.DPOP_PROOF_SKEW_SECONDS):
        assert call(key.proof("GET", url, token=token, iat=good)).status_code == 200


@pytest.mark.spec("RFC 9449 §7.1")
def test_header_must_have_one_token(shop: ClientApp, key: ProvingSession) -> None:
    url = shop.base_url + ME
    for sent in ("DPoP", "DPoP a b", "DPoP a, Bearer b"):
        answer = key.request("GET", url, headers={"Authorization": sent, "DPoP": key.proof("GET", url)})
        assert (answer.status_code, error_of(answer)) == (400, "invalid_request"), sent


# Once


@pytest.mark.spec("RFC 9449 §11.1")
def test_proof_works_once(
    shop: ClientApp, key: ProvingSession, tokens: dict[str, Any], call: Send, clock: Clock
) -> None:
    clock.stop()
    proof = key.proof("GET", shop.base_url + ME, token=tokens["access_token"])
    assert call(proof).status_code == 200
    for _ in range(2):
        answer = call(proof)
        assert (answer.status_code, error_of(answer)) == (401, "invalid_dpop_proof")
        assert "has been used" in answer.json()["error_description"]
    again = key.proof("GET", shop.base_url + ME, token=tokens["access_token"], jti="same", iat=clock.now())
    assert call(again).status_code == 200
    clock.advance(limits.DPOP_PROOF_AGE_SECONDS)
    assert error_of(call(again)) == "invalid_dpop_proof"


@pytest.mark.spec("RFC 9449 §11.1")
def test_of_many_requests_with_one_proof_one_succeeds(
    shop: ClientApp, key: ProvingSession, tokens: dict[str, Any], call: Send
) -> None:
    proof = key.proof("GET", shop.base_url + ME, token=tokens["access_token"])
    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(answer.status_code for answer in pool.map(lambda _: call(proof), range(8)))
    assert statuses == [200] + [401] * 7


@pytest.mark.spec("RFC 9449 §11.1")
def test_proof_at_the_token_endpoint_works_once(shop: ClientApp, key: ProvingSession, tokens: dict[str, Any]) -> None:
    proof = key.proof("POST", shop.base_url + TOKEN)
    headers = {"DPoP": proof, **basic(shop)}
    assert shop.refresh(tokens["refresh_token"], headers=headers).status_code == 200
    again = shop.refresh(tokens["refresh_token"], headers=headers)
    assert (again.status_code, error_of(again)) == (400, "invalid_dpop_proof")
    assert shop.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.spec("RFC 9449 §11.1")
def test_refused_request_uses_up_no_proof(
    shop: ClientApp, key: ProvingSession, tokens: dict[str, Any], call: Send, store: StoreProxy
) -> None:
    organizers = "/api/v1/organizers/not-mine"
    proof = key.proof("POST", shop.base_url + TOKEN)
    headers = {"DPoP": proof, **basic(shop)}
    with store.count() as calls:
        assert error_of(shop.refresh("unknown", headers=headers)) == "invalid_grant"
    assert [one.operation for one in calls if "used_assertions" in str(one.tables)] == []
    assert shop.refresh(tokens["refresh_token"], headers=headers).status_code == 200
    assert call(key.proof("GET", shop.base_url + organizers), organizers).status_code == 401


# Public clients


@pytest.fixture
def app(john: Browser) -> PublicApp:
    return PublicApp.registered_by(john)


@pytest.mark.spec("RFC 9449 §5")
def test_refresh_token_of_a_public_client_works_only_with_its_key(john: Browser, app: PublicApp) -> None:
    key = prove(app)
    tokens = app.connect(john, "Big Events LLC")
    thief = prove(app)
    for _ in range(2):
        stolen = app.refresh(tokens["refresh_token"])
        assert (stolen.status_code, error_of(stolen)) == (400, "invalid_grant")
    app.http = requests.Session()
    assert error_of(app.refresh(tokens["refresh_token"])) == "invalid_grant"
    app.http = key
    again = app.refresh(tokens["refresh_token"]).json()
    assert again["token_type"] == "DPoP"
    assert app.me(again["access_token"]).status_code == 200
    app.http = thief  # who has a used token now, and cannot even end the grant with it
    assert error_of(app.refresh(tokens["refresh_token"])) == "invalid_grant"
    app.http = key
    last = app.refresh(again["refresh_token"]).json()
    assert app.me(last["access_token"]).status_code == 200


@pytest.mark.spec("RFC 9449 §5")
def test_public_client_that_begins_to_prove_a_key_has_its_next_refresh_token_bound(
    john: Browser, app: PublicApp
) -> None:
    plain = app.http
    tokens = app.connect(john, "Big Events LLC")
    assert tokens["token_type"] == "Bearer"
    key = prove(app)
    again = app.refresh(tokens["refresh_token"]).json()
    assert again["token_type"] == "DPoP"
    app.http = plain
    assert error_of(app.refresh(again["refresh_token"])) == "invalid_grant"
    app.http = key
    repeated = app.refresh(tokens["refresh_token"])
    assert repeated.json()["access_token"] == again["access_token"]
    assert repeated.json()["token_type"] == "DPoP"


@pytest.mark.spec("RFC 9700 §4.14.2")
@pytest.mark.parametrize("later", [0, settings.SETTINGS.refresh_grace_seconds + 1])
def test_thief_who_binds_a_stolen_refresh_token_to_a_key_is_noticed_all_the_same(
    john: Browser, app: PublicApp, clock: Clock, capsys: pytest.CaptureFixture[str], later: int
) -> None:
    owner = app.http
    tokens = app.connect(john, "Big Events LLC")
    thief = prove(app)
    stolen = app.refresh(tokens["refresh_token"]).json()
    stolen = app.refresh(stolen["refresh_token"]).json()
    clock.advance(later)
    app.http = owner
    capsys.readouterr()
    assert error_of(app.refresh(tokens["refresh_token"])) == "invalid_grant"
    assert '"security_event":"refresh token replayed"' in capsys.readouterr().out
    app.http = thief
    assert app.me(stolen["access_token"]).status_code == 401
    assert error_of(app.refresh(stolen["refresh_token"])) == "invalid_grant"


@pytest.mark.spec("RFC 9449 §5")
def test_token_that_was_bound_when_it_was_used_ends_nothing_without_the_key(john: Browser, app: PublicApp) -> None:
    plain = app.http
    tokens = app.connect(john, "Big Events LLC")
    key = prove(app)
    bound = app.refresh(tokens["refresh_token"]).json()
    last = app.refresh(bound["refresh_token"]).json()
    app.http = plain
    assert error_of(app.refresh(bound["refresh_token"])) == "invalid_grant"
    assert error_of(app.refresh(last["refresh_token"])) == "invalid_grant"
    app.http = key
    assert app.refresh(last["refresh_token"]).status_code == 200


# Codes


@pytest.mark.spec("RFC 9449 §10")
def test_code_that_is_bound_to_a_key_is_exchanged_with_that_key_alone(john: Browser, shop: ClientApp) -> None:
    plain = shop.http
    key = prove(shop)
    path = shop.authorize_path(dpop_jkt=key.thumbprint)
    code = john.allow(john.open(path), "Big Events LLC").code
    prove(shop)
    stolen = shop.exchange(code)
    assert (stolen.status_code, error_of(stolen)) == (400, "invalid_grant")
    shop.http = plain
    assert error_of(shop.exchange(code)) == "invalid_grant"
    shop.http = key
    assert shop.exchange(code).json()["token_type"] == "DPoP"


@pytest.mark.spec("RFC 9449 §10")
def test_thumbprint_that_is_none_is_refused(john: Browser, shop: ClientApp) -> None:
    for wrong in ("x", "é" * 43, "=" * 43):
        page = john.open(shop.authorize_path(dpop_jkt=wrong))
        assert page.status == 400
        assert "invalid_request : dpop_jkt must be the SHA-256 thumbprint" in page.text


@pytest.mark.spec("RFC 9449 §10.1")
def test_pushed_request_binds_its_code_to_the_key_of_its_proof(john: Browser, shop: ClientApp) -> None:
    key = prove(shop)

    def push(**more: str) -> requests.Response:
        form, url = {**shop.parameters(), **more}, shop.base_url + "/api/v1/oauth/par"
        return shop.http.post(url, data=form, auth=(shop.client_id, shop.secret))

    mismatched = push(dpop_jkt="A" * 43)
    assert (mismatched.status_code, error_of(mismatched)) == (400, "invalid_dpop_proof")
    pushed = push()
    assert pushed.status_code == 201
    assert pushed.headers["DPoP-Nonce"]
    path = f"/api/v1/oauth/authorize?client_id={shop.client_id}&request_uri={pushed.json()['request_uri']}"
    code = john.allow(john.open(path), "Big Events LLC").code
    other = prove(shop)
    assert error_of(shop.exchange(code)) == "invalid_grant"
    assert other.nonce
    shop.http = key
    assert shop.exchange(code).status_code == 200


# Applications that must


@pytest.mark.spec("RFC 9449 §5.2")
def test_application_that_must_bind_its_tokens_gets_none_without_a_proof(john: Browser) -> None:
    page = john.open("/settings/applications/new")
    fields = {"name": "A careful shop", "redirect_uris": "https://shop.example.com/callback"}
    page = john.press(page, "Register", dpop_bound_access_tokens="on", **fields)
    assert "bound to a key: send a proof of it in the header DPoP" in page.text
    client_id, secret = (page.html.find(id=name) for name in ("client-id", "client-secret"))
    assert client_id is not None
    assert secret is not None
    app = ClientApp(john.base_url, client_id.get_text(), secret.get_text(), fields["redirect_uris"])
    code = john.allow(john.open(app.authorize_path()), "Big Events LLC").code
    refused = app.exchange(code)
    assert (refused.status_code, error_of(refused)) == (400, "invalid_dpop_proof")
    prove(app)
    assert app.exchange(code).json()["token_type"] == "DPoP"
    programs = john.open(f"/settings/applications/{app.client_id}/connect")
    assert "Prove your key with each request" in programs.text
    edited = john.open(f"/settings/applications/{app.client_id}")
    assert edited.fields("Save")["dpop_bound_access_tokens"] == ["on"]


# What others are told


@pytest.mark.spec("RFC 9449 §6.2")
def test_introspection_tells_the_key(shop: ClientApp, key: ProvingSession, tokens: dict[str, Any]) -> None:
    url, auth = shop.base_url + "/api/v1/oauth/introspect", (shop.client_id, shop.secret)
    described = requests.post(url, data={"token": tokens["access_token"]}, auth=auth, timeout=30).json()
    assert (described["token_type"], described["cnf"]) == ("DPoP", {"jkt": key.thumbprint})
    refresh = requests.post(url, data={"token": tokens["refresh_token"]}, auth=auth, timeout=30).json()
    assert "cnf" not in refresh  # a confidential client's refresh token is bound to its authentication


@pytest.mark.spec("RFC 9449 §6.2")
def test_introspection_tells_the_key_of_a_public_clients_refresh_token_to_nobody_else(
    john: Browser, app: PublicApp, shop: ClientApp
) -> None:
    prove(app)
    tokens = app.connect(john, "Big Events LLC")
    url, auth = shop.base_url + "/api/v1/oauth/introspect", (shop.client_id, shop.secret)
    described = requests.post(url, data={"token": tokens["refresh_token"]}, auth=auth, timeout=30).json()
    assert described == {"active": False}


@pytest.mark.spec("RFC 9449 §5.1", "RFC 9728 §2")
def test_metadata_lists_the_algorithms(base_url: str) -> None:
    for path in ("oauth-authorization-server", "oauth-protected-resource"):
        found = requests.get(f"{base_url}/.well-known/{path}", timeout=30).json()
        assert found["dpop_signing_alg_values_supported"] == ["ES256", "PS256", "EdDSA", "Ed25519"]
    assert set(ALGORITHMS.values()) <= set(found["dpop_signing_alg_values_supported"])


# What it costs


@pytest.mark.spec("docs/operations.md")
def test_bound_token_costs_one_write_more_at_each_request_and_any_other_nothing(
    john: Browser, shop: ClientApp, tokens: dict[str, Any], store: StoreProxy
) -> None:
    with store.count() as calls:
        assert shop.me(tokens["access_token"]).status_code == 200
    assert [one.operation for one in calls] == ["BatchGetItem", "TransactWriteItems"]
    with store.count() as calls:
        assert shop.refresh(tokens["refresh_token"]).status_code == 200
    assert [one.operation for one in calls] == ["BatchGetItem", "TransactWriteItems", "TransactWriteItems"]
    code = john.open(shop.authorize_path()).code
    with store.count() as calls:
        assert shop.exchange(code).status_code == 200
    assert [one.operation for one in calls] == ["BatchGetItem", "TransactWriteItems", "TransactWriteItems"]
    with store.count() as calls:
        shop.http.post(shop.base_url + TOKEN, headers={"DPoP": ""}, data={"grant_type": "refresh_token"})
    assert calls == []
