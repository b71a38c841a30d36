"""Programs that play an application, in any language, while a test plays its user's browser.

They get one JSON object as their argument, and print one JSON object a line: `open` with an address, to be told where
the browser was sent in the end; then `result`.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit


def hold(
    command: Sequence[str],
    given: dict[str, Any],
    browse: Callable[[str], str],
    *,
    environment: Mapping[str, str] = MappingProxyType({}),
    folder: Path | None = None,
) -> dict[str, Any]:
    """Run the program and return its result.

    browse: open an address and return where the browser was sent in the end. folder: where the program runs.
    """
    with subprocess.Popen(
        [*command, json.dumps(given)],
        cwd=folder,
        env={**os.environ, "NO_PROXY": "*", "no_proxy": "*", **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stdout:
            said = json.loads(line)
            if "result" in said:
                return dict(said["result"])
            process.stdin.write(browse(said["open"]) + "\n")
            process.stdin.flush()
        raise AssertionError(process.stderr.read())


def forged(address: str, **changed: str) -> str:
    """The address with other values for these parameters of its query."""
    parts = urlsplit(address)
    return parts._replace(query=urlencode({**dict(parse_qsl(parts.query)), **changed})).geturl()
