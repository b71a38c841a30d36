"""Every error description tells the client's developer what is wrong and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import requests

from chalicelib import credentials, settings
from chalicelib.credentials import Kind
from chalicelib.models import application_access, user
from tests.actors import CALLBACK, Browser, ClientApp
from tests.conftest import Clock
from tests.public_app import PublicApp
from tests.signing_app import TYPE, SigningApp

pytestmark = pytest.mark.spec("RFC 6749 §5.2")

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
ALLOWED_CHARACTERS = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+")


@dataclass
class World:
    john: Browser
    shop: ClientApp
    other: ClientApp
    public: PublicApp
    bank: SigningApp
    clock: Clock

    def code(self, app: ClientApp | None = None) -> str:
        app = app or self.shop
        page = self.john.open(app.authorize_path())
        return (page if page.left_to else self.john.allow(page, "Big Events LLC")).code

    def post(self, path: str, *, auth: Any = None, **form: Any) -> requests.Response:
        return requests.post(f"{self.shop.base_url}/api/v1/oauth/{path}", data=form, auth=auth, timeout=30)

    def ask(self, path: str, **form: Any) -> requests.Response:
        """Send the request with the shop's credentials."""
        return self.post(path, auth=(self.shop.client_id, self.shop.secret), **form)

    def token(self, **form: Any) -> requests.Response:
        return self.ask("token", **form)

    def used_code(self) -> requests.Response:
        code = self.code()
        assert self.shop.exchange(code).status_code == 200
        return self.shop.exchange(code)

    def expired_code(self) -> requests.Response:
        code = self.code()
        self.clock.advance(60)
        return self.shop.exchange(code)

    def refreshed_after(self, end: Callable[[dict[str, Any]], object], app: ClientApp | None = None) -> Any:
        app = app or self.shop
        tokens = app.connect(self.john, "Big Events LLC")
        end(tokens)
        return app.refresh(tokens["refresh_token"])

    def take_back(self, _: Any) -> None:
        self.john.press(self.john.open("/settings/authorized"), "Revoke")

    def replayed(self) -> requests.Response:
        refresh_token = self.public.connect(self.john, "Big Events LLC")["refresh_token"]
        assert self.public.refresh(refresh_token).status_code == 200
        self.clock.advance(61)
        return self.public.refresh(refresh_token)

    def signed(self, **claims: Any) -> requests.Response:
        proof = {"client_assertion_type": TYPE, "client_assertion": self.bank.assertion(**claims)}
        return self.post("revoke_token", token="x", **proof)

    def used_assertion(self) -> requests.Response:
        assertion = self.bank.assertion()
        for token in ("x", "y"):
            answer = self.post("revoke_token", token=token, client_assertion_type=TYPE, client_assertion=assertion)
        return answer

    def own(self, scope: str) -> requests.Response:
        application_access.allow(self.shop.client_id, ["read"], list(self.john.user.organizers))
        return self.token(grant_type="client_credentials", scope=scope)

    def registered(self, **metadata: Any) -> requests.Response:
        url = f"{self.shop.base_url}/api/v1/oauth/register"
        return requests.post(url, json={"redirect_uris": [CALLBACK], **metadata}, timeout=30)

    def pushed(self, **changed: Any) -> requests.Response:
        return self.ask("par", **{**self.shop.parameters(), **changed})


@pytest.fixture
def world(
    john: Browser,
    shop: ClientApp,
    other_shop: ClientApp,
    a_browser: Callable[..., Browser],
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> World:
    monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, registration="open"))
    developer = a_browser()
    return World(john, shop, other_shop, PublicApp.registered_by(developer), SigningApp.registered_by(developer), clock)


