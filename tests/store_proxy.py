"""A proxy between the application and its store that counts calls and makes them fail when a test says so.

The faults happen on the wire, as DynamoDB's do, so every layer of the application is the real one.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import select
import socket
import struct
import threading
from binascii import crc32
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

FAULT_HEADER = "x-fault"  # carries a ticket's number


class Fault(Enum):
    THROTTLED = auto()
    INTERNAL_ERROR = auto()
    UNAVAILABLE = auto()
    CONFLICT = auto()
    HANGS = auto()
    DROPS_CONNECTION = auto()
    RESETS = auto()  # the same, with a TCP reset
    LOSES_ANSWER = auto()  # the store carries out the request, and its response never arrives
    HANGS_AFTERWARDS = auto()  # the same, and the connection stays open
    IN_PROGRESS = auto()  # the same, and the response says that the request is still in progress
    CUT_OFF = auto()  # the same, and the connection closes in the middle of the response
    ARRIVES_LATE = auto()  # the connection breaks, and the store gets the request when the test delivers it
    LEAVES_KEYS = auto()  # a BatchGetItem or BatchWriteItem that processes nothing
    # The store carries out the request, and its response is damaged on the way:
    BAD_CHECKSUM = auto()
    TRUNCATED = auto()  # its second half is missing
    GARBLED = auto()  # the same, and no checksum reveals it
    EMPTIED = auto()  # only empty braces are left, and no checksum reveals it


@dataclass(frozen=True)
class Call:
    """One round trip. tables: with the index, if one was queried."""

    operation: str
    tables: tuple[str, ...]
    body: dict[str, Any]


@dataclass
class Ticket:
    """A fault for the one request that carries its number. settled: set once the proxy has done its part."""

    number: int
    fault: Fault
    settled: threading.Event = field(default_factory=threading.Event)


class StoreProxy:
    def __init__(self, upstream_port: int) -> None:
        self.calls: list[Call] = []
        self._faults: list[tuple[Fault, str | None, str | None, list[int]]] = []
        self._acts: dict[str, Callable[[], object]] = {}
        self._lock = threading.Lock()
        self._tickets: dict[int, Ticket] = {}
        self._numbers = itertools.count(1)
        self._late: list[Callable[[], object]] = []
        proxy = self

        class Handler(_Handler):
            def setup(self) -> None:
                super().setup()
                self.upstream = http.client.HTTPConnection("127.0.0.1", upstream_port)
                self.proxy = proxy

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def fault(
        self,
        fault: Fault,
        operation: str | None = None,
        *,
        times: int = 1000,
        table: str | None = None,
        passed: int = 0,
    ) -> Iterator[None]:
        """Fail the next `times` calls of this operation (any, if None) on this table (any, if None).

        passed: how many calls to let through first.
        """
        entry = (fault, operation, f"test-{table}" if table else None, [times, passed])
        with self._lock:
            self._faults.append(entry)
        try:
            yield
        finally:
            with self._lock:
                self._faults.remove(entry)

    @contextmanager
    def before(self, operation: str, act: Callable[[], object]) -> Iterator[None]:
        """Do something once, when the next call of this operation arrives and before it is passed on."""
        self._acts[operation] = act
        try:
            yield
        finally:
            assert operation not in self._acts, f"there was no {operation}"

    def keep(self, late: Callable[[], object]) -> None:
        self._late.append(late)

    @property
    def late(self) -> int:
        """The number of requests that ARRIVES_LATE holds back."""
        return len(self._late)

    def deliver_late(self) -> None:
        """Pass on what ARRIVES_LATE holds back. The store's responses are discarded."""
        assert self._late, "no request is held back"
        while self._late:
            self._late.pop(0)()

    @contextmanager
    def count(self) -> Iterator[list[Call]]:
        """The round trips made inside the context."""
        start, found = len(self.calls), list[Call]()
        yield found
        found.extend(self.calls[start:])

    def ticket(self, fault: Fault) -> Ticket:
        """Fail the one request that carries this ticket's number in FAULT_HEADER."""
        made = Ticket(next(self._numbers), fault)
        self._tickets[made.number] = made
        return made

    def redeem(self, number: str | None) -> Ticket | None:
        return self._tickets.pop(int(number), None) if number else None

    def note(self, call: Call) -> Fault | None:
        act = self._acts.pop(call.operation, None)
        if act is not None:
            act()
        with self._lock:
            self.calls.append(call)
            for fault, operation, table, left in self._faults:
                if operation in (None, call.operation) and left[0] > 0 and (table is None or table in call.tables):
                    part = 1 if left[1] else 0
                    left[part] -= 1
                    if part == 0:
                        return fault
        return None


