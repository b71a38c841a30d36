"""The place where the application's calls to the store are counted, and where the one that a plan names fails.

The store's proxy causes most kinds of fault on the wire, told by a ticket sent with the call. The kernel refuses a
connection, because the call is sent to a port where nothing listens. A process that dies is a thread that ends: the
server then closes the connection without a response. Timeouts are real but short, and pauses are skipped; the time
that the application would have waited is added up instead.
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


# The process is gone. No `except Exception` catches this, as none would catch SIGKILL.
Killed = SystemExit


class Gate:
    """Watches one request.

    calls: its calls so far; struck: those that failed; killed: whether its process is gone; waited_seconds: the time
    spent on responses and in pauses.
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
        """Pass every call of the application through this gate until the context ends."""
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
        """Whether a call was made that the plan applies to."""
        return bool(self.struck)

    @property
    def went_on(self) -> bool:
        """Whether other calls followed the first struck one; if not, an outage equals a single fault."""
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
            # Otherwise a write that the client no longer waits for could arrive after the client's next request.
            assert ticket.settled.wait(_SETTLED_SECONDS), f"the proxy never saw {kind}"


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
