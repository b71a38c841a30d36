"""Fetches a JSON document or a picture from a URL that a stranger chose, guarded against server-side request forgery
(SSRF). Sends forms with the same guard: to the identity providers that the operator chose, and logout tokens to
applications.

Only https on port 443, to a host whose addresses are all public. The connection goes to an address that was checked, so
a second lookup cannot lead elsewhere. It follows no redirects, uses no proxy and sends nothing but the request. Size
and time are limited, including the time of the lookup. Only on a laptop may an identity provider run on the same
machine, and may `make run` name other programs beside it.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType
from urllib.parse import SplitResult, urlsplit

from chalicelib import deadline, limits, settings

_PORT = 443
_GONE = (404, 410)
_ACCEPTS = (200, 204)
_FORM = "application/x-www-form-urlencoded"
_LOOPBACK = ("127.0.0.1", "localhost")
_REFUSALS = (400, 401)  # with which a token endpoint says what is wrong (RFC 6749 §5.2)
# All public IPv6 addresses are in the first network; the tunnels within it lead to IPv4 addresses of anybody's choice.
_PUBLIC_IPV6 = ipaddress.ip_network("2000::/3")
_TUNNELS = (ipaddress.ip_network("2002::/16"), ipaddress.ip_network("2001::/32"))


class FetchError(Exception):
    """The document cannot be fetched. The message tells the application's developer why."""


class Unreachable(FetchError):
    """Nothing was learned about the document: its host could not be reached, or did not answer the question."""


class TooSlow(Unreachable):
    """The host took all the time that a document may take."""


@dataclass(frozen=True)
class Fetched:
    """A response. headers: with names in lower case. is_unchanged: 304, an answer to the validators that were sent.
    is_refusal: 400 or 401, the answer to a form that was not accepted."""

    body: bytes
    headers: Mapping[str, str]
    is_unchanged: bool = False
    is_refusal: bool = False


def _resolve(host: str) -> Sequence[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(host, _PORT, type=socket.SOCK_STREAM)]


def _connect(address: str) -> socket.socket:
    return socket.create_connection((address, _PORT), timeout=limits.DOCUMENT_FETCH_SECONDS)


@dataclass(frozen=True)
class Network:
    """How to reach other hosts.

    resolve: returns a host's addresses; raises OSError. connect: to an address, on port 443. trust: makes the TLS
    context with the trusted authorities; a function, because that takes a while and is not always needed. beside:
    `host:port` of programs beside Lanyard, which may have any address, port and certificate. Only `infra.laptop`, which
    is not deployed, names any.
    """

    resolve: Callable[[str], Sequence[str]] = _resolve
    connect: Callable[[str], socket.socket] = _connect
    trust: Callable[[], ssl.SSLContext] = ssl.create_default_context
    beside: frozenset[str] = frozenset()


NETWORK = Network()


@dataclass(frozen=True)
class Kind:
    """What is fetched. accept: for the request's header. words: for the error. limit: in bytes. is_read: False if only
    the status matters."""

    accept: str
    is_one: Callable[[str], bool]
    words: str
    limit: int
    is_read: bool = True


JSON = Kind(
    "application/json",
    lambda found: found == "application/json" or found.endswith("+json"),
    "application/json",
    limits.DOCUMENT_LIMIT_BYTES,
)
PROVIDERS_JSON = replace(JSON, limit=limits.PROVIDER_DOCUMENT_LIMIT_BYTES)
PICTURE = Kind(
    "image/png, image/jpeg, image/webp",
    lambda found: found in ("image/png", "image/jpeg", "image/webp"),
    "a PNG, JPEG or WebP picture",
    limits.LOGO_LIMIT_BYTES,
)
# The answer to a form that only has to be accepted.
NOTHING = Kind("*/*", lambda _: True, "", 0, is_read=False)


def fetch(url: str, kind: Kind = JSON) -> bytes:
    """The document's bytes. See `get`."""
    return get(url, kind).body


def get(url: str, kind: Kind = JSON, validators: Mapping[str, str] = MappingProxyType({})) -> Fetched:
    """Fetch a document. url: https, with a host name and no port. validators: If-None-Match and If-Modified-Since, or
    another header of the request.

    Raises FetchError, Unreachable, and DeadlineExceeded if the request had less time left than a document may take and
    that was not enough.
    """
    return _fetched(_Fetch(url, kind, validators))


def post_form(url: str, form: str, headers: Mapping[str, str]) -> Fetched:
    """Send a form to an identity provider, which answers with JSON, also if it refuses. Raises as `get` does."""
    sent = {"Content-Type": _FORM, **headers}
    return _fetched(_Fetch(url, PROVIDERS_JSON, sent, form.encode()))


def notify(url: str, form: str) -> None:
    """Send a form to an application. Only 200 and 204 accept it; what else they answer is not read. Raises as `get`."""
    _fetched(_Fetch(url, NOTHING, {"Content-Type": _FORM}, form.encode()))