_DONE_FIRST = {
    Fault.LOSES_ANSWER,
    Fault.HANGS_AFTERWARDS,
    Fault.IN_PROGRESS,
    Fault.CUT_OFF,
    Fault.BAD_CHECKSUM,
    Fault.TRUNCATED,
    Fault.GARBLED,
    Fault.EMPTIED,
}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # otherwise every response waits 40 ms for an acknowledgment
    upstream: http.client.HTTPConnection
    proxy: StoreProxy

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            self.upstream.close()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        operation = self.headers.get("x-amz-target", "").rpartition(".")[2]
        parsed = json.loads(body or b"{}")
        ticket = self.proxy.redeem(self.headers.get(FAULT_HEADER))
        fault = self.proxy.note(Call(operation, tables_of(parsed), parsed))
        fault = ticket.fault if ticket else fault
        if fault is None:
            self._pass_on(body)
        else:
            self._fail(fault, body, parsed, ticket.settled if ticket else threading.Event())

    def _pass_on(self, body: bytes) -> None:
        status, headers, answer = self._ask(body)
        self._answer(status, answer, headers)

    def _ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        if _was_closed(self.upstream):
            self.upstream.close()  # so that the request reopens it
        self.upstream.request("POST", self.path, body, self._passed_on())
        response = self.upstream.getresponse()
        answer = response.read()
        kept = {
            name: value for name, value in response.getheaders() if name.lower().startswith(("x-amz", "content-ty"))
        }
        return response.status, kept, answer

    def _deliver(self, body: bytes) -> None:
        self._ask(body)
        self.upstream.close()

    def _passed_on(self) -> dict[str, str]:
        skipped = ("host", "content-length", "connection", FAULT_HEADER)
        return {name: value for name, value in self.headers.items() if name.lower() not in skipped}

    def _fail(self, fault: Fault, body: bytes, parsed: dict[str, Any], settled: threading.Event) -> None:
        if fault in _DONE_FIRST:
            status, headers, answer = self._ask(body)
        settled.set()
        match fault:
            case Fault.THROTTLED:
                self._error(400, "ThrottlingException")
            case Fault.INTERNAL_ERROR:
                self._error(500, "InternalServerError")
            case Fault.UNAVAILABLE:
                self._error(503, "ServiceUnavailable")
            case Fault.CONFLICT if "TransactItems" in parsed:
                reasons = [{"Code": "TransactionConflict", "Message": "busy"}]
                reasons += [{"Code": "None"}] * (len(parsed["TransactItems"]) - 1)
                self._error(400, "TransactionCanceledException", CancellationReasons=reasons)
            case Fault.CONFLICT:
                self._error(400, "TransactionConflictException")
            case Fault.LEAVES_KEYS:
                is_read = "Keys" in next(iter(parsed["RequestItems"].values()))
                left = {"UnprocessedKeys" if is_read else "UnprocessedItems": parsed["RequestItems"]}
                self._json(200, {"Responses": {}, **left} if is_read else left)
            case Fault.HANGS | Fault.HANGS_AFTERWARDS:
                self._wait_until_client_left()
            case Fault.IN_PROGRESS:
                self._error(400, "TransactionInProgressException")
            case Fault.ARRIVES_LATE:
                self.proxy.keep(lambda: self._deliver(body))
                self.close_connection = True
            case Fault.CUT_OFF:
                self._answer(status, answer[: len(answer) // 2], headers, promised=len(answer))
                self.close_connection = True
            case Fault.BAD_CHECKSUM | Fault.TRUNCATED | Fault.GARBLED | Fault.EMPTIED:
                self._damage(fault, status, headers, answer)
            case Fault.RESETS:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                os.close(self.connection.detach())  # at once, because the server would first shut it down politely
                self.close_connection = True
            case Fault.DROPS_CONNECTION | Fault.LOSES_ANSWER:
                self.close_connection = True

    def _wait_until_client_left(self) -> None:
        """Send no response until the client has waited long enough and closes the connection."""
        self.connection.settimeout(30)
        with suppress(OSError):
            self.connection.recv(1)
        self.close_connection = True

    def _damage(self, fault: Fault, status: int, headers: dict[str, str], answer: bytes) -> None:
        headers = {name.lower(): value for name, value in headers.items()}
        assert headers["x-amz-crc32"] == str(crc32(answer)), "the store itself sends no checksum"
        match fault:
            case Fault.BAD_CHECKSUM:
                headers["x-amz-crc32"] = str(crc32(answer) ^ 1)
            case Fault.TRUNCATED:
                answer = answer[: len(answer) // 2]
            case Fault.GARBLED:
                answer = answer[: len(answer) // 2]
                del headers["x-amz-crc32"]
            case _:
                answer = b"{}"
                del headers["x-amz-crc32"]
        self._answer(status, answer, headers)

    def _error(self, status: int, code: str, **more: Any) -> None:
        self._json(status, {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": code, **more})

    def _json(self, status: int, body: dict[str, Any]) -> None:
        self._answer(status, json.dumps(body).encode(), {"Content-Type": "application/x-amz-json-1.0"})

    def _answer(self, status: int, body: bytes, headers: dict[str, str], *, promised: int | None = None) -> None:
        """promised: the announced length, if it differs from that of `body`."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if promised is None else promised))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def _was_closed(connection: http.client.HTTPConnection) -> bool:
    """Whether the store closed the connection, as DynamoDB Local does with idle ones; no other data is expected."""
    return connection.sock is not None and bool(select.select([connection.sock], [], [], 0)[0])


def tables_of(body: dict[str, Any]) -> tuple[str, ...]:
    if "TransactItems" in body:
        return tuple(next(iter(item.values()))["TableName"] for item in body["TransactItems"])
    if "RequestItems" in body:
        return tuple(sorted(body["RequestItems"]))
    index = f"/{body['IndexName']}" if "IndexName" in body else ""
    return (body.get("TableName", "") + index,)
