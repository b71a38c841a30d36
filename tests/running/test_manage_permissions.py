"""The operator's commands for permission catalogues."""

from __future__ import annotations

import json

import pytest

from tests.local_run import LocalRun

pytestmark = pytest.mark.spec("docs/permissions.md")


def test_operator_checks_and_shows_a_catalogue(local_run: LocalRun) -> None:
    assert local_run.manage("permissions", "check").stdout == "The catalogue is good: 3 scopes.\n"
    assert local_run.manage("permissions", "check", "box_office").stdout == "The catalogue is good: 6 scopes.\n"
    shown = json.loads(local_run.manage("permissions", "show", "box_office", "--json").stdout)
    assert shown[4] == {
        "scope": "orders.refund",
        "title": "Refund orders",
        "organizers": True,
        "includes": ["events.read", "orders.read"],
        "risk": "high",
        "default": False,
        "always": False,
        "optional": True,
        "version": 1,
        "lasts": None,
    }


def test_mistake_is_one_line_on_stderr(local_run: LocalRun) -> None:
    (local_run.folder / "chalicelib" / "permissions" / "broken.toml").write_text("[scopes.see]\nwords = 1\n")
    for name, complaint in (("broken", "broken.toml: scopes.see has 'words', which"), ("nothing", "there is no file")):
        ended = local_run.manage("permissions", "check", name)
        assert ended.returncode == 2
        assert ended.stderr.startswith(f"Error: {complaint}"), ended.stderr
        assert ended.stderr.count("\n") == 1
