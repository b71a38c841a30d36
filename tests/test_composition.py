"""What is imported reads no environment: the settings are loaded where a process starts, and nowhere else."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib import settings
from chalicelib.models.user import User

ROOT = Path(__file__).resolve().parent.parent
# A deployed function that does not know its stage, which no settings can be made of.
UNUSABLE = {"AWS_LAMBDA_FUNCTION_NAME": "lanyard-prod"}
AUTHORIZER = "chalicelib.endpoints.authorizer"
SENDER = "chalicelib.endpoints.logout_sender"
_IMPORT_EVERYTHING = f"""
import importlib, pkgutil
import chalicelib
from chalicelib import settings
from chalicelib.models.store.connection import CONNECTION
from chalicelib.models.user import User

for found in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
    if found.name not in ("{AUTHORIZER}", "{SENDER}"):
        importlib.import_module(found.name)
assert CONNECTION._client is None
for needs_settings in (lambda: settings.SETTINGS, User.table):
    try:
        needs_settings()
    except RuntimeError as error:
        print(error)
"""


def run(code: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.spec("docs/architecture.md")
def test_everything_can_be_imported_where_no_settings_can_be_made() -> None:
    ended = run(_IMPORT_EVERYTHING, UNUSABLE)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == ["There are no settings yet: call settings.load(os.environ) first."] * 2


@pytest.mark.spec("docs/operations.md")
@pytest.mark.parametrize("module", ["app", AUTHORIZER, SENDER])
def test_a_function_with_a_setting_that_cannot_be_used_does_not_start(module: str) -> None:
    ended = run(f"import {module}", UNUSABLE)
    assert ended.returncode == 1
    assert "SettingsError: LANYARD_STAGE is missing" in ended.stderr


@pytest.mark.spec("docs/architecture.md")
def test_the_authorizer_starts_without_the_pages() -> None:
    code = f"import sys, {AUTHORIZER} as started; print(callable(started.authorizer), *sys.modules)"
    is_handler, *modules = run(code, {"LANYARD_STAGE": "prod"}).stdout.split()
    assert is_handler == "True"
    unneeded = {"app", "jinja2", "joserfc", "chalicelib.composition", "chalicelib.endpoints.http"}
    assert unneeded & set(modules) == set()


@pytest.mark.spec("docs/architecture.md")
def test_the_sender_of_logout_tokens_starts_without_the_pages() -> None:
    code = f"import sys, {SENDER} as started; print(callable(started.send_logout), *sys.modules)"
    set_up = {"LANYARD_STAGE": "prod", "LOGOUT_QUEUE": "logouts", "SIGNING_KEYS_PARAMETER": "/lanyard/signing-keys"}
    is_handler, *modules = run(code, set_up).stdout.split()
    assert is_handler == "True"
    unneeded = {"app", "jinja2", "oauthlib", "boto3", "chalicelib.composition", "chalicelib.endpoints.http"}
    assert unneeded & set(modules) == set()


@pytest.mark.spec("docs/dependencies.md")
def test_only_a_scim_request_loads_the_library_of_scim() -> None:
    code = "import sys, app; print(*sys.modules); import chalicelib.provisioning.users; print(*sys.modules)"
    before, after = (set(line.split()) for line in run(code, {"LANYARD_STAGE": "prod"}).stdout.splitlines())
    library = {"scim2_models", "pydantic", "pydantic_core", "lark", "chalicelib.provisioning"}
    assert before & library == set()
    assert library <= after
    assert "chalicelib.endpoints.scim.resources" in before


def test_a_table_is_named_after_the_settings_at_the_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    for prefix in ("one-", "another-", "one-"):
        monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, table_prefix=prefix))
        assert User.key("u").operation()["TableName"] == User.table() == f"{prefix}users"
