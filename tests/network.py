"""No test connects to another machine: any attempt fails at the place that makes it."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from typing import Any


class OutsideNetwork(Exception):
    """Something under test tried to connect to another machine."""


def close_outside() -> None:
    """From now on, let the sockets of this process connect only to loopback addresses and Unix sockets."""
    for name in ("connect", "connect_ex"):
        setattr(socket.socket, name, _only_here(getattr(socket.socket, name)))


def _only_here(connect: Callable[[socket.socket, Any], Any]) -> Callable[[socket.socket, Any], Any]:
    def only_here(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(str(address[0])):
            raise OutsideNetwork(f"connecting to {address[0]}")
        return connect(self, address)

    return only_here


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"
