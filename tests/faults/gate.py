"""Where the application's calls to the store leave it: each is counted here, and the one that a plan names goes wrong.

Most kinds are made on the wire by the store's proxy, which gets a ticket with the call. A refused connection is refused
by the kernel, since the call is sent where nothing listens. A process that dies is a thread that ends: the server then
closes the connection without an answer. Time-outs are real but short, and pauses are not waited for; what the
application would have waited is added up instead.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

from botocore.httpsession import URLLib3Session

from chalicelib import clock
from infra.laptop.ministack import free_port
from tests.faults.kinds import HANGING, ON_THE_WIRE, Kind, Plan, Span
from tests.store_proxy import FAULT_HEADER, Call, StoreProxy, tables_of

_SHORT_SECONDS = 0.02
_SETTLED_SECONDS = 10
_SEND = URLLib3Session.send
_REFUSING_PORT = free_port()


# The process is gone. No `except Exception` sees it, as none would see SIGKILL.
Killed = SystemExit


class Gate:
    """Watches one request.

    calls: what it has called so far. struck: those that went wrong. killed: is its process gone? waited_seconds: for
    answers and in pauses.
    """

    def __init__(self, proxy: StoreProxy, plan: Plan | None = None) -> None:
        self.calls: list[Call] = []
        self.struck: list[Call] = []
        self.waited_seconds = 0.0
        self._proxy = proxy
        self._plan = plan
        self.killed = False
        self._lock = threading.Lock()

    @contextmanager
    def stand(self) -> Iterator[Gate]:
        """Until this ends, every call of the application passes here."""
        gate = self

        def send(session: Any, request: Any) -> Any:
            is_ours = urlsplit(request.url).port == gate._proxy.port
            return gate._pass(session, request) if is_ours else _SEND(session, request)

        with (
            patch.object(URLLib3Session, "send", send),
            patch.object(time, "sleep", self._pause),
            patch.object(clock, "monotonic", lambda: time.monotonic() + self.waited_seconds),
        ):
            yield self

    @property
    def happened(self) -> bool:
        """Did a call come to which the plan applied?"""
        return bool(self.struck)

    @property
    def went_on(self) -> bool:
        """Were there other calls after the first that was struck? Otherwise an outage is no different from it."""
        first = self.struck[0] if self.struck else None
        return first is not None and any(call.body != first.body for call in self.calls[self.calls.index(first) :])

    def _pause(self, seconds: float) -> None:
        self.waited_seconds += seconds

    def _pass(self, session: Any, request: Any) -> Any:
        if self.killed:
            raise Killed
        body = json.loads(request.body)
        operation = _text(request.headers["X-Amz-Target"]).rpartition(".")[2]
        call = Call(operation, tables_of(body), body)
        with self._lock:
            self.calls.append(call)
            kind = self._kind_for(call)
        if kind is None:
            return _SEND(session, request)
        self.struck.append(call)
        return self._strike(kind, session, request)

    def _kind_for(self, call: Call) -> Kind | None:
        plan, number = self._plan, len(self.calls)
        if plan is None or number < plan.number or not plan.kind.befalls(call):
            return None
        is_meant = {
            Span.ONCE: number == plan.number,
            Span.EVERY_TRY: number == plan.number or (self.happened and call.body == self.struck[0].body),
            Span.OUTAGE: True,
        }[plan.span]
        return plan.kind if is_meant else None

    def _strike(self, kind: Kind, session: Any, request: Any) -> Any:
        if kind.kills:
            self.killed = True
            if kind is Kind.KILLED_AFTER:
                _SEND(session, request)
            raise Killed
        if kind is Kind.REFUSED:
            request.url = request.url.replace(f":{self._proxy.port}", f":{_REFUSING_PORT}")
            return _SEND(session, request)
        ticket = self._proxy.ticket(ON_THE_WIRE[kind])
        request.headers[FAULT_HEADER] = str(ticket.number)
        if kind in HANGING:
            self.waited_seconds += request.context["read_timeout"]
            request.context = {**request.context, "read_timeout": _SHORT_SECONDS}
        try:
            return _SEND(session, request)
        finally:
            # Or a write that the client no longer waits for might come after what the client does next.
            assert ticket.settled.wait(_SETTLED_SECONDS), f"the proxy never saw {kind}"


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
