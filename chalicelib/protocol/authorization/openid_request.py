"""What an authorization request of OpenID Connect asks for besides (OpenID Connect Core §3.1.2.1, §5.5)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from oauthlib.oauth2.rfc6749 import errors

from chalicelib import clock, limits
from chalicelib.messages import Message
from chalicelib.models.application import Application
from chalicelib.models.session import Authentication
from chalicelib.protocol.errors import NotThisApplication
from chalicelib.protocol.openid import claims, id_token
from chalicelib.protocol.openid.claims import ClaimsProblem, ClaimsRequest
from chalicelib.protocol.rules import subjects
from chalicelib.protocol.rules.signed_tokens import NotSigned

_SECONDS = re.compile(r"\d{1,9}", re.ASCII)


@dataclass(frozen=True)
class OpenIDRequest:
    """nonce: comes back in the ID token. max_age: how many seconds ago the user may have signed in; None for any.
    claims: see `protocol.openid.claims`. subject: the user who has to answer, by `id_token_hint` or `claims`, as the
    application knows them; None for any. languages: of the pages, space-separated, most preferred first; "" for the
    user's own."""

    nonce: str | None = None
    max_age: int | None = None
    claims: ClaimsRequest = field(default_factory=ClaimsRequest)
    subject: str | None = None
    languages: str = ""

    def is_outdated(self, authentication: Authentication, asked_at: int | None) -> bool:
        """True if the user signed in too long ago. asked_at: when they were asked to sign in for this request; None if
        they were not. A sign-in since then is good enough, even with max_age=0, but not for long."""
        if self.max_age is None or clock.now() - authentication.at <= self.max_age:
            return False
        return asked_at is None or authentication.at < max(asked_at, clock.now() - limits.SIGN_IN_AGAIN_SECONDS)

    def is_for(self, user_id: str, client: Application) -> bool:
        """True if this user may answer. client: the application that asks."""
        return self.subject is None or self.subject == subjects.of(client, user_id)

    def is_met_by(self, authentication: Authentication) -> bool:
        """True if the user signed in in a way that the request says is essential."""
        return self.claims.acr is None or authentication.proof.context in self.claims.acr


def read(known: Mapping[str, str], application: Application, *, issuer: str) -> OpenIDRequest:
    """known: the parameters, each once. Raises InvalidRequestError, and NotThisApplication if they name no redirect
    URI: OpenID Connect has none by default, so the answer must not go anywhere (Core §3.1.2.1)."""
    if "redirect_uri" not in known:
        raise NotThisApplication("redirect_uri", Message("redirect_uri is missing. OpenID Connect needs it."))
    try:
        asked = claims.read_request(known.get("claims"))
    except ClaimsProblem as error:
        raise errors.InvalidRequestError(str(error)) from error
    hinted = _hinted(known.get("id_token_hint"), application, issuer)
    if None not in (hinted, asked.subject) and hinted != asked.subject:
        raise errors.InvalidRequestError("id_token_hint and claims name two users.")
    return OpenIDRequest(
        nonce=known.get("nonce"),
        max_age=_max_age(known.get("max_age"), application),
        claims=asked,
        subject=hinted or asked.subject,
        languages=known.get("ui_locales", ""),
    )


def _hinted(hint: str | None, application: Application, issuer: str) -> str | None:
    """The user whom the ID token is about; None without one."""
    if hint is None:
        return None
    try:
        found = id_token.read_hint(hint, issuer=issuer)
    except NotSigned as error:
        raise errors.InvalidRequestError(f"id_token_hint {error}. Leave it out.") from error
    if found.client_id != application.public_id:
        raise errors.InvalidRequestError("id_token_hint was issued to another application. Leave it out.")
    return found.subject


def _max_age(value: str | None, application: Application) -> int | None:
    if value is None:
        return None if application.default_max_age is None else int(application.default_max_age)
    if not _SECONDS.fullmatch(value):
        raise errors.InvalidRequestError("max_age must be a whole number of seconds.")
    return int(value)
