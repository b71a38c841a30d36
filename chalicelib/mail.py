"""Mail to people: through Amazon SES, or into a folder in the local stage. Besides keys/ and logout_queue.py, the only
importer of boto3.

Sending reveals nothing about the recipient: if SES refuses a mail because of its recipient, that is logged and not
reported, or it would reveal who has an account. For the same reason, a mail to nobody makes the same call, to SES's
mailbox simulator.
"""

from __future__ import annotations

import logging
import math
from datetime import UTC, datetime
from email.message import EmailMessage
from functools import cache
from pathlib import Path
from typing import Any

from chalicelib import clock, credentials, deadline, limits, logs, settings

_NOBODY = "success@simulator.amazonses.com"
# Errors that depend on the recipient. All others would be the same for every recipient.
_RECIPIENTS_FAULT = {"MessageRejected", "BadRequestException"}
_LOCAL_SENDER = "lanyard@localhost"


class MailUnavailable(Exception):
    """SES did not accept the mail, whoever it is for. code: SES's word for the reason."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def is_set_up() -> bool:
    return settings.SETTINGS.is_local or settings.SETTINGS.mail_sender is not None


def send(to: str | None, subject: str, text: str, *, most_seconds: float = math.inf) -> None:
    """Send a mail. Raises MailUnavailable, also if the request has no time left for it.

    to: one address; None to do the same work for nobody. most_seconds: how long it may delay the request.
    """
    if settings.SETTINGS.is_local:
        _write(to, subject, text)
        return
    content = {"Subject": {"Data": subject, "Charset": "UTF-8"}, "Body": {"Text": {"Data": text, "Charset": "UTF-8"}}}
    code = _send(to or _NOBODY, {"Simple": content}, most_seconds)
    if code in _RECIPIENTS_FAULT:
        logs.note(mail_error=code)
    elif code:
        raise MailUnavailable(code)


def send_if_possible(to: str, subject: str, text: str) -> None:
    """Send a mail that nothing depends on and that may delay the response only for MAIL_NOTICE_SECONDS. Never raises
    MailUnavailable."""
    try:
        send(to, subject, text, most_seconds=limits.MAIL_NOTICE_SECONDS)
    except MailUnavailable as error:
        logs.note(mail_error=error.code)


def _send(to: str, content: dict[str, Any], most_seconds: float) -> str | None:
    """Send through SES. Returns None, or the code of its error, or the name of ours if SES did not answer."""
    from botocore.exceptions import BotoCoreError, ClientError

    client, sender = _client(), settings.SETTINGS.mail_sender

    def call() -> None:
        client.send_email(FromEmailAddress=sender, Destination={"ToAddresses": [to]}, Content=content)

    try:
        deadline.within(most_seconds, call)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    except (BotoCoreError, deadline.DeadlineExceeded) as error:
        return type(error).__name__
    return None


@cache
def _client() -> Any:
    import boto3  # imported here so that a cold start that sends no mail does not pay for it
    from botocore.config import Config

    config = Config(
        connect_timeout=limits.MAIL_CONNECT_SECONDS,
        read_timeout=limits.MAIL_READ_SECONDS,
        retries={"total_max_attempts": limits.SERVICE_TRIES},
    )
    return boto3.client("sesv2", config=config)


def _write(to: str | None, subject: str, text: str) -> None:
    log = logging.getLogger("lanyard")
    if to is None:
        log.info("No mail was written: nobody here has that address.")
        return
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = _LOCAL_SENDER, to, subject
    message.set_content(text, cte="8bit")  # keeps a link on one line, so that it can be copied from the file
    moment = datetime.fromtimestamp(clock.now(), UTC)
    folder = Path(settings.SETTINGS.mail_folder)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{moment:%Y%m%dT%H%M%S}-{credentials.new_serial()}.eml"
    path.touch(mode=0o600)
    path.write_bytes(bytes(message))
    log.info(f"Mail written to {path}")
