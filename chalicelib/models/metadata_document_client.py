"""An application that describes itself in a document at its client id, as of when that was last fetched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib import clock, limits
from chalicelib.models import application, application_edit, store
from chalicelib.models.application import CONFIDENTIAL, DOCUMENT, PUBLIC, About, Application, Profile


@dataclass(frozen=True)
class Version:
    """Which version of the document it is. fresh_seconds: how long it is used without asking again. etag, modified: its
    validators (RFC 9110 §8.8), None if it has none. copied_on: the day of the copy, if it is one shipped with Lanyard.
    """

    fresh_seconds: int = limits.DOCUMENT_FRESH_SECONDS
    etag: str | None = None
    modified: str | None = None
    copied_on: str | None = None


def is_fresh(known: Application) -> bool:
    """True if the document need not be fetched again yet."""
    if known.fresh_until is None:  # stored by a version that did not read the headers
        return known.fetched_at is not None and clock.now() - known.fetched_at < limits.DOCUMENT_FRESH_SECONDS
    return clock.now() < known.fresh_until


def is_usable(known: Application) -> bool:
    """True if it may still be used while its host cannot be reached."""
    return known.fetched_at is not None and clock.now() - known.fetched_at < limits.DOCUMENT_STALE_SECONDS


def keep(
    url: str, *, name: str, redirect_uris: Sequence[str], profile: Profile, about: About, version: Version = Version()
) -> Application:
    """Store what the document at `url` says now, and nothing else: it cannot change what the operator allowed or ended.

    Returns the application as it is then. Raises ConditionFailed if the operator disabled or deleted it.
    """
    now = clock.now()
    actions: list[Action] = [
        Application.owner_id.set(DOCUMENT),
        Application.document_url.set(url),
        Application.name.set(name),
        Application.redirect_uris.set(list(redirect_uris)),
        Application.client_type.set(PUBLIC if profile.is_public else CONFIDENTIAL),
        Application.application_type.set(profile.application_type),
        Application.auth_method.set(profile.auth_method),
        Application.device_grant.set(profile.device_grant),
        Application.jwks.set(profile.jwks) if profile.jwks else Application.jwks.remove(),
        *application_edit.setting(profile.rare),
        *application_edit.saying(about),
        *_dated(now, version),
        Application.document_etag.set(version.etag) if version.etag else Application.document_etag.remove(),
        Application.document_modified.set(version.modified)
        if version.modified
        else Application.document_modified.remove(),
        Application.document_copied_on.set(version.copied_on)
        if version.copied_on
        else Application.document_copied_on.remove(),
        Application.active.set(True),  # if the item exists, the condition demands the same
        Application.created_at.set(Application.created_at | now),
    ]
    store.change(Application.key(url), actions, Application.client_id.does_not_exist() | _is_active())
    return _read(url)


def renew(url: str, fresh_seconds: int) -> Application:
    """The document has not changed since it was fetched. Returns the application. Raises ConditionFailed as `keep`."""
    store.change(Application.key(url), _dated(clock.now(), Version(fresh_seconds)), _is_active())
    return _read(url)


def _dated(now: int, version: Version) -> list[Action]:
    return [Application.fetched_at.set(now), Application.fresh_until.set(now + version.fresh_seconds)]


def _is_active() -> Condition:
    condition: Condition = (Application.owner_id == DOCUMENT) & (Application.active == True)  # noqa: E712 - DynamoDB's
    return condition


def _read(url: str) -> Application:
    kept = application.get(url)
    if kept is None:
        raise store.ConditionFailed([])
    return kept
