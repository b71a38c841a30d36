"""What is answered with an error, and what each failure below means to whoever asked."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib import logs
from chalicelib.endpoints.http.notices import Notice
from chalicelib.keys.server_key import ServerKeyMissing, ServerKeyUnavailable
from chalicelib.mail import MailUnavailable
from chalicelib.messages import Message
from chalicelib.models.store import ConditionFailed, StoreUnavailable
from chalicelib.models.throttle import TooManyTries
from chalicelib.protocol.rules.request_parameters import Undecodable

RETRY_AFTER_SECONDS = "2"


class Refusal(Exception):
    """A request that is answered with an error.

    status: HTTP's. code: a word for a program. message: a sentence that says what is wrong and what to do.
    headers: besides those that every answer has. is_operators: only the operator can change it, so a page says whom
    to ask.
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
    """Only a signed-in user can see this. back_to: the path of ours to come back to after the sign-in. ended: what the
    sign-in page says to whoever has sent a form that nothing can be kept of."""

    def __init__(self, back_to: str, *, ended: Notice = Notice.SESSION_ENDED) -> None:
        super().__init__("not signed in")
        self.back_to = back_to
        self.ended = ended


class StaleForm(Refusal):
    """A form that does not carry the CSRF token of its page as it is now.

    is_visitors: of a form for somebody who is not signed in. is_owners: the page was shown to who is signed in now.
    """

    def __init__(self, *, is_visitors: bool = False, is_owners: bool = False) -> None:
        message = Message(
            "This form is out of date, or was not sent from our page. Go back, reload the page and try again."
        )
        super().__init__(403, "invalid_form", message)
        self.is_visitors = is_visitors
        self.is_owners = is_owners


def as_refusal(error: Exception) -> Refusal:
    """The refusal that an error is, noted in the log where it is not the caller's."""
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
        case ServerKeyMissing():
            logs.note(server_key_error="missing")
            message = Message("This stage has no SERVER_KEY, without which there can be no public applications.")
            return Refusal(500, "server_error", message, is_operators=True)
        case _:
            logs.note(error=type(error).__name__, where=logs.where(error))
            message = Message("Something went wrong on our side. It has been logged.")
            return Refusal(500, "server_error", message)


def _try_again(message: Message) -> Refusal:
    again = Message("%(problem)s Please try again.", problem=message)
    return Refusal(503, "temporarily_unavailable", again, {"Retry-After": RETRY_AFTER_SECONDS})
