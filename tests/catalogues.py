"""Small permission catalogues, and how a test uses one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib import permissions, settings

_WORDS = 'title = {{ en = "{name} it", de = "{name} es" }}'


def scope(name: str, *lines: str) -> str:
    """A scope as it stands in a catalogue; its title is "NAME it". lines: more of its keys."""
    return "\n".join([f'[scopes."{name}"]', _WORDS.format(name=name), *lines, ""])


def use(monkeypatch: pytest.MonkeyPatch, catalogue: permissions.Catalogue | str, *, apis: str = "") -> None:
    """Let the stage have this catalogue from the next request on. apis: AUTHORIZER_RESOURCES."""
    found = permissions.parse(catalogue) if isinstance(catalogue, str) else catalogue
    with monkeypatch.context() as patched:
        patched.setattr(permissions, "load", lambda _: found)
        read = settings.from_environment(
            {"AUTHORIZER_RESOURCES": apis, "SIGNING_KEYS": settings.SETTINGS.signing_keys or ""}
        )
    names = ("permissions", "resources", "authorizer_resources", "required_scopes")
    changed = {name: getattr(read, name) for name in names}
    monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, **changed))
