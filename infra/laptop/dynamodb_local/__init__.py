"""DynamoDB Local, AWS's own engine: a second check of conditions and transactions for the tests.

`make .local/dynamodb-local` downloads it. It needs Java 17, and cannot be limited to 127.0.0.1.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from infra.laptop.ministack import LocalStore

LIBRARY = Path(__file__).resolve().parent.parent.parent.parent / ".local" / "dynamodb-local"
# A run of the tests ends before the thorough compiler's work, more than that of the engine itself, would pay.
_QUICKLY = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
_MAIN = "software.amazon.dynamodb.services.local.main.ServerRunner"


class DynamoDBLocal(LocalStore):
    """One DynamoDB Local process, in memory. log: its log file."""

    name = "DynamoDB Local"

    def __init__(self, port: int, *, log: Path) -> None:
        command = [
            *("java", *_QUICKLY),
            f"-Djava.library.path={LIBRARY}",
            *("-cp", f"{LIBRARY}{os.sep}*"),
            _MAIN,
            *("-inMemory", "-sharedDb", "-port", str(port)),
        ]
        with log.open("ab") as output:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        super().__init__(port, process, log)
