"""The server's own keys, from which the successors of refresh tokens are derived.

Only public clients need them. They come from SERVER_KEYS or SERVER_KEY, or from the SSM parameter that
SERVER_KEY_PARAMETER names, read once per process; `make run` keeps one in .local/. The newest key makes new tokens. The
others recognize the tokens that they made, so that a new key ends no token and hides no replay.
"""

from __future__ import annotations

import functools
import hashlib
import math
from dataclasses import dataclass, field

from chalicelib import clock, deadline, limits, settings

MISSING = "Public applications need a SERVER_KEY, and this stage has none."
_failed: dict[str, tuple[float, str]] = {}  # a parameter's name -> until when it is not requested again, and why


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


@functools.cache
def _from_ssm(name: str) -> tuple[str, ...]:
    """The keys in this parameter, newest first. A failure of SSM is remembered for a short time: while SSM hangs or
    throttles, requests that each waited for it would tie up every function. Running out of time is not remembered."""
    until, code = _failed.get(name, (0.0, ""))
    if clock.monotonic() < until:
        raise ServerKeyUnavailable(code)
    try:
        return _checked(_ask_ssm(name))
    except deadline.DeadlineExceeded as error:
        raise ServerKeyUnavailable(type(error).__name__) from error
    except ServerKeyUnavailable as error:
        _failed[name] = (clock.monotonic() + limits.SERVER_KEY_RETRY_SECONDS, error.code)
        raise


def _ask_ssm(name: str) -> tuple[str, ...]:
    import boto3  # imported here so that only requests of public clients pay for it
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    config = Config(
        connect_timeout=limits.STORE_CONNECT_SECONDS,
        read_timeout=limits.STORE_READ_SECONDS,
        retries={"total_max_attempts": limits.SERVICE_TRIES},
    )
    client = boto3.client("ssm", config=config)
    try:
        answer = deadline.within(math.inf, lambda: client.get_parameter(Name=name, WithDecryption=True))
    except ClientError as error:
        raise ServerKeyUnavailable(error.response["Error"]["Code"]) from error
    except BotoCoreError as error:
        raise ServerKeyUnavailable(type(error).__name__) from error
    return tuple(str(answer["Parameter"]["Value"]).split())


def _checked(keys: tuple[str, ...]) -> tuple[str, ...]:
    if not keys or any(len(key) < limits.SERVER_KEY_MIN_CHARACTERS for key in keys):
        raise ServerKeyUnavailable("TooShort")
    if len(keys) > limits.SERVER_KEYS_LIMIT:
        raise ServerKeyUnavailable("TooMany")
    return keys
