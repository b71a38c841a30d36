"""Parses environment variables strictly. An invalid value is refused with a message that names the variable.

`settings`, which calls these functions, has the variables' meanings, defaults and limits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib import identity_providers, permissions, resource_url
from chalicelib.imported_passwords import HashCost, read_cost


class SettingsError(ValueError):
    """An environment variable has an invalid value. The message names the variable and says what it accepts."""


@dataclass(frozen=True)
class RequiredScope:
    """A rule of the authorizer: the scope that a route of another API requires.

    api: an API's id, or "*". method: an HTTP method, or "*". path: as called, without the stage; one that ends with "*"
    matches every path with that prefix. scope: a scope, or "-" for any valid token.
    """

    api: str
    method: str
    path: str
    scope: str


def permission_catalogue(name: str) -> permissions.Catalogue:
    try:
        return permissions.load(name or permissions.DEFAULT)
    except permissions.CatalogueError as error:
        raise SettingsError(f"PERMISSIONS: {error}") from error


def check_token_formats(catalogue: permissions.Catalogue, *, signs: bool, public_url: str | None) -> None:
    """Raises SettingsError if the catalogue asks for signed tokens where nothing can be signed, or for our own API."""
    for resource in catalogue.resources.values():
        if not resource.takes_jwts:
            continue
        place = f'PERMISSIONS: resources."{resource.address}".token_format'
        if not signs:
            raise SettingsError(f'{place} is "jwt", and this stage has no keys to sign with: set SIGNING_KEYS')
        if public_url and resource_url.is_same(resource.address, public_url):
            raise SettingsError(f'{place} is "jwt", and this is the address of Lanyard itself, whose tokens are opaque')


def providers(name: str, *, is_local: bool) -> identity_providers.Providers:
    try:
        return identity_providers.load(name, is_local=is_local)
    except identity_providers.ProvidersError as error:
        raise SettingsError(f"IDENTITY_PROVIDERS: {error}") from error


def provider_secrets(environment: Mapping[str, str]) -> Mapping[str, str]:
    """Our secret at each provider: of `staff` in PROVIDER_SECRET_STAFF, of `the-shop` in PROVIDER_SECRET_THE_SHOP."""
    start = "PROVIDER_SECRET_"
    return {
        name.removeprefix(start).lower().replace("_", "-"): value
        for name, value in environment.items()
        if name.startswith(start) and value
    }


def public_url(value: str, *, is_local: bool) -> str | None:
    if not value:
        return None
    # Only one spelling is accepted: the URL is also the issuer, which clients compare byte for byte.
    if not re.fullmatch(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?", value, re.ASCII):
        raise SettingsError(f"PUBLIC_URL must be an address like https://connect.example.com, not {value!r}")
    if value.startswith("http://") and not is_local:
        raise SettingsError(f"PUBLIC_URL must start with https:// in a deployed stage, not {value!r}")
    return value.rstrip("/")


def site_name(value: str, *, most: int) -> str:
    if not value.isprintable() or not value.strip() or len(value) > most:
        raise SettingsError(f"SITE_NAME must be 1 to {most} printable characters, not {value!r}")
    return value.strip()


def site_logo_url(value: str, *, most: int) -> str | None:
    if not value:
        return None
    # Its origin goes into a header, so nothing that could end a directive there is accepted.
    if not re.fullmatch(r"(https://[\w.:-]+/|data:image/(png|svg\+xml);base64,)[\w/.~%?&=+:-]*", value, re.ASCII):
        raise SettingsError("SITE_LOGO_URL must be an https:// address or data:image/png;base64,… or svg+xml")
    if len(value) > most:
        raise SettingsError(f"SITE_LOGO_URL must not be longer than {most} characters")
    return value


def site_colour(value: str) -> str:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
        raise SettingsError(f"SITE_COLOUR must be a colour like #1f5fbf, not {value!r}")
    return value.lower()


def support_contact(value: str, *, most: int) -> str | None:
    if not value:
        return None
    # It becomes a link, so only the two kinds of addresses are accepted.
    if (
        not re.fullmatch(r"https://[\w.:-]+(/[\w/.~%?&=+-]*)?|[\w.+-]+@[\w-]+(\.[\w-]+)+", value, re.ASCII)
        or len(value) > most
    ):
        raise SettingsError(
            f"SUPPORT_CONTACT must be an email or https:// address of at most {most} characters, not {value!r}"
        )
    return value


def sign_up_open(value: str, *, is_local: bool) -> bool:
    if value not in ("", "open", "closed"):
        raise SettingsError(f"SIGN_UP must be open or closed, not {value!r}")
    return value == "open" or (not value and is_local)


def mail_sender(value: str) -> str | None:
    name, _, domain = value.partition("@")
    if value and not (name and domain and value.isascii() and value.isprintable() and not set(value) & set(' ,;<>"')):
        raise SettingsError(f"MAIL_SENDER must be a bare address like no-reply@example.com, not {value!r}")
    return value or None


def resources(value: str) -> tuple[str, ...]:
    seen: dict[tuple[str, ...], str] = {}
    for resource in value.split():
        parts = resource_url.parts(resource)
        if parts is None:
            raise SettingsError(f"RESOURCES takes addresses like https://api.example.com, not {resource!r}")
        if parts in seen:
            raise SettingsError(f"RESOURCES names one address twice: {seen[parts]} and {resource}")
        seen[parts] = resource
    return tuple(value.split())


def registration(
    environment: Mapping[str, str], *, closed: str, with_token: str, opened: str
) -> tuple[str, tuple[str, ...]]:
    """Who may register an application, and the digests of the tokens that allow it. closed, with_token, opened: the
    words that REGISTRATION accepts."""
    mode = environment.get("REGISTRATION", "") or closed
    digests = tuple(environment.get("REGISTRATION_TOKEN_DIGESTS", "").split())
    if mode not in (closed, with_token, opened):
        raise SettingsError(f"REGISTRATION must be {closed}, {with_token} or {opened}, not {mode!r}")
    if not all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in digests):
        raise SettingsError(
            "REGISTRATION_TOKEN_DIGESTS takes SHA-256 digests of tokens: manage.py registration new-token"
        )
    if mode == with_token and not digests:
        raise SettingsError(
            f"REGISTRATION={with_token} needs REGISTRATION_TOKEN_DIGESTS: manage.py registration new-token"
        )
    return mode, digests


def imported_passwords(value: str) -> tuple[HashCost, ...]:
    costs: dict[str, HashCost] = {}
    for text in value.split():
        cost = read_cost(text)
        if cost is None:
            raise SettingsError(f"IMPORTED_PASSWORDS takes costs like pbkdf2_sha256:870000 or bcrypt:12, not {text!r}")
        if cost.format in costs:
            raise SettingsError(f"IMPORTED_PASSWORDS names {cost.format} twice: give the higher cost")
        costs[cost.format] = cost
    return tuple(costs.values())


def moment(environment: Mapping[str, str], name: str) -> int:
    value = environment.get(name, "") or "0"
    if not (value.isascii() and value.isdigit() and len(value) <= 10):
        raise SettingsError(f"{name} must be a moment in whole seconds since 1970 (date +%s), not {value!r}")
    return int(value)


def required_scopes(value: str) -> tuple[RequiredScope, ...]:
    rules = []
    for text in filter(None, (part.strip() for part in value.split(";"))):
        words = text.split()
        if len(words) != 4 or not words[2].startswith("/") or "*" in words[2][:-1]:
            raise SettingsError(
                f"REQUIRED_SCOPES takes rules like `* GET /tickets* read`, separated by ;, not {text!r}"
            )
        rules.append(RequiredScope(words[0], words[1].upper(), words[2], words[3]))
    return tuple(rules)


def all_resources(listed: tuple[str, ...], catalogue: permissions.Catalogue) -> tuple[str, ...]:
    """RESOURCES and those of the catalogue. One that is in both is spelled as in RESOURCES."""
    others = (one for one in catalogue.resources if not any(resource_url.is_same(one, other) for other in listed))
    return (*listed, *others)


def catalogue_rules(catalogue: permissions.Catalogue, apis: Mapping[str, str]) -> tuple[RequiredScope, ...] | None:
    """The authorizer's rules of the catalogue, for the APIs that are its resources; None if it has no rules. apis:
    AUTHORIZER_RESOURCES."""
    if not any(resource.required_scopes for resource in catalogue.resources.values()):
        return None
    served = [(api, catalogue.resource(address)) for api, address in apis.items()]
    return tuple(
        RequiredScope(api, rule.method, rule.path, rule.scope)
        for api, resource in served
        if resource is not None
        for rule in resource.required_scopes
    )


def authorizer_resources(value: str, *, known: tuple[str, ...]) -> dict[str, str]:
    """The resource of each API, by the API's id. known: all resources; no token could name any other."""
    found: dict[str, str] = {}
    for text in filter(None, (part.strip() for part in value.split(";"))):
        words = text.split()
        if len(words) != 2:
            raise SettingsError(
                f"AUTHORIZER_RESOURCES takes pairs like `abc123 https://api.example.com`, separated by ;, not {text!r}"
            )
        api, resource = words
        if not re.fullmatch(r"[A-Za-z0-9]+", api):  # no "*": only a token without a resource is valid everywhere
            raise SettingsError(f"AUTHORIZER_RESOURCES must name each API by its id, like abc123, not {api!r}")
        if api in found:
            raise SettingsError(f"AUTHORIZER_RESOURCES names the API {api} twice: give each API one resource")
        if resource not in known:
            raise SettingsError(
                f"AUTHORIZER_RESOURCES names {resource!r}, which RESOURCES does not: list it there too, or in the"
                " permission catalogue"
            )
        found[api] = resource
    return found


def seconds(environment: Mapping[str, str], name: str, *, default: int, most: int, least: int = 1) -> int:
    return _whole(environment, name, "seconds", default, least, most)


def days(environment: Mapping[str, str], name: str, *, default: int, most: int, least: int = 1) -> int:
    return _whole(environment, name, "days", default, least, most)


def _whole(environment: Mapping[str, str], name: str, unit: str, default: int, least: int, most: int) -> int:
    value = environment.get(name, "") or str(default)
    # A valid number has no more digits than the upper bound, and int() raises for thousands of digits.
    is_whole = value.isascii() and value.isdigit() and len(value) <= len(str(most))
    if not is_whole or not least <= int(value) <= most:
        raise SettingsError(f"{name} must be a whole number of {unit} from {least} to {most}, not {value!r}")
    return int(value)
