"""The email that was sent, as its recipients read it."""

from __future__ import annotations

import email
import email.policy
import re
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import requests


class Mailbox:
    """The email that the local stage wrote to a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def of(self, address: str) -> list[EmailMessage]:
        """All email for an address, oldest first."""
        files = sorted(self.folder.glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)
        mails = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in files]
        return [mail for mail in mails if isinstance(mail, EmailMessage) and mail["To"] == address]

    def link(self, address: str) -> str:
        """The link in the latest email to an address."""
        mails = self.of(address)
        assert mails, f"no email for {address}"
        found = re.search(r"^https?://\S+$", mails[-1].get_content(), re.MULTILINE)
        assert found, mails[-1].get_content()
        return found[0]


class SesMailbox(Mailbox):
    """The email that a deployed stage handed to SES, which MiniStack keeps, oldest first."""

    def __init__(self, url: str) -> None:
        self.url = url

    def of(self, address: str) -> list[EmailMessage]:
        kept = requests.get(f"{self.url}/_ministack/ses/messages").json()["messages"]
        return [_message(mail) for mails in kept.values() for mail in mails if mail["To"] == [address]]


def _message(mail: dict[str, Any]) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = mail["Source"], mail["To"][0], mail["Subject"]
    message.set_content(mail["BodyText"], cte="8bit")
    return message
