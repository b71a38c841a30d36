"""The operator's commands for permission catalogues."""

from __future__ import annotations

import json

import pytest

from tests.local_run import LocalRun

DOOR = """
[scopes.scan]
title = { en = "Scan tickets", de = "Karten prüfen" }

[resources."https://door.example.com/"]
scopes = ["scan"]
title = { en = "The door", de = "Der Einlass" }
token_lifetime = "15 minutes"
required_scopes = ["GET /* scan"]
"""
pytestmark = pytest.mark.spec("docs/permissions.md")


def test_operator_checks_and_shows_a_catalogue(local_run: LocalRun) -> None:
    assert local_run.manage("permissions", "check").stdout == "The catalogue is good: 3 scopes.\n"
    assert (
        local_run.manage("permissions", "check", "box_office").stdout
        == "The catalogue is good: 6 scopes, 1 resource.\n"
    )
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
        "lasts": "8 hours",
    }


def test_check_says_that_a_catalogue_with_signed_tokens_needs_keys(local_run: LocalRun) -> None:
    signed = DOOR + 'token_format = "jwt"\n'
    (local_run.folder / "chalicelib" / "permissions" / "signed.toml").write_text(signed, encoding="utf-8")
    assert local_run.manage("permissions", "check", "signed").stdout == (
        "The catalogue is good: 1 scope, 1 resource. It asks for signed tokens, so its stage needs signing keys.\n"
    )


def test_operator_prints_the_metadata_that_an_api_has_to_serve(local_run: LocalRun) -> None:
    (local_run.folder / "chalicelib" / "permissions" / "door.toml").write_text(DOOR, encoding="utf-8")
    assert local_run.manage("permissions", "check", "door").stdout == "The catalogue is good: 1 scope, 1 resource.\n"
    assert json.loads(local_run.manage("permissions", "resources", "door", "--json").stdout) == [
        {
            "resource": "https://door.example.com/",
            "title": "The door",
            "scopes": ["scan"],
            "token_lifetime": "15 minutes",
            "token_format": "opaque",
            "required_scopes": ["GET /* scan"],
        }
    ]
    words = ("permissions", "metadata", "https://door.example.com", "door")
    printed = json.loads(local_run.manage(*words, "--issuer", "https://connect.example.com/").stdout)
    assert printed == {
        "resource": "https://door.example.com/",
        "resource_name": "The door",
        "resource_name#de": "Der Einlass",
        "authorization_servers": ["https://connect.example.com"],
        "scopes_supported": ["scan"],
        "bearer_methods_supported": ["header"],
    }
    assert json.loads(local_run.manage(*words, "--json").stdout)["authorization_servers"] == [local_run.base_url]
    refused = local_run.manage(*words, "--issuer", "connect.example.com")
    assert refused.returncode == 2
    assert refused.stderr == "Error: --issuer must be an address like https://connect.example.com.\n"
    refused = local_run.manage("permissions", "metadata", "https://other.example.com", "door")
    assert refused.returncode == 2
    said = "ADDRESS: the catalogue has no resource https://other.example.com. It has: https://door.example.com/."
    assert refused.stderr == f"Error: {said}\n"


def test_mistake_is_one_line_on_stderr(local_run: LocalRun) -> None:
    (local_run.folder / "chalicelib" / "permissions" / "broken.toml").write_text("[scopes.see]\nwords = 1\n")
    for name, complaint in (("broken", "broken.toml: scopes.see has 'words', which"), ("nothing", "there is no file")):
        ended = local_run.manage("permissions", "check", name)
        assert ended.returncode == 2
        assert ended.stderr.startswith(f"Error: {complaint}"), ended.stderr
        assert ended.stderr.count("\n") == 1
