"""Secrets in the SSM Parameter Store, each read once per process, and again if what it opens refuses it."""

from __future__ import annotations

import math

from chalicelib import clock, deadline, limits

_values: dict[str, str] = {}
_failed: dict[str, tuple[float, str]] = {}  # a parameter's name -> until when it is not requested again, and why
_renewed: dict[str, float] = {}  # a parameter's name -> when it was last read because its value was refused


class ParameterUnavailable(Exception):
    """SSM did not return the parameter, or its value cannot be used. code: SSM's word for the reason."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def read(name: str) -> str:
    """The parameter's value, decrypted. Raises ParameterUnavailable.

    A failure of SSM is remembered for a short time: while SSM hangs or throttles, requests that each waited for it
    would tie up every function. Running out of time is not remembered.
    """
    if name in _values:
        return _values[name]
    until, code = _failed.get(name, (0.0, ""))
    if clock.monotonic() < until:
        raise ParameterUnavailable(code)
    try:
        return _values.setdefault(name, _ask_ssm(name))
    except deadline.DeadlineExceeded as error:
        raise ParameterUnavailable(type(error).__name__) from error
    except ParameterUnavailable as error:
        raise refused(name, error.code) from error


def changed(name: str, refused: str) -> str | None:
    """The parameter's value if it is another one than the value that was refused; None if it is the same or cannot be
    read. Asks SSM at most once every SECRET_RENEWAL_SECONDS, however often the value is refused."""
    known = _values.get(name)
    if known is not None and known != refused:
        return known  # another request has renewed it
    now = clock.monotonic()
    if now - _renewed.get(name, -math.inf) < limits.SECRET_RENEWAL_SECONDS:
        return None
    _renewed[name] = now
    try:
        found = _ask_ssm(name)
    except (ParameterUnavailable, deadline.DeadlineExceeded):
        return None  # the known value stays
    _values[name] = found
    return found if found != refused else None


def refused(name: str, code: str) -> ParameterUnavailable:
    """The error for a parameter that cannot be used, which is not requested again for SERVER_KEY_RETRY_SECONDS."""
    _values.pop(name, None)
    _failed[name] = (clock.monotonic() + limits.SERVER_KEY_RETRY_SECONDS, code)
    return ParameterUnavailable(code)


def forget() -> None:
    """Forget all values and failures, as in a new process."""
    _values.clear()
    _failed.clear()
    _renewed.clear()


def _ask_ssm(name: str) -> str:
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
        answer = deadline.within(math.inf, lambda: client.get_parameter(Name=name, WithDecryption=True))
    except ClientError as error:
        raise ParameterUnavailable(error.response["Error"]["Code"]) from error
    except BotoCoreError as error:
        raise ParameterUnavailable(type(error).__name__) from error
    return str(answer["Parameter"]["Value"])
