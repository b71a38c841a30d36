"""A client assertion is valid for one request. That same request may be repeated until it has been answered.

So a client whose request failed (503) can resend its bytes, as HTTP libraries do, without being told that its assertion
was used. A request that was answered is not answered again: whoever finds its bytes in a log gets nothing for them.

There are layers between the endpoint, which knows the request and its response, and the check of the assertion. So the
attempt is passed in a context variable.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from oauthlib.oauth2.rfc6749 import errors

from chalicelib import logs
from chalicelib.models import used_assertion
from chalicelib.models.used_assertion import UsedAssertion


class StillAnswering(Exception):
    """The first of two identical requests may still be in progress. wait_seconds: for how long at most.

    Not an OAuth2Error, because a response to one cannot say how long to wait.
    """

    def __init__(self, wait_seconds: int) -> None:
        super().__init__(f"The same request is still in progress. Repeat it in {wait_seconds} seconds.")
        self.wait_seconds = wait_seconds


@dataclass
class Attempt:
    """One attempt to answer a request. is_final: False if the client should repeat the request later.

    claimed: the request's assertion, once it is claimed.
    """

    request_digest: str
    is_final: bool = True
    claimed: UsedAssertion | None = None


_attempt: ContextVar[Attempt] = ContextVar("attempt")


@contextmanager
def attempt(request_digest: str) -> Iterator[Attempt]:
    """Answer a request in this context. request_digest: of everything that identifies it: its path and its contents."""
    made = Attempt(request_digest)
    token = _attempt.set(made)
    try:
        yield made
    except Exception:
        made.is_final = False
        raise
    finally:
        _attempt.reset(token)
        if made.claimed:
            (used_assertion.settle if made.is_final else used_assertion.release)(made.claimed)


def claim(client_id: str, jti: str, *, expires_at: int) -> None:
    """Use an assertion for the current attempt. Raises InvalidClientError, StillAnswering, StoreUnavailable."""
    present = _attempt.get()
    item = used_assertion.of(client_id, jti, present.request_digest, expires_at=expires_at)
    present.claimed = item  # set before the claim: if the claim's response is lost, it may have been made all the same
    try:
        used_assertion.claim(item)
    except used_assertion.AlreadyUsed:
        present.claimed = None
        logs.note(security_event="client assertion replayed")
        raise errors.InvalidClientError("The client_assertion has been used; make a new one each time.") from None
    except used_assertion.BeingAnswered as error:
        present.claimed = None
        raise StillAnswering(error.wait_seconds) from None
