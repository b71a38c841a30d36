"""An imported application: what a record says about it, and how it is registered here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib import credentials, limits, names
from chalicelib.models.application import BASIC, NATIVE, NONE, WEB, Profile
from chalicelib.protocol.rules import redirect_uris
from infra.imports import client_secrets
from infra.imports.records import Record, RecordProblem, flag

DJANGO_MODELS = ("pretixapi.oauthapplication", "oauth2_provider.application")
_CODE, _HYBRID, _OWN = "authorization-code", "openid-hybrid", "client-credentials"
_DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
_CLIENT_ID = re.compile(r"[\x21-\x39\x3b-\x7e]{1,255}")  # printable ASCII without space and colon
_UNNAMED = "Unnamed application"
_SHOWN_CHARACTERS = 200
_MEMBERS = {
    "client_id": str,
    "client_secret": str,
    "client_secret_hash": str,
    "name": str,
    "owner": str,
    "redirect_uris": list,
    "client_type": str,
    "require_pkce": bool,
    "active": bool,
}
_KINDS = {str: "a text", bool: "true or false", list: "a list"}


@dataclass(frozen=True)
class ImportedApplication:
    """As it is to be registered. secret: see `imported_application.made`. owner: the email address that a line names;
    owner_key: the primary key that a dump names; None if there is none. changed: what could not be taken as it was, in
    sentences."""

    client_id: str
    name: str
    redirect_uris: list[str]
    profile: Profile
    secret: str | None
    active: bool
    owner: str | None = None
    owner_key: Any = None
    changed: list[str] = field(default_factory=list)


def read(record: Record) -> ImportedApplication:
    """Raises RecordProblem."""
    if record.values is None:
        raise RecordProblem("is not a JSON object")
    return _from_django(record.values) if record.model else _from_line(record.values)


def _from_line(values: dict[str, Any]) -> ImportedApplication:
    if unknown := sorted(set(values) - set(_MEMBERS)):
        raise RecordProblem(f"has unknown members: {', '.join(unknown)}; the known ones are {', '.join(_MEMBERS)}")
    for name, kind in _MEMBERS.items():
        if name in values and not isinstance(values[name], kind):
            raise RecordProblem(f"has a value for {name} that is not {_KINDS[kind]}")
    uris = values.get("redirect_uris", [])
    if not all(isinstance(uri, str) for uri in uris):
        raise RecordProblem("has redirect_uris that are not texts")
    plain, hashed = values.get("client_secret", ""), values.get("client_secret_hash", "")
    if plain and hashed:
        raise RecordProblem("has both client_secret and client_secret_hash")
    return _made(
        values.get("client_id", ""),
        name=values.get("name", ""),
        uris=uris,
        client_type=values.get("client_type", "confidential"),
        grant=_CODE,
        plain=plain,
        hashed=hashed,
        require_pkce=values.get("require_pkce", False),
        active=values.get("active", True),
        owner=values.get("owner"),
    )


def _from_django(fields: dict[str, Any]) -> ImportedApplication:
    """An application of django-oauth-toolkit, or of pretix, which adds `active` to it."""
    secret = _text(fields, "client_secret")
    is_hashed = flag(fields, "hash_client_secret") and client_secrets.looks_hashed(secret)
    changed = []
    if fields.get("skip_authorization") is True:
        changed.append("Users are asked for their consent, which it skipped.")
    if _text(fields, "algorithm"):
        changed.append("It gets no ID tokens here.")
    if _text(fields, "post_logout_redirect_uris"):
        changed.append("Its redirect URIs after a sign-out are left out.")
    return _made(
        _text(fields, "client_id"),
        name=_text(fields, "name"),
        uris=_text(fields, "redirect_uris").split(),
        client_type=_text(fields, "client_type"),
        grant=_text(fields, "authorization_grant_type") or _CODE,
        plain="" if is_hashed else secret,
        hashed=secret if is_hashed else "",
        active=flag(fields, "active"),
        owner_key=fields.get("user"),
        changed=changed,
    )


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name) or ""
    if not isinstance(value, str):
        raise RecordProblem(f"has a value for {name} that is not a text")
    return value


def _made(
    client_id: str,
    *,
    name: str,
    uris: Sequence[str],
    client_type: str,
    grant: str,
    plain: str,
    hashed: str,
    require_pkce: bool = False,
    changed: Sequence[str] = (),
    **more: Any,
) -> ImportedApplication:
    _check_client_id(client_id)
    if client_type not in ("confidential", "public"):
        raise RecordProblem("has a client_type other than confidential and public")
    is_public, changed = client_type == "public", list(changed)
    _check_grant(grant, changed, is_public=is_public)
    is_native = is_public and _is_native(uris)
    usable = [] if grant == _OWN else _usable(uris, changed, is_native=is_native)
    if not usable and grant not in (_OWN, _DEVICE):
        raise RecordProblem(" ".join(["has no redirect URI that can be registered.", *changed]).rstrip("."))
    secret = None
    if not is_public:
        secret = client_secrets.checked_hash(hashed) if hashed else client_secrets.digest_of(plain)
    return ImportedApplication(
        client_id=client_id,
        name=_name(name, usable, changed),
        redirect_uris=usable,
        profile=Profile(
            auth_method=NONE if is_public else BASIC,
            application_type=NATIVE if is_native else WEB,
            pkce_required=require_pkce,
            device_grant=grant == _DEVICE,
        ),
        secret=secret,
        changed=changed,
        **more,
    )


def _check_client_id(client_id: str) -> None:
    """Raises RecordProblem for one that could not be sent safely, or that could be taken for another application's."""
    if not client_id:
        raise RecordProblem("has no client_id")
    if client_id.lower().startswith("https://"):
        raise RecordProblem("has a URL as its client id; an application that describes itself there is not imported")
    if not _CLIENT_ID.fullmatch(client_id):
        raise RecordProblem(
            "has a client id that cannot be used: it needs 1 to 255 printable ASCII characters, without spaces, and "
            "without colons, which HTTP Basic ends it with"
        )
    if credentials.is_id(client_id):
        length = credentials.ID_LENGTH
        raise RecordProblem(
            f"has a client id of {length} letters and digits; only ids that Lanyard made look like that"
        )


