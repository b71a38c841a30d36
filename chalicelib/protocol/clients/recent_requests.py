"""Recent requests: what an application's developer is told about the requests that were refused.

A refused request costs one write, and one read if it was refused before its application was looked up; any other
request costs neither. It is an aside: the response does not depend on it. Nothing is kept about an application that
does not exist, and a flood costs no more than the limits below: a process keeps at most
RECENT_REQUESTS_PER_MINUTE lines per application, and RECENT_REQUESTS_PER_MINUTE_IN_ALL in all.

Of what was sent, only the grant type is kept, and scheme and host of a redirect URI. The rest is our own text.
"""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from chalicelib import clock, limits
from chalicelib.models import recent_request, store
from chalicelib.models.application import Application
from chalicelib.models.recent_request import Refusal, Sender
from chalicelib.protocol.rules import paths, redirect_uris

# Where applications themselves send requests. Errors of a registration may quote what was sent, so they are left out.
_ENDPOINTS = frozenset(
    {paths.TOKEN, paths.REVOCATION, paths.INTROSPECTION, paths.PUSHED_REQUEST, paths.DEVICE_AUTHORIZATION}
)
# How a device learns that its user has not answered yet, or has said no: nothing that a developer has to fix.
_ORDINARY = frozenset({"authorization_pending", "slow_down", "access_denied"})


@dataclass
class Watched:
    """What is known about the request that is being answered. application: the one it names, if that exists."""

    application: Application | None = None
    is_authenticated: bool = False
    is_looked_up: bool = False
    grant_type: str | None = None


_watched: ContextVar[Watched | None] = ContextVar("watched", default=None)


class Budget:
    """How many lines this process may still keep in this minute. It costs no round trip, as a counter would."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minute = 0
        self._kept: Counter[str] = Counter()
        self._number = secrets.randbelow(limits.RECENT_REQUESTS_LIMIT)

    def take(self, client_id: str) -> int | None:
        """The next line's number, or None if no line may be kept about this application now."""
        minute = clock.now() // 60
        with self._lock:
            if minute != self._minute:
                self._minute = minute
                self._kept.clear()
            if (
                self._kept[client_id] >= limits.RECENT_REQUESTS_PER_MINUTE
                or self._kept.total() >= limits.RECENT_REQUESTS_PER_MINUTE_IN_ALL
            ):
                return None
            self._kept[client_id] += 1
            self._number += 1
            return self._number

    def forget(self) -> None:
        with self._lock:
            self._kept.clear()


BUDGET = Budget()


@contextmanager
def watch() -> Iterator[Watched]:
    """Answer a request within the block, during which the functions below note what it turns out to be."""
    watched = Watched()
    token = _watched.set(watched)
    try:
        yield watched
    finally:
        _watched.reset(token)


def note_application(application: Application | None, *, is_authenticated: bool = False) -> None:
    """Note which application a request names, once it is read, and that the request proved it."""
    if watched := _watched.get():
        watched.application, watched.is_authenticated, watched.is_looked_up = application, is_authenticated, True


def note_grant_type(grant_type: str) -> None:
    """Note the grant type of a token request. grant_type: one that exists."""
    if watched := _watched.get():
        watched.grant_type = grant_type


def record(watched: Watched, claimed_client_id: str, endpoint: str, error: str, description: str) -> None:
    """Keep that a request was refused. Never raises StoreUnavailable.

    claimed_client_id: the client id that it names, for a request that was refused before its application was read; ""
    if it names none. endpoint: its path.
    """
    if endpoint not in _ENDPOINTS or error in _ORDINARY:
        return
    with store.aside(recent_request="lost"):
        application = watched.application
        if not watched.is_looked_up and claimed_client_id:
            application = store.read(Application.key(claimed_client_id))[0]
            if application is not None and application.public_id != claimed_client_id:
                return
        if application is not None:
            refusal = Refusal(endpoint, error, description, watched.grant_type)
            _keep(application, Sender.AUTHENTICATED if watched.is_authenticated else Sender.ANYBODY, refusal)


def record_authorization(
    application: Application, endpoint: str, error: str, description: str, *, redirect_uri: str | None = None
) -> None:
    """Keep that an authorization request was refused, which any browser may have sent. Never raises StoreUnavailable.

    redirect_uri: the one that was sent, if it is not registered.
    """
    sent_to = _origin(redirect_uri) if redirect_uri else None
    with store.aside(recent_request="lost"):
        _keep(application, Sender.ANYBODY, Refusal(endpoint, error, description, sent_to=sent_to))


def _keep(application: Application, sender: Sender, refusal: Refusal) -> None:
    number = BUDGET.take(application.client_id)
    if number is not None:
        recent_request.keep(application.client_id, sender, refusal, number=number)


def _origin(uri: str) -> str | None:
    """Scheme and host, which tell the developer enough; the rest may hold somebody's secrets."""
    try:
        return redirect_uris.origin(uri)[: limits.RECENT_REQUEST_ORIGIN_CHARACTERS]
    except ValueError:
        return None
