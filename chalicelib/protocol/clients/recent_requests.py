"""Recent requests: what an application's developer is told about the requests that were refused.

A refused request costs one write, and one read if it was refused before its application was looked up; any other
request costs neither. It is an aside: the response does not depend on it. Nothing is kept about an application that
does not exist. A flood costs no more than the limits: in a minute, a process keeps and looks up at most
RECENT_REQUESTS_PER_MINUTE requests that name one client id, and RECENT_REQUESTS_PER_MINUTE_IN_ALL in all. Processes do
not count together, which would cost each refused request another write.

Of what was sent, only the grant type is kept, and scheme and host of a redirect URI. The rest is our own text.
"""

from __future__ import annotations

import secrets
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from chalicelib import clock, limits, logs
from chalicelib.models import recent_request, store
from chalicelib.models.application import Application
from chalicelib.models.recent_request import Refusal, Sender
from chalicelib.protocol.rules import paths, redirect_uris

# Where applications themselves send requests. Errors of a registration may quote what was sent, so they are left out.
_ENDPOINTS = frozenset(
    {paths.TOKEN, paths.REVOCATION, paths.INTROSPECTION, paths.PUSHED_REQUEST, paths.DEVICE_AUTHORIZATION}
)
# How a device learns that its user has not answered yet, or has said no, and how every client gets its first nonce:
# nothing that a developer has to fix.
_ORDINARY = frozenset({"authorization_pending", "slow_down", "access_denied", "use_dpop_nonce"})


@dataclass
class Watched:
    """What is known about the request that is being answered. application: the one it names, if that exists.
    secret_digest: of the secret that it authenticated with, if it did so with one."""

    application: Application | None = None
    is_authenticated: bool = False
    secret_digest: str | None = None
    is_looked_up: bool = False
    grant_type: str | None = None


_watched: ContextVar[Watched | None] = ContextVar("watched", default=None)


class Budget:
    """How many lines this process may still keep in this minute. It costs no round trip, as a counter would."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minute = 0
        self._taken: Counter[str] = Counter()

    def take(self, client_id: str) -> bool:
        """Take one line about this application. False if none is left. client_id: as sent, so perhaps nobody's."""
        minute = clock.now() // 60
        with self._lock:
            if minute != self._minute:
                self._minute = minute
                self._taken.clear()
            if (
                self._taken[client_id] >= limits.RECENT_REQUESTS_PER_MINUTE
                or self._taken.total() >= limits.RECENT_REQUESTS_PER_MINUTE_IN_ALL
            ):
                return False
            self._taken[client_id] += 1
            return True

    def forget(self) -> None:
        with self._lock:
            self._taken.clear()


class _Numbers:
    """Numbers for the lines of each application and sender, one after the other. They begin anywhere, so that the lines
    of several processes spread over the slots. Only the applications of the last lines are remembered."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: OrderedDict[tuple[str, Sender], int] = OrderedDict()

    def next(self, client_id: str, sender: Sender) -> int:
        with self._lock:
            last = self._last.pop((client_id, sender), secrets.randbelow(limits.RECENT_REQUESTS_LIMIT))
            self._last[client_id, sender] = last + 1
            if len(self._last) > limits.RECENT_REQUESTS_NUMBERED:
                self._last.popitem(last=False)
            return last + 1


BUDGET = Budget()
_NUMBERS = _Numbers()


@contextmanager
def watch() -> Iterator[Watched]:
    """Answer a request within the block, during which the functions below note what it turns out to be."""
    watched = Watched()
    token = _watched.set(watched)
    try:
        yield watched
    finally:
        _watched.reset(token)


def note_application(
    application: Application | None, *, is_authenticated: bool = False, secret_digest: str | None = None
) -> None:
    """Note which application a request names, once it is read, and whether and with what the request proved it."""
    if watched := _watched.get():
        watched.application, watched.is_authenticated, watched.is_looked_up = application, is_authenticated, True
        watched.secret_digest = secret_digest


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
    sender = Sender.AUTHENTICATED if watched.is_authenticated else Sender.ANYBODY
    refusal = Refusal(endpoint, error, description, watched.grant_type)
    with _as_an_aside():
        if watched.application is not None and BUDGET.take(watched.application.public_id):
            _keep(watched.application, sender, refusal)
        elif not watched.is_looked_up and claimed_client_id and BUDGET.take(claimed_client_id):
            claimed = store.read(Application.key(claimed_client_id))[0]
            if claimed is not None and claimed.public_id == claimed_client_id:
                _keep(claimed, sender, refusal)


def record_authorization(
    application: Application, endpoint: str, error: str, description: str, *, redirect_uri: str | None = None
) -> None:
    """Keep that an authorization request was refused, which any browser may have sent. Never raises StoreUnavailable.

    redirect_uri: the one that was sent, if it is not registered.
    """
    sent_to = _origin(redirect_uri) if redirect_uri else None
    with _as_an_aside():
        if BUDGET.take(application.public_id):
            _keep(application, Sender.ANYBODY, Refusal(endpoint, error, description, sent_to=sent_to))


@contextmanager
def _as_an_aside() -> Iterator[None]:
    try:
        with store.aside(recent_request="lost"):
            yield
    except Exception as error:  # a bug of ours must not change the answer either
        logs.note(recent_request="lost", recent_request_error=type(error).__name__)


def _keep(application: Application, sender: Sender, refusal: Refusal) -> None:
    number = _NUMBERS.next(application.client_id, sender)
    recent_request.keep(application.client_id, sender, refusal, number=number)


def _origin(uri: str) -> str | None:
    """Scheme and host, which tell the developer enough; the rest may hold somebody's secrets."""
    try:
        return redirect_uris.origin(uri)[: limits.RECENT_REQUEST_ORIGIN_CHARACTERS]
    except ValueError:
        return None
