"""The mail that the local stage has written, as the people whom it was for read it."""

from __future__ import annotations

import email
import email.policy
import re
from email.message import EmailMessage
from pathlib import Path


class Mailbox:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def of(self, address: str) -> list[EmailMessage]:
        """All mail for an address, oldest first."""
        files = sorted(self.folder.glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)
        mails = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in files]
        return [mail for mail in mails if isinstance(mail, EmailMessage) and mail["To"] == address]

    def link(self, address: str) -> str:
        """The link in the last mail to an address."""
        mails = self.of(address)
        assert mails, f"no mail for {address}"
        found = re.search(r"^https?://\S+$", mails[-1].get_content(), re.MULTILINE)
        assert found, mails[-1].get_content()
        return found[0]
