"""The errors that requests are answered with, and the meaning of each failure below for the caller."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib import logs, settings
from chalicelib.endpoints.http.notices import Notice
from chalicelib.keys.parameter_store import ParameterUnavailable
from chalicelib.keys.server_key import ServerKeyMissing, ServerKeyUnavailable
from chalicelib.keys.signing import SigningKeyMissing, SigningKeyUnavailable
from chalicelib.mail import MailUnavailable
from chalicelib.messages import Message
from chalicelib.models.store import ConditionFailed, StoreUnavailable
from chalicelib.models.throttle import TooManyTries
from chalicelib.protocol.rules.request_parameters import Undecodable
from chalicelib.protocol.upstream.provider_documents import ProviderUnavailable

RETRY_AFTER_SECONDS = "2"


class Refusal(Exception):
    """A request that is answered with an error.

    status: the HTTP status. code: a word for programs. message: a sentence that says what is wrong and what to do.
    headers: in addition to those of every response. is_operators: only the operator can fix it, so a page says whom to
    ask.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: Mapping[str, str] | None = None,
        *,
        is_operators: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})
        self.is_operators = is_operators


class NotSignedIn(Exception):
    """Only a signed-in user can see this. back_to: the local path to return to after the sign-in. ended: what the
    sign-in page says to somebody who sent a form, none of which can be kept."""

    def __init__(self, back_to: str, *, ended: Notice = Notice.SESSION_ENDED) -> None:
        super().__init__("not signed in")
        self.back_to = back_to
        self.ended = ended


class StaleForm(Refusal):
    """A form without the current CSRF token of its page.

    is_visitors: the form is for visitors who are not signed in. is_owners: its page was shown to the signed-in user.
    """

    def __init__(self, *, is_visitors: bool = False, is_owners: bool = False) -> None:
        message = Message(
            "This form is out of date, or was not sent from our page. Go back, reload the page and try again."
        )
        super().__init__(403, "invalid_form", message)
        self.is_visitors = is_visitors
        self.is_owners = is_owners


def check_passwords() -> None:
    """Raises Refusal if people sign in only at identity providers."""
    if not settings.SETTINGS.providers.has_passwords:
        message = Message("There are no passwords here. Sign in as you usually do.")
        raise Refusal(403, "no_passwords", message)


def as_refusal(error: Exception) -> Refusal:
    """The refusal for an error. Logs errors that are not the caller's."""
    match error:
        case Refusal():
            return error
        case Undecodable():
            return Refusal(400, "invalid_request", error.message)
        case ConditionFailed():
            message = Message("This was changed or deleted in the meantime. Go back, reload the page and try again.")
            return Refusal(409, "conflict", message)
        case TooManyTries():
            minutes = error.window_seconds // 60
            message = Message("Too many attempts. Wait %(minutes)s minutes, then try again.", minutes=minutes)
            return Refusal(429, "too_many_tries", message, {"Retry-After": str(error.window_seconds)})
        case StoreUnavailable():
            logs.note(store_error=error.code)
            return _try_again(Message("The service cannot reach its storage at the moment."))
        case MailUnavailable():
            logs.note(mail_error=error.code)
            return _try_again(Message("Email cannot be sent at the moment."))
        case ServerKeyUnavailable():
            logs.note(server_key_error=error.code)
            return _try_again(Message("The service cannot read its key at the moment."))
        case SigningKeyUnavailable():
            logs.note(signing_key_error=error.code)
            return _try_again(Message("The service cannot use its signing key at the moment."))
        case ProviderUnavailable() | ParameterUnavailable():
            logs.note(provider_error=str(error))
            return _try_again(Message("The service where you sign in cannot be reached at the moment."))
        case ServerKeyMissing():
            logs.note(server_key_error="missing")
            message = Message("Public applications need a SERVER_KEY, and this stage has none.")
            return Refusal(500, "server_error", message, is_operators=True)
        case SigningKeyMissing():
            logs.note(signing_key_error="missing")
            message = Message("This service has no key to sign with.")
            return Refusal(500, "server_error", message, is_operators=True)
        case _:
            logs.note(error=type(error).__name__, where=logs.where(error))
            message = Message("Something went wrong on our side. It has been logged.")
            return Refusal(500, "server_error", message)


def _try_again(message: Message) -> Refusal:
    again = Message("%(problem)s Please try again.", problem=message)
    return Refusal(503, "temporarily_unavailable", again, {"Retry-After": RETRY_AFTER_SECONDS})
