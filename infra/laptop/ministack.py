"""Starts and stops MiniStack, a local AWS in one process, on 127.0.0.1 only."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

REGION = "us-east-1"
START_SECONDS = 30
STOP_SECONDS = 20


class LocalStore:
    """A process that serves DynamoDB's API at `url`."""

    name: str

    def __init__(self, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.process = process
        self._log = log

    def wait_until_ready(self) -> None:
        """Wait until it accepts connections. Raises RuntimeError if it does not start."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            if is_listening(self.port):
                return
            time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"{self.name} did not start. See {self._log}")

    def stop(self) -> None:
        """End it with SIGTERM, so that MiniStack saves its state."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class MiniStack(LocalStore):
    """One MiniStack process. log: its log file. state: the folder to keep its tables in, or None to discard them."""

    name = "MiniStack"

    def __init__(self, port: int, *, log: Path, state: Path | None = None) -> None:
        environment = {
            **os.environ,
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "MINISTACK_REGION": REGION,
            **({"PERSIST_STATE": "1", "STATE_DIR": str(state)} if state else {}),
        }
        if state:
            state.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            # In its own session, so that Ctrl-C at the terminal reaches only us, and we stop it last.
            process = subprocess.Popen(
                [sys.executable, "-m", "ministack"],
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        super().__init__(port, process, log)


def client_environment(url: str) -> dict[str, str]:
    """The environment variables that point boto3 and PynamoDB at it."""
    return {
        "AWS_ENDPOINT_URL_DYNAMODB": url,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
