"""The redirect that carries an answer to the application (RFC 6749 §4.1.2), or the form that does (form_post)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from oauthlib.oauth2 import OAuth2Error

from chalicelib import logs
from chalicelib.models.application import Application
from chalicelib.protocol.rules import redirect_uris

FORM_POST = "form_post"


@dataclass(frozen=True)
class Redirect:
    """uri: the redirect URI. answer: what the application is told. is_posted: the browser posts it in a form (OAuth 2.0
    Form Post Response Mode §2), instead of carrying it in the query."""

    uri: str
    answer: Mapping[str, str]
    is_posted: bool = False

    @property
    def location(self) -> str:
        """Where the browser is redirected to."""
        return redirect_uris.with_parameters(self.uri, dict(self.answer))


class RefusedRequest(Exception):
    """The request is wrong, and its application is told so.

    redirect: the redirect URI with the error, where the browser goes. reason: the error. application: the client.
    is_silent: the application asked for no page (`prompt=none`).
    """

    def __init__(self, redirect: Redirect, reason: OAuth2Error, application: Application, *, is_silent: bool) -> None:
        super().__init__("refused")
        self.redirect = redirect
        self.reason = reason
        self.application = application
        self.is_silent = is_silent

    @property
    def is_about_the_user(self) -> bool:
        """True if the request was in order, and only the user was missing."""
        return isinstance(self.reason, OfTheUserError)


def error_at(
    uri: str, issuer: str, state: str | None, *, error: str, description: str | None, is_posted: bool = False
) -> Redirect:
    """The redirect with an error, the request's state and the issuer (RFC 6749 §4.1.2.1, RFC 9207 §2)."""
    logs.note(outcome=error)
    answer = {"error": error, "error_description": description, "state": state, "iss": issuer}
    return Redirect(uri, {name: value for name, value in answer.items() if value}, is_posted)


class OfTheUserError(OAuth2Error):  # type: ignore[misc] # oauthlib has no types
    """The request is in order, and this user cannot answer it as it is."""


# What `prompt=none` is answered with if the user would have to see a page (OpenID Connect Core §3.1.2.6).
class LoginRequiredError(OfTheUserError):
    error = "login_required"
    description = "The user is not signed in. Send them here without prompt=none."


class ConsentRequiredError(OfTheUserError):
    error = "consent_required"
    description = "The user has to be asked. Send them here without prompt=none."


class InteractionRequiredError(OfTheUserError):
    error = "interaction_required"
    description = "The user belongs to no organizer and has to be told. Send them here without prompt=none."


class AnotherUserError(OfTheUserError):
    error = "login_required"
    description = "Another user is signed in than the one that id_token_hint or claims names."


class NotProvenError(OfTheUserError):  # OpenID Connect Core Error Code unmet_authentication_requirements 1.0 §2
    error = "unmet_authentication_requirements"
    description = "The user did not sign in in a way that the essential acr asks for."


class RequestNotSupportedError(OAuth2Error):  # type: ignore[misc]
    error = "request_not_supported"


class RequestUriNotSupportedError(OAuth2Error):  # type: ignore[misc] # OpenID Connect Core §3.1.2.6
    error = "request_uri_not_supported"
    description = "request_uri may name only a pushed request (RFC 9126). Send each parameter by itself."
