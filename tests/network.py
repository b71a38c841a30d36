"""No test reaches beyond this machine: whatever tries to fails, in the place where it tries."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from typing import Any


class OutsideNetwork(Exception):
    """Something under test tried to connect to another machine."""


def close_outside() -> None:
    """From now on every socket of this process connects to loopback addresses and to Unix sockets only."""
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
