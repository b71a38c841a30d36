"""`manage.py permissions`: the catalogue of what applications may be allowed to do."""

from __future__ import annotations

import json

import click

from chalicelib import permissions, resource_url, settings
from chalicelib.permissions import Catalogue, CatalogueError
from chalicelib.protocol import server_metadata
from infra.commands import Command, Group, Operator, fail

_UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"))


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
    row = {"catalogue": name or "of the stage", "scopes": list(found.names), "resources": list(found.resources)}
    counts = [_count(len(found.scopes), "scope"), *filter(None, [_count(len(found.resources), "resource")])]
    takes_jwts = any(resource.takes_jwts for resource in found.resources.values())
    hint = " It asks for signed tokens, so its stage needs signing keys." if takes_jwts else ""
    operator.show(row, sentence=f"The catalogue is good: {', '.join(counts)}.{hint}")


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
                "lasts": _duration(scope.lasts_seconds),
            }
            for scope in found.scopes.values()
        ]
    )


@catalogues.command("resources", cls=Command)
@click.argument("name", required=False)
@click.pass_obj
def permissions_resources(operator: Operator, name: str | None) -> None:
    """List the APIs of a catalogue; without NAME, of the stage's."""
    found = _load(name) if name else settings.SETTINGS.permissions
    operator.show(
        [
            {
                "resource": resource.address,
                "title": resource.title.get("en"),
                "scopes": [scope for scope in found.names if scope in resource.scopes],
                "token_lifetime": _duration(resource.token_lifetime_seconds),
                "token_format": resource.token_format,
                "required_scopes": [f"{rule.method} {rule.path} {rule.scope}" for rule in resource.required_scopes],
            }
            for resource in found.resources.values()
        ]
    )


@catalogues.command("metadata", cls=Command)
@click.argument("address")
@click.argument("name", required=False)
@click.option("--issuer", metavar="URL", help="Lanyard's URL. Default: PUBLIC_URL.")
@click.pass_obj
def permissions_metadata(operator: Operator, address: str, name: str | None, issuer: str | None) -> None:
    """Print the protected resource metadata that the API at ADDRESS has to serve (RFC 9728).

    NAME is a catalogue; without it, the stage's is used.
    """
    found = _load(name) if name else settings.SETTINGS.permissions
    resource = found.resource(address)
    if resource is None:
        fail(f"ADDRESS: the catalogue has no resource {address}. It has: {', '.join(found.resources) or 'none'}.")
    server = issuer or settings.SETTINGS.public_url
    if server is None:
        fail("Give Lanyard's URL as --issuer: this stage has no PUBLIC_URL.")
    if resource_url.parts(server) is None:
        fail("--issuer must be an address like https://connect.example.com.")
    known = [scope for scope in found.names if scope in resource.scopes]
    document = server_metadata.described_resource(resource.address, known, resource.title, issuer=server.rstrip("/"))
    operator.show(document, sentence=json.dumps(document, ensure_ascii=False))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number > 1 else ''}" if number else ""


def _duration(seconds: int | None) -> str | None:
    """As it stands in a file; None for what has no duration."""
    if seconds is None:
        return None
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    return _count(seconds // size, unit)


def _load(name: str) -> Catalogue:
    try:
        return permissions.load(name)
    except CatalogueError as error:
        fail(f"{error}.")
