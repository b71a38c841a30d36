"""`manage.py permissions`: the catalogue of what applications may be allowed to do."""

from __future__ import annotations

import click

from chalicelib import permissions, settings
from chalicelib.permissions import Catalogue, CatalogueError
from infra.commands import Command, Group, Operator, fail


@click.group("permissions", cls=Group)
def catalogues() -> None:
    """Check and show a permission catalogue (docs/permissions.md)."""


@catalogues.command("check", cls=Command)
@click.argument("name", required=False)
@click.pass_obj
def permissions_check(operator: Operator, name: str | None) -> None:
    """Check chalicelib/permissions/NAME.toml; without NAME, the catalogue of the stage.

    A stage whose catalogue has a mistake does not start, and is not packaged.
    """
    found = _load(name) if name else settings.SETTINGS.permissions
    count = len(found.scopes)
    row = {"catalogue": name or "of the stage", "scopes": list(found.names)}
    operator.show(row, sentence=f"The catalogue is good: {count} scope{'s' if count > 1 else ''}.")


@catalogues.command("show", cls=Command)
@click.argument("name", required=False)
@click.pass_obj
def permissions_show(operator: Operator, name: str | None) -> None:
    """List the scopes of a catalogue; without NAME, of the stage's."""
    found = _load(name) if name else settings.SETTINGS.permissions
    operator.show(
        [
            {
                "scope": scope.name,
                "title": scope.title["en"],
                "organizers": scope.needs_organizers,
                "includes": sorted(scope.implies - {scope.name}),
                "risk": "high" if scope.is_high_risk else "low",
                "default": scope.name in found.default,
                "always": scope.is_always,
                "optional": scope.is_optional,
                "version": scope.version,
                "lasts": _lasts(scope.lasts_seconds),
            }
            for scope in found.scopes.values()
        ]
    )


def _lasts(seconds: int | None) -> str | None:
    """As it stands in the file; None for a scope without an end."""
    if seconds is None:
        return None
    count, unit = (seconds // 3600, "hour") if seconds % 86_400 else (seconds // 86_400, "day")
    return f"{count} {unit}{'s' if count > 1 else ''}"


def _load(name: str) -> Catalogue:
    try:
        return permissions.load(name)
    except CatalogueError as error:
        fail(f"{error}.")
