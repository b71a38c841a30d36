"""The queue of logout tokens that are to be sent (OpenID Connect Back-Channel Logout 1.0), in Amazon SQS.

Whoever ends a session puts one message here for each application to be told. It has no token: the function that takes
it out makes one, and tries again if the application does not accept it. So no request waits for an application.

A stage without LOGOUT_QUEUE has no queue, tells nobody and calls nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from chalicelib import deadline, limits, logs, settings

_BATCH_LIMIT = 10  # of SendMessageBatch


@dataclass(frozen=True)
class Ended:
    """What an application is told: which session ended. client_id: as stored. issuer: that of the ID token which it
    got in the session. session_id: its `sid`."""

    client_id: str
    issuer: str
    user_id: str
    session_id: str


def is_on() -> bool:
    return settings.SETTINGS.logout_queue is not None


def put(ended: Iterable[Ended]) -> None:
    """Have these applications told. Calls nothing if there are none. Never raises, since a sign-out must not fail with
    the queue; the log has the error. It delays a request for LOGOUT_QUEUE_SECONDS at most."""
    messages = [json.dumps(asdict(one)) for one in ended]
    if messages and (code := _put(messages)):
        logs.note(logout_queue_error=code)


def read(text: str) -> Ended:
    """The message that `put` wrote."""
    return Ended(**json.loads(text))


def _put(messages: list[str]) -> str | None:
    """Returns None, or the code of the error."""
    from botocore.exceptions import BotoCoreError, ClientError

    def send() -> str | None:
        queue_url = _url(str(settings.SETTINGS.logout_queue))
        batches = [messages[start : start + _BATCH_LIMIT] for start in range(0, len(messages), _BATCH_LIMIT)]
        codes = [_put_batch(queue_url, batch) for batch in batches]  # also those after one that fails
        return next((code for code in codes if code), None)

    try:
        return deadline.within(limits.LOGOUT_QUEUE_SECONDS, send)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    except (BotoCoreError, deadline.DeadlineExceeded) as error:
        return type(error).__name__


def _put_batch(queue_url: str, messages: list[str]) -> str | None:
    """Returns None, or the code of an error with which the queue refused a message at each try. It can refuse a part of
    a batch, which boto3 takes for a success."""
    entries = [{"Id": str(number), "MessageBody": message} for number, message in enumerate(messages)]
    code = None
    for _ in range(limits.SERVICE_TRIES):
        refused = _client().send_message_batch(QueueUrl=queue_url, Entries=entries).get("Failed") or []
        if not refused:
            return None
        code = str(refused[0]["Code"])
        again = {one["Id"] for one in refused}
        entries = [entry for entry in entries if entry["Id"] in again]
    return code


@cache
def _client() -> Any:
    import boto3  # imported here so that a cold start that tells nobody does not pay for it
    from botocore.config import Config

    config = Config(
        connect_timeout=limits.LOGOUT_QUEUE_SECONDS,
        read_timeout=limits.LOGOUT_QUEUE_SECONDS,
        retries={"total_max_attempts": limits.SERVICE_TRIES},
    )
    return boto3.client("sqs", config=config)


@cache
def _url(name: str) -> str:
    return str(_client().get_queue_url(QueueName=name)["QueueUrl"])
