"""The logout token: tells an application that a session ended (OpenID Connect Back-Channel Logout 1.0 §2.4, §2.5)."""

from __future__ import annotations

from urllib.parse import urlencode

from chalicelib import clock, credentials, limits, logs, outbound
from chalicelib.keys import signing
from chalicelib.logout_queue import Ended
from chalicelib.models import application
from chalicelib.models.application import Application
from chalicelib.protocol.rules import answer_algorithms, subjects

_EVENT = "http://schemas.openid.net/event/backchannel-logout"


class NotAccepted(Exception):
    """The application did not say that it accepts the token. The message tells why."""


def made(ended: Ended, client: Application) -> str:
    """The signed token, made when it is sent: it is good for LOGOUT_TOKEN_LIFETIME_SECONDS. Raises SigningKeyMissing,
    SigningKeyUnavailable.

    It always names the session and the user, so it fits applications that need the one and those that need the other.
    Nobody can take it for an ID token: it has another `typ` and no `at_hash`, and never a nonce.
    """
    now = clock.now()
    claims = {
        "iss": ended.issuer,
        "sub": subjects.of(client, ended.user_id),
        "aud": client.public_id,
        "iat": now,
        "exp": now + limits.LOGOUT_TOKEN_LIFETIME_SECONDS,
        "jti": credentials.new_id(),
        "sid": subjects.session_of(client, ended.session_id),
        "events": {_EVENT: {}},
    }
    algorithm = answer_algorithms.for_id_token(client)  # as its ID tokens (§2.4)
    return signing.sign(claims, token_type="logout+jwt", algorithm=algorithm)  # noqa: S106


def send(ended: Ended) -> bool:
    """Send a token to the application. False if it is gone, disabled, or no longer wants any.

    Raises NotAccepted; StoreUnavailable, SigningKeyMissing and SigningKeyUnavailable. It may be repeated: then the
    application gets another token about the same session, which has nothing left to end.
    """
    client = application.get(ended.client_id)
    if client is None or not client.active or not client.backchannel_logout_uri:
        return False
    logs.note(client_id=client.public_id)
    form = urlencode({"logout_token": made(ended, client)})
    try:
        outbound.notify(str(client.backchannel_logout_uri), form)
    except outbound.FetchError as error:
        raise NotAccepted(str(error)) from error
    return True