# What happens -> its error code, part of its description, and the request.
CATALOGUE: dict[str, tuple[str, str, Callable[[World], requests.Response]]] = {
    "no grant type": ("invalid_request", "grant_type is missing", lambda it: it.token(code="x")),
    "unknown grant type": ("unsupported_grant_type", "authorization_code", lambda it: it.token(grant_type="password")),
    "no code": ("invalid_request", "code is missing", lambda it: it.token(grant_type="authorization_code")),
    "no refresh token": (
        "invalid_request",
        "refresh_token is missing",
        lambda it: it.token(grant_type="refresh_token"),
    ),
    "a field twice": ("invalid_request", "more than once", lambda it: it.token(grant_type=["a", "b"])),
    "no form": (
        "invalid_request",
        "application/x-www-form-urlencoded",
        lambda it: requests.post(it.shop.base_url + "/api/v1/oauth/token", json={}, timeout=30),
    ),
    "made-up code": ("invalid_grant", "authorization endpoint again", lambda it: it.shop.exchange("made-up")),
    "unknown code": (
        "invalid_grant",
        "unknown",
        lambda it: it.shop.exchange(credentials.mint(Kind.AUTHORIZATION_CODE)),
    ),
    "another's code": ("invalid_grant", "another application's", lambda it: it.other.exchange(it.code())),
    "used code": ("invalid_grant", "The code has been used. Send the user", World.used_code),
    "expired code": ("invalid_grant", "expired: exchange it within 60 seconds", World.expired_code),
    "wrong redirect URI": (
        "invalid_grant",
        "redirect_uri is not the one",
        lambda it: it.shop.exchange(it.code(), redirect_uri="https://x.example/"),
    ),
    "no verifier": (
        "invalid_grant",
        "code_verifier is missing",
        lambda it: it.public.exchange(it.code(it.public), code_verifier=None),
    ),
    "made-up refresh token": ("invalid_grant", "refresh token is unknown", lambda it: it.shop.refresh("made-up")),
    "refresh of an ended grant": (
        "invalid_grant",
        "its permission has ended",
        lambda it: it.refreshed_after(lambda tokens: it.shop.revoke(tokens["refresh_token"])),
    ),
    "refresh after it was taken back": (
        "invalid_grant",
        "authorization endpoint again",
        lambda it: it.refreshed_after(it.take_back),
    ),
    "refresh for a disabled user": (
        "invalid_grant",
        "account is closed",
        lambda it: it.refreshed_after(lambda _: user.disable(it.john.user.user_id)),
    ),
    "replayed refresh token": ("invalid_grant", "was used before", World.replayed),
    "wider scope": (
        "invalid_scope",
        "what the user allowed: read.",
        lambda it: it.shop.refresh(
            it.shop.connect(it.john, "Big Events LLC", scope="read")["refresh_token"], scope="read write"
        ),
    ),
    "scope beyond the operator's": ("invalid_scope", "what the operator allowed: read.", lambda it: it.own("write")),
    "no access of its own": (
        "unauthorized_client",
        "operator has to allow",
        lambda it: it.other.call_token(grant_type="client_credentials"),
    ),
    "no device grant": (
        "unauthorized_client",
        "no device grant",
        lambda it: it.token(grant_type=DEVICE, device_code=credentials.mint(Kind.DEVICE_CODE, "x" * 16)),
    ),
    "no device code": ("invalid_request", "device_code is missing", lambda it: it.token(grant_type=DEVICE)),
    "no device authorization": (
        "unauthorized_client",
        "no device grant",
        lambda it: it.ask("device_authorization", scope="read"),
    ),
    "wrong secret": (
        "invalid_client",
        "its secret is wrong",
        lambda it: it.post("token", auth=(it.shop.client_id, "wrong"), grant_type="refresh_token", refresh_token="x"),
    ),
    "no secret": (
        "invalid_client",
        "has a secret: send its client id and secret, with HTTP Basic authentication or in the form",
        lambda it: it.post("revoke_token", client_id=it.shop.client_id, token="x"),
    ),
    "a secret for a public one": (
        "invalid_client",
        "registered none: send its client_id in the form",
        lambda it: it.post("revoke_token", auth=(it.public.client_id, "x"), token="x"),
    ),
    "a secret for one with keys": (
        "invalid_client",
        "registered private_key_jwt: send a client_assertion",
        lambda it: it.post("revoke_token", auth=(it.bank.client_id, "x"), token="x"),
    ),
    "no client": ("invalid_client", "HTTP Basic", lambda it: it.post("revoke_token", token="x")),
    "two ways at once": (
        "invalid_request",
        "Authenticate once",
        lambda it: it.ask("revoke_token", client_secret="x", token="x"),
    ),
    "assertion for another": ("invalid_client", "aud must be", lambda it: it.signed(aud="https://x.example")),
    "expired assertion": ("invalid_client", "exp must lie ahead", lambda it: it.signed(exp=1)),
    "used assertion": ("invalid_client", "has been used; make a new one", World.used_assertion),
    "nothing to revoke": ("invalid_request", "token", lambda it: it.ask("revoke_token", token_type_hint="x")),
    "nothing to introspect": (
        "invalid_request",
        "token is missing",
        lambda it: it.ask("introspect", token_type_hint="x"),
    ),
    "introspection by a public one": (
        "unauthorized_client",
        "public application",
        lambda it: it.post("introspect", client_id=it.public.client_id, token="x"),
    ),
    "unknown resource": ("invalid_target", "resource", lambda it: it.pushed(resource="https://x.example/")),
    "pushed unknown scope": ("invalid_scope", "one or more of: read, write, profile", lambda it: it.pushed(scope="x")),
    "pushed response type": ("unsupported_response_type", "must be code", lambda it: it.pushed(response_type="token")),
    "pushed redirect URI": (
        "invalid_request",
        "redirect_uri is not registered",
        lambda it: it.pushed(redirect_uri="https://x.example/"),
    ),
    "pushed reference": ("invalid_request", "cannot be pushed", lambda it: it.pushed(request_uri="urn:x")),
    "registered redirect URI": (
        "invalid_redirect_uri",
        "redirect_uris",
        lambda it: it.registered(redirect_uris=['javascript:"\\ä']),
    ),
    "registered keys": (
        "invalid_client_metadata",
        "{'keys': [...]}",
        lambda it: it.registered(token_endpoint_auth_method="private_key_jwt", jwks={}),
    ),
    "registered method": (
        "invalid_client_metadata",
        "token_endpoint_auth_method",
        lambda it: it.registered(token_endpoint_auth_method="x"),
    ),
    "registered no object": (
        "invalid_client_metadata",
        "JSON object",
        lambda it: requests.post(it.shop.base_url + "/api/v1/oauth/register", json=[], timeout=30),
    ),
    "another method": (
        "invalid_request",
        "POST",
        lambda it: requests.get(it.shop.base_url + "/api/v1/oauth/token", timeout=30),
    ),
    "too much": ("invalid_request", "larger than 16384 bytes", lambda it: it.token(code="x" * 17_000)),
}


