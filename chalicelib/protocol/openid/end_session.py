"""An application asks to sign its user out here (OpenID Connect RP-Initiated Logout 1.0 §2).

Only the user decides: whatever the request says, a page asks first. What it says decides whose page that is and where
the browser goes afterwards: to an address that the application registered, or nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib import limits
from chalicelib.messages import Message, Problem
from chalicelib.models.application import Application
from chalicelib.protocol.openid import id_token
from chalicelib.protocol.openid.id_token import Hint
from chalicelib.protocol.rules import redirect_uris, request_parameters, subjects
from chalicelib.protocol.rules.signed_tokens import NotSigned

PARAMETERS = ("id_token_hint", "logout_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales")


class LogoutProblem(Problem):
    """The request cannot be answered. The message is a sentence for the application's developer."""


@dataclass(frozen=True)
class LogoutRequest:
    """As it was sent. client_id: of the application that asks, as far as it says. hint: the ID token that it sends
    back. redirect_uri: where the browser is to go; not yet compared. languages: of the page, space-separated, most
    preferred first. All but the last are None if they are missing."""

    client_id: str | None
    hint: Hint | None
    redirect_uri: str | None
    state: str | None
    languages: str = ""


@dataclass(frozen=True)
class Logout:
    """A request in order. application: who asks; None if the request does not say. redirect_uri: where the browser goes
    afterwards, with the state, and as it is registered; None for nowhere. subject: the user whom it is about; None if
    it does not say."""

    application: Application | None
    redirect_uri: str | None
    state: str | None
    subject: str | None

    @property
    def location(self) -> str | None:
        """Where the browser goes afterwards (§3)."""
        if self.redirect_uri is None or self.state is None:
            return self.redirect_uri
        return redirect_uris.with_parameters(self.redirect_uri, {"state": self.state})

    def is_about_another(self, user_id: str) -> bool:
        if self.subject is None or self.application is None:
            return False
        return self.subject != subjects.of(self.application, user_id)


def read(parameters: request_parameters.Parameters, *, issuer: str) -> LogoutRequest:
    """Raises LogoutProblem.

    `logout_hint` is ignored, as §2 allows: the page says who is signed in.
    """
    for name in request_parameters.repeated(parameters, PARAMETERS):
        raise LogoutProblem(Message("%(name)s was sent more than once.", name=name))
    known = request_parameters.known(parameters, PARAMETERS)
    hint = _hint(known.get("id_token_hint"), issuer)
    client_id = known.get("client_id")
    if client_id is not None and hint is not None and client_id != hint.client_id:
        raise LogoutProblem(Message("id_token_hint was issued to another application than client_id names."))
    if client_id is None and hint is not None:
        client_id = hint.client_id
    redirect_uri = known.get("post_logout_redirect_uri")
    if redirect_uri is not None and client_id is None:
        raise LogoutProblem(Message("post_logout_redirect_uri needs an id_token_hint or a client_id beside it."))
    return LogoutRequest(client_id, hint, redirect_uri, known.get("state"), known.get("ui_locales", ""))


def checked(asked: LogoutRequest, application: Application | None) -> Logout:
    """application: the stored one with the client id of the request; None if there is none. Raises LogoutProblem."""
    if asked.client_id is not None and not _is_known(application, asked.client_id):
        raise LogoutProblem(Message("There is no application with this client_id, or it is disabled."))
    registered = (application.post_logout_redirect_uris if application else None) or ()
    if asked.redirect_uri is not None and asked.redirect_uri not in registered:
        raise LogoutProblem(
            Message("post_logout_redirect_uri is not one of the addresses that the application registered for it.")
        )
    return Logout(application, asked.redirect_uri, asked.state, asked.hint.subject if asked.hint else None)


def is_client_id(text: str | None) -> bool:
    """True if an application could have this client id."""
    return text is not None and request_parameters.is_id(text, limit=limits.CLIENT_ID_LIMIT_CHARACTERS)


def _is_known(application: Application | None, client_id: str) -> bool:
    if application is None or application.is_deleted or not application.active:
        return False
    return application.public_id == client_id  # and not a derived id, which some are stored under


def _hint(token: str | None, issuer: str) -> Hint | None:
    if token is None:
        return None
    try:
        return id_token.read_hint(token, issuer=issuer)
    except NotSigned as error:
        raise LogoutProblem(Message("id_token_hint %(problem)s. Leave it out.", problem=str(error))) from error
