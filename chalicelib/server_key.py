"""The server's own key, from which the successors of a refresh token are derived.

Public clients need it, and nothing else does. It comes from SERVER_KEY, or from the SSM parameter that
SERVER_KEY_PARAMETER names, read once for each process; `make run` keeps one in .local/. Another key in its place ends
no token: only a repeat that was under way at that moment gets no second answer.
"""

from __future__ import annotations

import functools

from chalicelib import settings

MISSING = "This stage has no SERVER_KEY, without which there can be no public applications."


class ServerKeyMissing(Exception):
    """The operator has not set one. The message says so."""

    def __init__(self) -> None:
        super().__init__(MISSING)


class ServerKeyUnavailable(Exception):
    """SSM did not give the parameter. code: its word for why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def is_set() -> bool:
    """Has the operator set one? Reads nothing from AWS."""
    return bool(settings.SETTINGS.server_key or settings.SETTINGS.server_key_parameter)


def read() -> bytes:
    """The key. Raises ServerKeyMissing, ServerKeyUnavailable."""
    found = settings.SETTINGS.server_key
    if found is None and settings.SETTINGS.server_key_parameter:
        found = _from_ssm(settings.SETTINGS.server_key_parameter)
    if found is None:
        raise ServerKeyMissing
    return found.encode()


@functools.cache
def _from_ssm(name: str) -> str:
    import boto3  # where no public client asks, no request pays for it
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    config = Config(connect_timeout=settings.STORE_CONNECT_SECONDS, read_timeout=settings.STORE_READ_SECONDS)
    try:
        answer = boto3.client("ssm", config=config).get_parameter(Name=name, WithDecryption=True)
    except ClientError as error:
        raise ServerKeyUnavailable(error.response["Error"]["Code"]) from error
    except BotoCoreError as error:
        raise ServerKeyUnavailable(type(error).__name__) from error
    value = str(answer["Parameter"]["Value"])
    if len(value) < settings.SERVER_KEY_MIN_CHARACTERS:
        raise ServerKeyUnavailable("TooShort")
    return value