def _check_grant(grant: str, changed: list[str], *, is_public: bool) -> None:
    """Raises RecordProblem for a grant type that there is not, and says in `changed` what an application can no longer
    do."""
    if grant not in (_CODE, _DEVICE, _HYBRID, _OWN):
        raise RecordProblem(
            f"uses the grant type {grant[:_SHOWN_CHARACTERS]}, which there is not: docs/platform/import.md"
        )
    if grant == _OWN and is_public:
        raise RecordProblem("is public and acts for itself, so it could not authenticate")
    if grant == _OWN:
        changed.append("It gets no token until you allow it access of its own: applications allow-own.")
    if grant == _HYBRID:
        changed.append("It has to use the authorization code alone.")
    if is_public:
        changed.append("It has to use PKCE (S256); if it does not, nobody can connect with it.")


def _is_native(uris: Sequence[str]) -> bool:
    """True if its redirect URIs lead to an app on the user's device."""
    is_private = any(redirect_uris.has_private_scheme(uri) for uri in uris)
    return is_private or (bool(uris) and all(redirect_uris.is_on_device(uri) for uri in uris))


def _usable(uris: Sequence[str], changed: list[str], *, is_native: bool) -> list[str]:
    """The ones that may be registered, each once, and a sentence in `changed` for each of the others."""
    usable = []
    for uri in dict.fromkeys(uris):
        problem = redirect_uris.problem_with(uri, is_native=is_native, short_schemes=True)
        if problem:
            changed.append(f"The redirect URI {uri[:_SHOWN_CHARACTERS]} is left out: it {problem}.")
        else:
            usable.append(uri)
    if len(usable) > limits.REDIRECT_URIS_LIMIT or sum(map(len, usable)) > limits.REDIRECT_URIS_LIMIT_CHARACTERS:
        most, characters = limits.REDIRECT_URIS_LIMIT, limits.REDIRECT_URIS_LIMIT_CHARACTERS
        raise RecordProblem(f"has more than {most} redirect URIs, or more than {characters} characters of them")
    return usable


def _name(given: str, uris: Sequence[str], changed: list[str]) -> str:
    """What people see. A name that cannot be shown is replaced by the host that its users are sent to."""
    try:
        checked = names.check_name(given)
    except names.InputProblem as error:
        place = redirect_uris.place(uris[0]) if uris else None
        name = _UNNAMED if place is None or place.is_app else place.name
        changed.append(f"The name {error}. It is now {name}.")
        return name
    try:
        names.check_application_name(checked)
    except names.InputProblem as error:
        changed.append(f"The name {error}. It stays, but look whose application that is.")
    return checked
