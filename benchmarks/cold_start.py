"""Import times of a cold start, from the real zip: with and without byte code, and by package, in one run.

Times differ between machines and are not Lambda's. Compare the ratios.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from infra.deployment import package

ROUNDS = 7
HANDLERS = {"APIHandler": "app", "Authorizer": "chalicelib.endpoints.authorizer"}
_LINE = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \| ( *)(\S+)")


def run(stage: str = "prod") -> list[str]:
    """Lines of a report in Markdown."""
    archive = package.build(stage) / "deployment.zip"
    with tempfile.TemporaryDirectory() as name:
        with_code, without = Path(name) / "with", Path(name) / "without"
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(with_code)
            opened.extractall(without, [one for one in opened.namelist() if "/__pycache__/" not in f"/{one}"])
        return [*_byte_code(with_code, without), "", *_modules(with_code)]


def _byte_code(with_code: Path, without: Path) -> list[str]:
    lines = ["| function | with byte code, ms | without, ms | ratio |", "|---|---|---|---|"]
    for function, module in HANDLERS.items():
        best = {with_code: float("inf"), without: float("inf")}
        for _ in range(ROUNDS):  # alternating, so that a busy machine slows both equally
            for folder in best:
                best[folder] = min(best[folder], _milliseconds(folder, module))
        ratio = best[without] / best[with_code]
        lines.append(f"| {function} | {best[with_code]:.0f} | {best[without]:.0f} | {ratio:.1f} |")
    return lines


def _milliseconds(folder: Path, module: str) -> float:
    code = f"import time; start = time.perf_counter(); import {module}; print((time.perf_counter() - start) * 1000)"
    return float(_python(folder, "-c", code).stdout)


def _modules(folder: Path) -> list[str]:
    """The packages whose own modules take the largest share of the import of the API's function."""
    own: dict[str, int] = {}
    for line in _python(folder, "-X", "importtime", "-c", "import app").stderr.splitlines():
        found = _LINE.match(line)
        if found:
            package_name = found[4].partition(".")[0]
            own[package_name] = own.get(package_name, 0) + int(found[1])
    total = sum(own.values())
    lines = ["| package | share of the import time, its own modules only |", "|---|---|"]
    for package_name, microseconds in sorted(own.items(), key=lambda pair: -pair[1])[:12]:
        lines.append(f"| {package_name} | {100 * microseconds / total:.0f} % |")
    return lines


def _python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python with only the zip's and its own modules, without writing byte code: Lambda's disk is read-only."""
    environment = {"PYTHONPATH": str(folder), "LANYARD_STAGE": "prod", "AWS_DEFAULT_REGION": "us-east-1"}
    return subprocess.run(
        [sys.executable, "-S", "-B", *arguments], env=environment, capture_output=True, text=True, check=True
    )
