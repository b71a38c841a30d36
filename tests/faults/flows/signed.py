"""Signed access tokens: what ends one lists it, in the same write."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar

from joserfc.jwk import RSAKey

from chalicelib import permissions
from chalicelib.keys import signing
from chalicelib.models import ended_tokens
from chalicelib.protocol.rules import signed_tokens, strict_json
from tests.actors import ClientApp
from tests.faults.flow import PageFlow, called, wrong
from tests.faults.flows.taking_back import PATH
from tests.faults.flows.tokens import ForTokens
from tests.faults.scene import BIG, Seen

DOOR = "https://door.example.com/"
_KEY = RSAKey.generate_key(2048, {"kid": "of-the-sweep", "alg": "RS256"}).as_dict(private=True)
_CATALOGUE = permissions.parse(
    (permissions.FOLDER / "default.toml").read_text(encoding="utf-8")
    + f'\n[resources."{DOOR}"]\nscopes = ["read", "write"]\ntoken_format = "jwt"\n'
)
OPERATOR = {
    "signing_keys": json.dumps({"keys": [{**_KEY, "status": signing.ACTIVE}]}),
    "permissions": _CATALOGUE,
    "resources": (DOOR,),
}


def handles(token: str) -> set[str]:
    return set(strict_json.read_object(signed_tokens.decoded(token.split(".")[1]))["ends_with"])


def is_listed(token: str) -> bool:
    listed, page = set[str](), ended_tokens.page()
    while True:
        listed |= {str(entry.handle) for entry in page.entries}
        if page.next_after is None:
            return bool(listed & handles(token))
        page = ended_tokens.page(page.next_after)


def is_active(app: ClientApp, token: str) -> bool:
    url = app.base_url + "/api/v1/oauth/introspect"
    answered = app.http.post(url, data={"token": token}, auth=(app.client_id, app.secret))
    return bool(answered.json()["active"])


class RefreshSigned(ForTokens):
    name = "refresh a signed token"
    operator: ClassVar[Any] = OPERATOR

    def prepare_request(self) -> None:
        self.before = self.app.connect(self.browser, BIG, resource=DOOR)

    def act(self) -> Seen:
        return called(lambda: self.app.refresh(self.before["refresh_token"]))

    def losses(self, *, is_done: bool) -> Iterator[str]:
        token = self.answer["access_token"]
        yield from wrong(
            the_token_before_is_not_listed=not is_listed(self.before["access_token"]),
            the_token_is_listed=is_listed(token),
            the_token_is_not_active=bool(self.app.secret) and not is_active(self.app, token),
            the_refresh_token_does_not_work=self.app.refresh(self.answer["refresh_token"]).status_code != 200,
        )


class RefreshSignedPublic(RefreshSigned):
    name = "refresh a signed token, public application"

    def choose(self) -> ClientApp:
        return self.world.spa


class RevokeSigned(RefreshSigned):
    name = "revoke a signed token"

    def act(self) -> Seen:
        return called(lambda: self.app.revoke(self.before["access_token"]))

    def losses(self, *, is_done: bool) -> Iterator[str]:
        yield from wrong(it_is_not_listed=not is_listed(self.before["access_token"]))


class RevokeGrantOfSigned(RevokeSigned):
    name = "revoke a refresh token with a signed token"

    def act(self) -> Seen:
        return called(lambda: self.app.revoke(self.before["refresh_token"]))


class RevokeApplicationWithSigned(PageFlow):
    name = "revoke an application with a signed token"
    button = "Revoke"
    operator: ClassVar[Any] = OPERATOR

    def prepare(self) -> None:
        browser = self.world.john()
        self.token = self.world.shop.connect(browser, BIG, resource=DOOR)["access_token"]
        self.begin(browser, PATH)

    def is_told(self, answer: Seen) -> bool:
        """The page no longer lists the application."""
        return (answer.status == 200 and self.button not in answer.says) or answer.location.endswith(PATH)

    def losses(self, *, is_done: bool) -> Iterator[str]:
        yield from wrong(
            it_is_not_listed=not is_listed(self.token), it_is_active=is_active(self.world.shop, self.token)
        )
        page = self.browser.open(PATH)
        yield from wrong(the_application_is_still_listed="A shop" in page.text)
