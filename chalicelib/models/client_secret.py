"""Rotation of client secrets. Old secrets keep working until their end dates, if that was asked for, so that there is
time to give the new secret to everything that uses an old one.

A rotation never ends a secret before its promised date: while two old ones work, a third must wait until one is ended.
So a new secret that was never seen, because its page was lost, cannot push out the one that is in use.
"""

from __future__ import annotations

from typing import Any

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib import clock, credentials, limits
from chalicelib.models import store
from chalicelib.models.application import Application

# The attributes of the replaced secrets, newest first.
OLDER = (
    Application.previous_secret_digest,
    Application.previous_secret_until,
    Application.previous_secret_used_at,
    Application.earlier_secret_digest,
    Application.earlier_secret_until,
    Application.earlier_secret_used_at,
)


class TooManySecrets(Exception):
    """The maximum number of old secrets are still valid, so the current one cannot be kept too."""


def mark(digest: str | None) -> str:
    """A name for a secret that reveals nothing about it. Forms send it back, so that they act on the secret that they
    were shown with."""
    return credentials.digest(f"mark {digest or ''}")[: credentials.ID_LENGTH]


def rotate(application: Application, *, keep_old_seconds: int = 0) -> tuple[Application, str]:
    """Give an application a new secret. The current one keeps working for keep_old_seconds, as older ones do until
    their end dates; with 0, all of them stop at once.

    Returns the application as it is then, and the secret, which cannot be shown again: nothing that can fail may come
    between the write and showing it. Raises ConditionFailed if the application has no secret or another one by now;
    TooManySecrets.
    """
    if application.is_deleted or not application.has_secret:
        raise store.ConditionFailed([])
    secret = credentials.mint(credentials.Kind.CLIENT_SECRET)
    values = {
        "secret_digest": credentials.digest(secret),
        "secret_made_at": clock.now(),
        "secret_used_at": None,
        **_kept(application, keep_old_seconds),
    }
    # Every secret must be as it was read: one that was ended in the meantime must not come back to life.
    is_same = Application.owner_id.exists()
    for attribute, digest in (
        (Application.secret_digest, application.secret_digest),
        (Application.previous_secret_digest, application.previous_secret_digest),
        (Application.earlier_secret_digest, application.earlier_secret_digest),
    ):
        is_same &= _equals(attribute, digest)
    store.change(Application.key(application.client_id), [_change(*value) for value in values.items()], is_same)
    return Application(**{**application.attribute_values, **values}), secret


def end_older(client_id: str, of: str | None = None) -> None:
    """End the old secrets now instead of at their end dates. of: the `mark` of one, to end only that one.

    Raises ConditionFailed if there is no such application.
    """
    is_there = Application.owner_id.exists()
    if of is None:
        store.change(Application.key(client_id), [attribute.remove() for attribute in OLDER], is_there)
        return
    found = store.read(Application.key(client_id))[0]
    if found is None or found.is_deleted:
        raise store.ConditionFailed([])
    for slot, value in ((OLDER[:3], found.previous_secret_digest), (OLDER[3:], found.earlier_secret_digest)):
        if value and mark(value) == of:
            removed: list[Action] = [attribute.remove() for attribute in slot]
            store.change(Application.key(client_id), removed, is_there & (slot[0] == value))


def note_use(application: Application, digest: str) -> None:
    """Record that the secret with this digest was used, at most once every SECRET_TOUCH_SECONDS. An aside.

    application: as the request read it, when this secret was one of the valid ones. Nobody sees the page of one that
    registered itself, so nothing is recorded about it.
    """
    if application.registered_itself:
        return
    for secret, used_at, value, last in (
        (Application.secret_digest, Application.secret_used_at, application.secret_digest, application.secret_used_at),
        (OLDER[0], OLDER[2], application.previous_secret_digest, application.previous_secret_used_at),
        (OLDER[3], OLDER[5], application.earlier_secret_digest, application.earlier_secret_used_at),
    ):
        if value == digest and (last is None or clock.now() - last >= limits.SECRET_TOUCH_SECONDS):
            with store.aside():  # a secret that was replaced in the meantime is no reason to refuse the request
                store.change(Application.key(application.client_id), [used_at.set(clock.now())], secret == digest)


def keep_digest(application: Application, imported_hash: str, digest: str) -> None:
    """Put the digest of a secret in the place of another system's hash of it. An aside: otherwise the next use does it.

    application: as the request read it, with this hash. A secret that was replaced or ended in the meantime stays so.
    """
    for secret in (Application.secret_digest, OLDER[0], OLDER[3]):
        name = secret.attr_name
        if getattr(application, name) == imported_hash:
            with store.aside():
                store.change(Application.key(application.client_id), [secret.set(digest)], secret == imported_hash)
                setattr(application, name, digest)


def _kept(application: Application, keep_old_seconds: int) -> dict[str, Any]:
    """The attributes of the old secrets, as they are written with a new one. Raises TooManySecrets."""
    kept = dict.fromkeys(attribute.attr_name for attribute in OLDER)
    if not application.secret_digest or not keep_old_seconds:
        return kept
    older = application.older_secrets
    if len(older) == limits.OLDER_SECRETS_LIMIT:
        raise TooManySecrets
    present = {
        "previous_secret_digest": application.secret_digest,
        "previous_secret_until": clock.now() + keep_old_seconds,
        "previous_secret_used_at": application.secret_used_at,
    }
    if not older:
        return {**kept, **present}
    (running,) = older
    earlier = {
        "earlier_secret_digest": running.digest,
        "earlier_secret_until": running.until,
        "earlier_secret_used_at": running.used_at,
    }
    return {**kept, **present, **earlier}


def _change(name: str, value: Any) -> Action:
    attribute = getattr(Application, name)
    change: Action = attribute.remove() if value is None else attribute.set(value)
    return change


def _equals(attribute: UnicodeAttribute, value: str | None) -> Condition:
    condition: Condition = attribute == value if value else attribute.does_not_exist()
    return condition