def _fetched(worker: _Fetch) -> Fetched:
    seconds = deadline.seconds_for(limits.DOCUMENT_FETCH_SECONDS)
    worker.start()
    worker.join(seconds)
    if worker.is_alive():
        worker.abandon()
        if seconds < limits.DOCUMENT_FETCH_SECONDS:
            raise deadline.DeadlineExceeded
        raise TooSlow("it did not come in time")
    if worker.error is not None:
        raise worker.error
    assert worker.fetched is not None
    return worker.fetched


def is_public(address: str) -> bool:
    """True for an address on the open internet that does not tunnel to another one."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:  # for example an address with a zone
        return False
    if found.version == 6 and (found not in _PUBLIC_IPV6 or any(found in tunnel for tunnel in _TUNNELS)):
        return False
    return found.is_global and not found.is_multicast and not found.is_reserved


def is_on_this_laptop(parts: SplitResult) -> bool:
    """True for an address of an identity provider that runs beside Lanyard on a laptop."""
    return parts.scheme == "http" and parts.hostname in _LOOPBACK and settings.SETTINGS.is_local


def is_reachable_port(parts: SplitResult) -> bool:
    """True for an https address whose port `get` takes. Raises ValueError for a port that is no number."""
    return parts.port in (None, _PORT) or is_beside(parts)


def is_beside(parts: SplitResult) -> bool:
    """True for an address of a program that `make run` was told of."""
    return bool(NETWORK.beside) and f"{parts.hostname}:{parts.port}" in NETWORK.beside


def _trusts_all() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class _Fetch(threading.Thread):
    """A fetch in its own thread, because nothing else limits the time of a lookup or of a slow response."""

    def __init__(self, url: str, kind: Kind, headers: Mapping[str, str], form: bytes | None = None) -> None:
        super().__init__(daemon=True)
        self._url, self._kind, self._headers, self._form = url, kind, headers, form
        self._socket: socket.socket | None = None
        self.fetched: Fetched | None = None
        self.error: FetchError | None = None

    def run(self) -> None:
        try:
            self.fetched = self._get()
        except FetchError as error:
            self.error = error
        except TimeoutError:
            self.error = TooSlow("it did not come in time")
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.error = Unreachable(f"its server cannot be reached ({type(error).__name__})")

    def abandon(self) -> None:
        """End whatever the thread is waiting for."""
        if self._socket is not None:
            try:
                self._socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has already ended

    def _get(self) -> Fetched:
        parts = urlsplit(self._url)
        with self._connection(parts) as connection:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            sent = {"Accept": self._kind.accept, "Connection": "close", **self._headers}
            connection.request("GET" if self._form is None else "POST", path, body=self._form, headers=sent)
            with connection.getresponse() as response:
                return self._read(response)

    @contextmanager
    def _connection(self, parts: SplitResult) -> Iterator[http.client.HTTPConnection]:
        """A connection to the URL's host. Raises FetchError for one that must not be reached."""
        host = parts.hostname or ""
        if is_on_this_laptop(parts):
            with socket.create_connection((host, parts.port or 80), limits.DOCUMENT_FETCH_SECONDS) as self._socket:
                yield _over(http.client.HTTPConnection(parts.netloc), self._socket)
            return
        if parts.scheme != "https":
            raise FetchError("its address is not https")
        if not is_reachable_port(parts):
            raise FetchError(f"its port is not {_PORT}")
        if is_beside(parts):
            self._socket = socket.create_connection((host, parts.port), limits.DOCUMENT_FETCH_SECONDS)
            with _trusts_all().wrap_socket(self._socket, server_hostname=host) as secured:
                self._socket = secured
                yield _over(http.client.HTTPSConnection(host, parts.port), secured)
            return
        addresses = NETWORK.resolve(host)
        if not addresses or not all(is_public(address) for address in addresses):
            raise FetchError("its host has an address that is not public")
        self._socket = NETWORK.connect(addresses[0])
        with NETWORK.trust().wrap_socket(self._socket, server_hostname=host) as secured:
            self._socket = secured
            yield _over(http.client.HTTPSConnection(host), secured)

    def _read(self, response: http.client.HTTPResponse) -> Fetched:
        headers = {name.lower(): value for name, value in response.headers.items()}
        if not self._kind.is_read:
            if response.status not in _ACCEPTS:
                raise Unreachable(f"its server answers {response.status} (redirects are not followed)")
            return Fetched(b"", headers)
        is_refusal = self._form is not None and response.status in _REFUSALS
        if response.status == 304 and self._headers:
            return Fetched(b"", headers, is_unchanged=True)
        if response.status != 200 and not is_refusal:
            problem = f"its server answers {response.status} (redirects are not followed)"
            raise FetchError(problem) if response.status in _GONE else Unreachable(problem)
        if not self._kind.is_one(response.headers.get_content_type()):
            raise FetchError(f"it is not {self._kind.words}")
        body = response.read(self._kind.limit + 1)
        if len(body) > self._kind.limit:
            raise FetchError(f"it is larger than {self._kind.limit} bytes")
        return Fetched(body, headers, is_refusal=is_refusal)


def _over(connection: http.client.HTTPConnection, opened: socket.socket) -> http.client.HTTPConnection:
    connection.sock = opened
    return connection
