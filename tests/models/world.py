"""Items to start from, made the way the application makes them."""

from __future__ import annotations

from chalicelib import clock, credentials
from chalicelib.credentials import Kind
from chalicelib.models import authorization_code, grant, user
from chalicelib.models.access_token import AccessToken
from chalicelib.models.application import CONFIDENTIAL, Application
from chalicelib.models.authorization_code import AuthorizationCode
from chalicelib.models.consent import Consent
from chalicelib.models.grant import Grant
from chalicelib.models.user import User


def a_user(email: str | None = None) -> User:
    return user.create(
        email=email or f"{credentials.new_id()}@example.org",
        password="correct horse",
        fullname="John Doe",
        locale="en",
        timezone="UTC",
    )


def a_code(of: User, client_id: str | None = None) -> tuple[AuthorizationCode, Consent]:
    """A code issued just now, and its consent."""
    client_id, now = client_id or credentials.new_id(), clock.now()
    consent = Consent(
        user_id=of.user_id,
        client_id=client_id,
        consent_id=credentials.new_id(),
        revision=credentials.new_id(),
        scopes={"read", "write"},
        organizers={"big-events"},
        created_at=now,
        updated_at=now,
    )
    code = AuthorizationCode(
        code_digest=credentials.digest(credentials.mint(Kind.AUTHORIZATION_CODE)),
        client_id=client_id,
        user_id=of.user_id,
        consent_id=consent.consent_id,
        scope="read write",
        organizers={"big-events"},
        redirect_uri="https://shop.example.com/callback",
        redirect_uri_given=True,
        created_at=now,
        expires_at=now + 60,
        forget_at=now + 60,
    )
    authorization_code.give(code, consent, known=None)
    return code, consent


def its_application(code: AuthorizationCode) -> Application:
    """The application that the code was issued to; it is not stored."""
    return Application(
        client_id=code.client_id,
        owner_id="x",
        name="A shop",
        client_type=CONFIDENTIAL,
        redirect_uris=[code.redirect_uri],
        active=True,
        created_at=code.created_at,
    )


def a_grant(code: AuthorizationCode) -> tuple[Grant, AccessToken]:
    """The grant that the code may be exchanged for; it is not stored."""
    now = clock.now()
    made = Grant(
        user_id=code.user_id,
        grant_id=grant.new_id(code.user_id, code.client_id),
        client_id=code.client_id,
        consent_id=code.consent_id,
        scope=code.scope,
        organizers=code.organizers,
        refresh_digest=credentials.digest(credentials.new_id()),
        created_at=now,
        last_used_at=now,
    )
    return made, an_access_token(made)


def an_access_token(of: Grant) -> AccessToken:
    now = clock.now()
    return AccessToken(
        grant_id=of.grant_id,
        token_digest=credentials.digest(credentials.new_id()),
        user_id=of.user_id,
        client_id=of.client_id,
        scope=of.scope,
        organizers=of.organizers,
        issued_at=now,
        expires_at=now + 86_400,
    )
