"""The server's own keys, from which the successors of refresh tokens are derived.

Only public clients need them. They come from SERVER_KEYS or SERVER_KEY, or from the SSM parameter that
SERVER_KEY_PARAMETER names, read once per process; `make run` keeps one in .local/. The newest key makes new tokens. The
others recognize the tokens that they made, so that a new key ends no token and hides no replay.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, field

from chalicelib import limits, settings
from chalicelib.keys import parameter_store
from chalicelib.keys.parameter_store import ParameterUnavailable

MISSING = "Public applications need a SERVER_KEY, and this stage has none."


class ServerKeyMissing(Exception):
    """The operator has not set a key. The message says so."""

    def __init__(self) -> None:
        super().__init__(MISSING)


class ServerKeyUnavailable(Exception):
    """SSM did not return the parameter. code: SSM's word for the reason."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class ServerKey:
    """secret: what successors are derived with. key_id: identifies the key without revealing it, since it is random."""

    secret: bytes = field(repr=False)
    key_id: str


def is_set() -> bool:
    """True if the operator has set a key. Reads nothing from AWS."""
    return bool(settings.SETTINGS.server_key or settings.SETTINGS.server_key_parameter)


def read() -> bytes:
    """The newest key. Raises ServerKeyMissing, ServerKeyUnavailable."""
    return newest().secret


def newest() -> ServerKey:
    """The key that makes new tokens. Raises ServerKeyMissing, ServerKeyUnavailable."""
    return read_all()[0]


def read_all() -> tuple[ServerKey, ...]:
    """All keys, newest first. Raises ServerKeyMissing, ServerKeyUnavailable."""
    found = settings.SETTINGS
    if found.server_key:
        return _named((found.server_key, *found.previous_server_keys))
    if found.server_key_parameter:
        return _named(_from_ssm(found.server_key_parameter))
    raise ServerKeyMissing


@functools.lru_cache(maxsize=8)
def _named(keys: tuple[str, ...]) -> tuple[ServerKey, ...]:
    return tuple(
        ServerKey(key.encode(), hashlib.sha256(f"server key {key}".encode()).hexdigest()[:12])
        for key in dict.fromkeys(keys)
    )


def _from_ssm(name: str) -> tuple[str, ...]:
    """The keys in this parameter, newest first."""
    try:
        keys = tuple(parameter_store.read(name).split())
        if not keys or any(len(key) < limits.SERVER_KEY_MIN_CHARACTERS for key in keys):
            raise parameter_store.refused(name, "TooShort")
        if len(keys) > limits.SERVER_KEYS_LIMIT:
            raise parameter_store.refused(name, "TooMany")
    except ParameterUnavailable as error:
        raise ServerKeyUnavailable(error.code) from error
    return keys
