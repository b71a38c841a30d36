"""`make rehearse`: the deployment, end to end, on a local AWS that enforces IAM. It leaves nothing behind.

Packages the real zip, checks the template for what no local AWS acts on, deploys it to MiniStack, goes through the
connect flow at its API Gateway URL, deploys another team's API that trusts Lanyard's authorizer, and runs the test
suite's flows and browser tests against all of it. docs/deploy/rehearsal.md says what only AWS can show.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.deployment import package, template_checks, templates
from infra.deployment.templates import ROOT
from infra.laptop.ministack import MiniStack, free_port
from infra.rehearsal.rehearsed_stacks import Failed, Rehearsal

STAGE = "prod"


def main() -> int:
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="lanyard-rehearsal-") as name:
        folder = Path(name)
        log = folder / "ministack.log"
        try:
            _rehearse(folder, log)
        except Failed as error:
            print(f"FAILED  {error}", file=sys.stderr)
            if log.exists():
                print(*log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:], sep="\n", file=sys.stderr)
            return 1
    print(f"Rehearsed in {time.monotonic() - started:.0f} seconds, and cleaned up.")
    return 0


def _rehearse(folder: Path, log: Path) -> None:
    # For boto3 here and for the commands that run below: never use the operator's own AWS account.
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(AWS_DEFAULT_REGION="us-east-1", AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    with _step("Package the functions and their template"):
        dist = package.build(STAGE)
        template = json.loads((dist / "template.json").read_text(encoding="utf-8"))
    with _step("Check the template for what no local AWS acts on"):
        found = template_checks.problems(template)
        if found:
            raise Failed("; ".join(found))
    with _step("cfn-lint"):
        surroundings = folder / "surroundings.json"
        surroundings.write_text(json.dumps(templates.surroundings()), encoding="utf-8")
        files = [dist / "template.json", templates.INFRA / "tables.yaml", templates.INFRA / "edge.yaml", surroundings]
        _run([_command("cfn-lint"), "--regions", "us-east-1", "--", *map(str, files)])
    with _step("Import both functions from the zip alone"):
        _import_alone(dist / "deployment.zip", folder / "zip")
    os.environ.update(AUTH="true")
    ministack = MiniStack(free_port(), log=log)
    try:
        ministack.wait_until_ready()
        _deploy_and_use(Rehearsal(ministack.url, STAGE, folder), dist)
    finally:
        ministack.stop()


def _deploy_and_use(rehearsal: Rehearsal, dist: Path) -> None:
    steps: list[tuple[str, Callable[[], object]]] = [
        ("Deploy the stack, with IAM enforced", lambda: rehearsal.deploy(dist)),
        ("Try what the functions' policy does not allow", rehearsal.try_forbidden),
        ("manage.py check: the connect flow at the API's URL", rehearsal.check),
        ("Deploy the example API, which trusts the authorizer", rehearsal.deploy_example),
        ("Valid, narrow, foreign, expired and revoked tokens at the example API", rehearsal.use_example),
        ("Deploy the example HTTP API, with API Gateway's own authorizer", rehearsal.deploy_http_api),
        ("The test suite's flows at the API's URL", rehearsal.run_flows),
        ("The browser tests at the API's URL", rehearsal.run_browser_tests),
        ("Update the stack: nothing to change", lambda: rehearsal.update(dist)),
        ("Delete the stacks; the tables remain", rehearsal.tear_down),
    ]
    for name, step in steps:
        with _step(name):
            step()


def _import_alone(archive: Path, folder: Path) -> None:
    """Import the functions without this virtual environment's packages: what the zip lacks is missing on Lambda."""
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); import app, chalicelib.endpoints.authorizer"
    _run([sys.executable, "-I", "-S", "-c", code], {"LANYARD_STAGE": STAGE})


@contextmanager
def _step(name: str) -> Iterator[None]:
    started = time.monotonic()
    try:
        yield
    except Failed:
        raise
    except Exception as error:
        raise Failed(f"{name}: {type(error).__name__}: {error}") from error
    print(f"ok  {name} ({time.monotonic() - started:.1f} s)", flush=True)


def _command(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _run(command: list[str], more: dict[str, str] | None = None) -> None:
    ended = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **(more or {})}, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise Failed(f"{Path(command[0]).name}: {(ended.stdout + ended.stderr).strip()[-2000:]}")


if __name__ == "__main__":
    sys.exit(main())
