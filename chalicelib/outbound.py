"""Fetches a small JSON document from an address that a stranger chose, with every guard against being used (SSRF).

https on port 443 alone, to a host name whose every address is public; the connection goes to an address that was
checked, so a second look-up cannot lead elsewhere. No redirect is followed, no proxy is asked, nothing is sent but the
request; size and time are limited, the time of the look-up included.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from chalicelib import deadline, settings

_PORT = 443
# All public IPv6 addresses are in here; in it, these lead to IPv4 addresses of somebody's choice.
_PUBLIC_IPV6 = ipaddress.ip_network("2000::/3")
_TUNNELS = (ipaddress.ip_network("2002::/16"), ipaddress.ip_network("2001::/32"))


class FetchError(Exception):
    """It cannot be had. The message says why, for the application's developer."""


def _resolve(host: str) -> Sequence[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(host, _PORT, type=socket.SOCK_STREAM)]


def _connect(address: str) -> socket.socket:
    return socket.create_connection((address, _PORT), timeout=settings.DOCUMENT_FETCH_SECONDS)


@dataclass(frozen=True)
class Network:
    """How to reach the world.

    resolve: a host's addresses; raises OSError. connect: to one address, on port 443. trust: makes the TLS context that
    says whom to trust, which takes a while and so is not done before it is needed.
    """

    resolve: Callable[[str], Sequence[str]] = _resolve
    connect: Callable[[str], socket.socket] = _connect
    trust: Callable[[], ssl.SSLContext] = ssl.create_default_context


NETWORK = Network()


def fetch(url: str) -> bytes:
    """The document's bytes. url: https, with a host name and no port. Raises FetchError, and DeadlineExceeded where the
    request has less time left than a document may take, and that was not enough."""
    seconds = deadline.seconds_for(settings.DOCUMENT_FETCH_SECONDS)
    worker = _Fetch(url)
    worker.start()
    worker.join(seconds)
    if worker.is_alive():
        worker.abandon()
        if seconds < settings.DOCUMENT_FETCH_SECONDS:
            raise deadline.DeadlineExceeded
        raise FetchError("it did not come in time")
    if worker.error is not None:
        raise FetchError(str(worker.error)) from worker.error
    return worker.body


def is_public(address: str) -> bool:
    """Is it an address on the open internet, and no way around to another?"""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:  # a zone, say
        return False
    if found.version == 6 and (found not in _PUBLIC_IPV6 or any(found in tunnel for tunnel in _TUNNELS)):
        return False
    return found.is_global and not found.is_multicast and not found.is_reserved


class _Fetch(threading.Thread):
    """In a thread of its own: a look-up, or an answer that trickles in, cannot be limited in time otherwise."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url = url
        self._socket: socket.socket | None = None
        self.body = b""
        self.error: FetchError | None = None

    def run(self) -> None:
        try:
            self.body = self._get()
        except FetchError as error:
            self.error = error
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.error = FetchError(f"its server cannot be reached ({type(error).__name__})")

    def abandon(self) -> None:
        """Whatever the thread waits for ends."""
        if self._socket is not None:
            try:
                self._socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has ended by itself

    def _get(self) -> bytes:
        parts = urlsplit(self._url)
        host = parts.hostname or ""
        addresses = NETWORK.resolve(host)
        if not addresses or not all(is_public(address) for address in addresses):
            raise FetchError("its host has an address that is not public")
        self._socket = NETWORK.connect(addresses[0])
        with NETWORK.trust().wrap_socket(self._socket, server_hostname=host) as secured:
            self._socket = secured
            connection = http.client.HTTPSConnection(host)
            connection.sock = secured
            connection.request("GET", parts.path, headers={"Accept": "application/json", "Connection": "close"})
            return self._read(connection.getresponse())

    def _read(self, response: http.client.HTTPResponse) -> bytes:
        if response.status != 200:
            raise FetchError(f"its server answers {response.status} (redirects are not followed)")
        kind = response.headers.get_content_type()
        if kind != "application/json" and not kind.endswith("+json"):
            raise FetchError("it is not application/json")
        body = response.read(settings.DOCUMENT_LIMIT_BYTES + 1)
        if len(body) > settings.DOCUMENT_LIMIT_BYTES:
            raise FetchError(f"it is larger than {settings.DOCUMENT_LIMIT_BYTES} bytes")
        return body
