"""Parameters in the SSM Parameter Store: secrets, each read once per process, and a list that changes.

A secret is read again if what it opens refuses it. A parameter that changes is read again once it is older than its
reader allows. If SSM then fails, the previous value serves a while longer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from chalicelib import clock, deadline, limits


@dataclass(frozen=True)
class _Kept:
    value: str
    # By the wall clock: that of a process that Lambda froze may have stood still.
    read_at: int

    def is_younger(self, seconds: float) -> bool:
        return 0 <= clock.now() - self.read_at < seconds


_values: dict[str, _Kept] = {}
_failed: dict[str, tuple[float, str]] = {}  # a parameter's name -> until when it is not requested again, and why
_renewed: dict[str, float] = {}  # a parameter's name -> when it was last read because its value was refused


class ParameterUnavailable(Exception):
    """SSM did not return the parameter, or its value cannot be used. code: SSM's word for the reason."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def read(
    name: str,
    *,
    fresh_seconds: float = math.inf,
    stale_seconds: float = math.inf,
    refresh_seconds: float = math.inf,
    check: Callable[[str], object] = lambda _: None,
) -> str:
    """The parameter's value, decrypted. Raises ParameterUnavailable.

    fresh_seconds: how old a value may be before it is read again. stale_seconds: how old it may be if that fails.
    refresh_seconds: how long a request may wait if there is an older value. check: raises ParameterUnavailable for a
    value that cannot be used.

    A failure of SSM is remembered for a short time: while SSM hangs or throttles, requests that each waited for it
    would tie up every function. Running out of time is not remembered, unless there is an older value.
    """
    kept = _values.get(name)
    if kept and (fresh_seconds == math.inf or kept.is_younger(fresh_seconds)):
        return kept.value
    older = kept if kept and kept.is_younger(stale_seconds) else None
    until, code = _failed.get(name, (0.0, ""))
    if clock.monotonic() < until:
        return _older(older, ParameterUnavailable(code))
    try:
        value = _ask_ssm(name, refresh_seconds if older else math.inf)
        check(value)
    except deadline.DeadlineExceeded as error:
        if older:
            _remember(name, type(error).__name__)
        return _older(older, ParameterUnavailable(type(error).__name__))
    except ParameterUnavailable as error:
        _remember(name, error.code)
        return _older(older, error)
    _values[name] = _Kept(value, clock.now())
    return value


def changed(name: str, refused: str) -> str | None:
    """The parameter's value if it is another one than the value that was refused; None if it is the same or cannot be
    read. Asks SSM at most once every SECRET_RENEWAL_SECONDS, however often the value is refused."""
    known = _values.get(name)
    if known is not None and known.value != refused:
        return known.value  # another request has renewed it
    now = clock.monotonic()
    if now - _renewed.get(name, -math.inf) < limits.SECRET_RENEWAL_SECONDS:
        return None
    _renewed[name] = now
    try:
        found = _ask_ssm(name, math.inf)
    except (ParameterUnavailable, deadline.DeadlineExceeded):
        return None  # the known value stays
    _values[name] = _Kept(found, clock.now())
    return found if found != refused else None


def refused(name: str, code: str) -> ParameterUnavailable:
    """The error for a parameter that cannot be used, which is not requested again for SERVER_KEY_RETRY_SECONDS."""
    _values.pop(name, None)
    _remember(name, code)
    return ParameterUnavailable(code)


def forget() -> None:
    """Forget all values and failures, as in a new process."""
    _values.clear()
    _failed.clear()
    _renewed.clear()


def _remember(name: str, code: str) -> None:
    _failed[name] = (clock.monotonic() + limits.SERVER_KEY_RETRY_SECONDS, code)


def _older(older: _Kept | None, error: ParameterUnavailable) -> str:
    if older is None:
        raise error
    return older.value


def _ask_ssm(name: str, most_seconds: float) -> str:
    import boto3  # imported here so that only requests that need a secret pay for it
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    config = Config(
        connect_timeout=limits.STORE_CONNECT_SECONDS,
        read_timeout=limits.STORE_READ_SECONDS,
        retries={"total_max_attempts": limits.SERVICE_TRIES},
    )
    client = boto3.client("ssm", config=config)
    try:
        answer = deadline.within(most_seconds, lambda: client.get_parameter(Name=name, WithDecryption=True))
    except ClientError as error:
        raise ParameterUnavailable(error.response["Error"]["Code"]) from error
    except BotoCoreError as error:
        raise ParameterUnavailable(type(error).__name__) from error
    return str(answer["Parameter"]["Value"])
