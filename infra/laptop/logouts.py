"""Sends the logout tokens that wait in MiniStack's queue, as Lambda does on AWS: it takes a message out, calls the
function, and deletes the message if that raised nothing."""

from __future__ import annotations

import threading
from typing import Any

import boto3

from chalicelib import settings
from chalicelib.endpoints.oauth import logouts

_ATTRIBUTES = {"VisibilityTimeout": "20", "MessageRetentionPeriod": "86400"}
_PAUSE_SECONDS = 5.0


def create(client: Any, name: str) -> str:
    """Create the queue if it is missing. Returns its URL."""
    return str(client.create_queue(QueueName=name, Attributes=_ATTRIBUTES)["QueueUrl"])


def deliver(client: Any, queue_url: str, *, wait_seconds: int = 0) -> list[bool]:
    """Call the function once for each message that is there, at most ten. Returns whether each was done."""
    _, send_logout = logouts.made_blueprint(str(settings.SETTINGS.logout_queue))
    found = client.receive_message(
        QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=wait_seconds, AttributeNames=["All"]
    )
    return [_delivered(client, queue_url, message, send_logout) for message in found.get("Messages", [])]


def deliver_always(name: str) -> None:
    """From now on, in a thread of its own, until this process ends."""
    threading.Thread(target=_run, args=(name,), daemon=True).start()


def _run(name: str) -> None:
    client, pause = boto3.client("sqs"), threading.Event()
    url = None
    while True:
        try:
            url = url or client.get_queue_url(QueueName=name)["QueueUrl"]
            deliver(client, url, wait_seconds=20)
        except Exception:  # not created yet, or MiniStack is stopping
            pause.wait(_PAUSE_SECONDS)


def _delivered(client: Any, queue_url: str, message: dict[str, Any], send_logout: Any) -> bool:
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
    }
    try:
        send_logout({"Records": [record]}, None)
    except logouts.TryAgain:
        return False
    client.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return True
