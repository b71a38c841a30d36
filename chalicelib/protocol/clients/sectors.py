"""Sectors: which applications know a user by the same pairwise identifier (OpenID Connect Core §8.1, Registration §5).

An application's sector is the host of its redirect URIs; if they have several, or none, that of a document at its
sector_identifier_uri, which lists them all. It is stored with the application, so that no later change of its redirect
URIs changes who its users are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from chalicelib import deadline, limits, outbound
from chalicelib.keys import signing
from chalicelib.messages import Message, Problem
from chalicelib.models import sector, store, throttle
from chalicelib.models.application import Application, Profile
from chalicelib.protocol.clients import quotas
from chalicelib.protocol.rules import about_links, strict_json

PAIRWISE, PUBLIC = "pairwise", "public"


class SectorProblem(Problem):
    """The application cannot have a sector, or not this one. The message is a whole sentence."""

    message: Message

    def __init__(self, message: Message) -> None:
        super().__init__(message)


def described(application: Application) -> dict[str, str]:
    """The members of its registered metadata."""
    if application.sector is None:
        return {"subject_type": PUBLIC}
    uri = application.sector_identifier_uri
    return {"subject_type": PAIRWISE, **({"sector_identifier_uri": uri} if uri else {})}


def registered(document: Mapping[str, Any], profile: Profile, redirect_uris: Collection[str]) -> Profile:
    """The profile with the sector that a registration asks for; as it is if it asks for none, or on a stage that does
    not sign. Raises SectorProblem."""
    if not signing.is_on() or document.get("subject_type") != PAIRWISE:
        return profile
    return chosen(profile, redirect_uris, _uri_in(document))


def are_changed(document: Mapping[str, Any], present: Application) -> bool:
    """True if an update of the registration asks for the other type of identifiers."""
    wanted = document.get("subject_type")
    return signing.is_on() and wanted in (PAIRWISE, PUBLIC) and wanted != described(present)["subject_type"]


def updated(
    document: Mapping[str, Any], profile: Profile, redirect_uris: Collection[str], present: Application
) -> Profile:
    """The profile with the sector that the application has: a registration cannot change by what users are known.

    Raises SectorProblem, TooManyRequestsError.
    """
    if present.sector is None:
        return profile
    with counted(present.client_id):
        return kept(profile, redirect_uris, _uri_in(document), present)


def chosen(profile: Profile, redirect_uris: Collection[str], identifier_uri: str | None) -> Profile:
    """The profile with the sector of these addresses. identifier_uri: as typed or sent. Raises SectorProblem, and
    StoreUnavailable if there was no time to fetch its document."""
    name = _named(redirect_uris, identifier_uri)
    return replace(profile, sector=name, sector_key=sector.key_of(name), sector_identifier_uri=identifier_uri)


def kept(profile: Profile, redirect_uris: Collection[str], identifier_uri: str | None, present: Application) -> Profile:
    """The profile with the sector that the application has. Raises SectorProblem if it is not that of these addresses
    any more, and as `chosen` does. Fetches nothing if there is no new address."""
    same_uri = identifier_uri == present.sector_identifier_uri
    if not (same_uri and set(redirect_uris) <= set(present.redirect_uris)):
        name = _named(redirect_uris, identifier_uri)
        if name != present.sector:
            raise SectorProblem(
                Message(
                    "Its users are known by identifiers for %(sector)s, and these addresses are for %(other)s. A "
                    "sector_identifier_uri at %(sector)s that lists them keeps the identifiers.",
                    sector=present.sector,
                    other=name,
                )
            )
    return replace(profile, sector=present.sector, sector_key=present.sector_key, sector_identifier_uri=identifier_uri)


def counted(whose: str) -> Any:
    """Count a change that may fetch a document. whose: the id of the user or of the application that makes it. Raises
    TooManyRequestsError."""
    quota = [throttle.Limit(throttle.named("sector documents", whose), limits.DOCUMENT_FETCHES_PER_USER)]
    return quotas.counted("changes with sector documents", quota, window_seconds=limits.DOCUMENT_WINDOW_SECONDS)


def _uri_in(document: Mapping[str, Any]) -> str | None:
    uri = document.get("sector_identifier_uri")
    return str(uri).strip() if uri else None


def _named(redirect_uris: Collection[str], identifier_uri: str | None) -> str:
    if identifier_uri is not None:
        return _named_by_document(redirect_uris, identifier_uri)
    parts = [urlsplit(uri) for uri in redirect_uris]
    hosts = {part.hostname for part in parts if part.hostname}
    # Many applications share the loopback address, and anybody may take a scheme: neither says whose they are.
    if len(hosts) != 1 or any(part.scheme != "https" for part in parts):
        raise SectorProblem(
            Message("Pairwise identifiers need https:// redirect URLs at one host, or a sector_identifier_uri.")
        )
    return hosts.pop()


def _named_by_document(redirect_uris: Collection[str], uri: str) -> str:
    try:
        if not outbound.is_beside(urlsplit(uri)):
            about_links.check_link(uri)
    except Problem as error:
        raise SectorProblem(Message("sector_identifier_uri %(problem)s.", problem=error.message)) from error
    try:
        listed = strict_json.read(outbound.fetch(uri))
    except outbound.FetchError as error:
        problem = Message("The document at sector_identifier_uri cannot be used: %(problem)s.", problem=str(error))
        raise SectorProblem(problem) from error
    except strict_json.NotStrict:
        listed = None
    except deadline.DeadlineExceeded as error:
        raise store.StoreUnavailable(type(error).__name__) from error
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise SectorProblem(Message("The document at sector_identifier_uri is not a JSON array of URLs."))
    if missing := [one for one in redirect_uris if one not in listed]:
        raise SectorProblem(Message("The document at sector_identifier_uri does not list %(uri)s.", uri=missing[0]))
    host = urlsplit(uri).hostname
    assert host, "a link has one"
    return host