@pytest.mark.parametrize("name", CATALOGUE)
def test_error_description_says_what_is_wrong_and_what_to_do(world: World, name: str) -> None:
    error, words, do = CATALOGUE[name]
    answer = do(world)
    assert 400 <= answer.status_code < 500
    body = answer.json()
    assert body["error"] == error
    assert words in body["error_description"]
    assert ALLOWED_CHARACTERS.fullmatch(body["error_description"])
    assert len(body["error_description"].split()) >= 3


@pytest.mark.spec("docs/security.md")
def test_unknown_client_gets_the_same_answer_as_a_wrong_secret(world: World) -> None:
    """A client id is no secret: the answer to a wrong authentication method names the right one."""
    told = {
        world.post("revoke_token", auth=(client_id, "wrong"), token="x").text
        for client_id in (world.shop.client_id, "x" * 16)
    }
    assert len(told) == 1


def test_unknown_scope_is_named_in_the_error_sent_to_the_application(world: World) -> None:
    world.code()  # so that the user has allowed the application this redirect URI
    page = world.john.open(world.shop.authorize_path(scope="read everything"))
    assert page.answer["error"] == "invalid_scope"
    assert page.answer["error_description"] == "scope must be one or more of: read, write, profile."
    assert page.answer["state"] == "xyz"
