"""What the tests of imports share: dumps of a Django site, and the sums that the commands print."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
COSTS = "pbkdf2_sha256:1000000 argon2:102400,2,8 bcrypt_sha256:12"  # of the hashes that Django makes


def django_dump(
    folder: Path, site: str, people: list[dict[str, Any]], applications: list[dict[str, Any]], *, suffix: str
) -> Path:
    """What Django's dumpdata writes, by a Django site that has these people and applications."""
    given, out = folder / "given.json", folder / f"dump{suffix}"
    given.write_text(json.dumps({"people": people, "applications": applications}), encoding="utf-8")
    command = [sys.executable, "-W", "ignore", "-m", "tests.django_site.dump", site, str(given), str(out)]
    subprocess.run(command, cwd=ROOT, check=True)
    return out


def counts(imported: int = 0, changed: int = 0, there: int = 0, left_out: int = 0) -> dict[str, Any]:
    """What `--json` prints."""
    return {
        "dry_run": False,
        "imported": imported,
        "there_already": there,
        "left_out": left_out,
        "changed": changed,
    }
