"""The function that sends logout tokens: SQS calls it with a message of the queue (Back-Channel Logout 1.0).

An error leaves the message in the queue, which calls again after its visibility timeout. An application that accepts
none of LOGOUT_TRIES tokens is given up, so that what is left in the dead-letter queue is our own fault. Each message is
a call of its own, so an application delays another only as far as it keeps LOGOUTS_AT_ONCE calls waiting.
"""

from __future__ import annotations

import time
from typing import Any

from chalice.app import Blueprint, SQSEvent

from chalicelib import deadline, limits, logout_queue, logs
from chalicelib.keys.signing import SigningKeyMissing, SigningKeyUnavailable
from chalicelib.models.store import StoreUnavailable
from chalicelib.protocol.openid import logout_token


class TryAgain(Exception):
    """The message stays in the queue. Lambda logs the name; our own line says why."""


def made_blueprint(queue: str) -> tuple[Blueprint, Any]:
    """A blueprint with the function, and the function as Lambda calls it. queue: its name."""
    # Where Lambda finds the handler: Chalice makes its path of this and of the function's name.
    blueprint = Blueprint("chalicelib.endpoints.logout_sender")
    decorate = blueprint.on_sqs_message(
        queue=queue, batch_size=1, name="send_logout", maximum_concurrency=limits.LOGOUTS_AT_ONCE
    )
    return blueprint, decorate(send_logout)


def send_logout(event: SQSEvent) -> None:
    """Send the token of each message. Raises TryAgain."""
    for record in event:
        _send(record.body, int(record.to_dict()["attributes"]["ApproximateReceiveCount"]))


def _send(message: str, tries: int) -> None:
    """tries: how often the message was received, this time included."""
    started = time.monotonic()
    logs.begin()
    status, outcome, again = 200, "", True
    try:
        with deadline.begin():
            outcome = "logout sent" if logout_token.send(logout_queue.read(message)) else "logout not wanted"
        again = False
    except logout_token.NotAccepted as error:
        again = tries < limits.LOGOUT_TRIES
        outcome = "logout not accepted" if again else "logout given up"
        logs.note(reason=str(error), tries=tries)
    except (StoreUnavailable, SigningKeyUnavailable) as error:
        status, outcome = 503, "temporarily_unavailable"
        logs.note(**{"store_error" if isinstance(error, StoreUnavailable) else "signing_key_error": error.code})
    except SigningKeyMissing:
        status, outcome = 500, "server_error"
        logs.note(signing_key_error="missing")
    except Exception as error:
        status, outcome = 500, "server_error"
        logs.note(error=type(error).__name__, where=logs.where(error))
    milliseconds = round((time.monotonic() - started) * 1000, 1)
    logs.write(route="send_logout", status=status, outcome=outcome, milliseconds=milliseconds)
    if again:
        raise TryAgain
