"""A client secret that is exchanged for another. The old ones go on until their end dates, where that was asked for, so
that whatever runs with one of them has time to get the new one.

No exchange ends a secret that somebody was promised: while two older ones work, a third has to wait until one is ended.
So a new secret that was never seen, because its page was lost, cannot push out the one that is in use.
"""

from __future__ import annotations

from typing import Any

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib import clock, credentials, settings
from chalicelib.models import store
from chalicelib.models.application import Application

_OLDER = (
    Application.previous_secret_digest,
    Application.previous_secret_until,
    Application.earlier_secret_digest,
    Application.earlier_secret_until,
)


class TooManySecrets(Exception):
    """As many older secrets work as may at once, so the present one cannot be kept beside them."""


def mark(digest: str | None) -> str:
    """A name for a secret that tells nothing about it: for forms, which are about the very secret they were shown
    with."""
    return credentials.digest(f"mark {digest or ''}")[: credentials.ID_LENGTH]


def rotate(application: Application, *, keep_old_seconds: int = 0) -> tuple[Application, str]:
    """A new secret for an application, as it was read. The present one goes on for so many seconds, beside those that
    already do; for none, all of them stop at once.

    Gives the application as it stands then, and the secret, which cannot be shown again: after the write nothing may be
    in the way of showing it. Raises ConditionFailed where it has no secret, or another one by now; TooManySecrets.
    """
    if application.is_deleted or not application.has_secret:
        raise store.ConditionFailed([])
    secret = credentials.mint(credentials.Kind.CLIENT_SECRET)
    values = {
        "secret_digest": credentials.digest(secret),
        "secret_made_at": clock.now(),
        **_kept(application, keep_old_seconds),
    }
    # All of them as they were read: one that was ended meanwhile must not come back to life here.
    is_same = Application.owner_id.exists()
    for attribute, digest in (
        (Application.secret_digest, application.secret_digest),
        (Application.previous_secret_digest, application.previous_secret_digest),
        (Application.earlier_secret_digest, application.earlier_secret_digest),
    ):
        is_same &= _is(attribute, digest)
    store.change(Application.key(application.client_id), [_change(*value) for value in values.items()], is_same)
    return Application(**{**application.attribute_values, **values}), secret


def end_older(client_id: str, of: str | None = None) -> None:
    """The secrets before the present one stop now and not at their end dates. of: the `mark` of one, to end it alone.

    Raises ConditionFailed where there is no such application.
    """
    is_there = Application.owner_id.exists()
    if of is None:
        store.change(Application.key(client_id), [attribute.remove() for attribute in _OLDER], is_there)
        return
    found = store.read(Application.key(client_id))[0]
    if found is None or found.is_deleted:
        raise store.ConditionFailed([])
    for digest, until, value in (
        (Application.previous_secret_digest, Application.previous_secret_until, found.previous_secret_digest),
        (Application.earlier_secret_digest, Application.earlier_secret_until, found.earlier_secret_digest),
    ):
        if value and mark(value) == of:
            store.change(Application.key(client_id), [digest.remove(), until.remove()], is_there & (digest == value))


def _kept(application: Application, keep_old_seconds: int) -> dict[str, Any]:
    """What is written of the secrets before the new one, by attribute. Raises TooManySecrets."""
    kept = dict.fromkeys(attribute.attr_name for attribute in _OLDER)
    if not application.secret_digest or not keep_old_seconds:
        return kept
    older = application.older_secrets
    if len(older) == settings.OLDER_SECRETS_LIMIT:
        raise TooManySecrets
    present = {
        "previous_secret_digest": application.secret_digest,
        "previous_secret_until": clock.now() + keep_old_seconds,
    }
    if not older:
        return {**kept, **present}
    (running,) = older
    return {**kept, **present, "earlier_secret_digest": running.digest, "earlier_secret_until": running.until}


def _change(name: str, value: Any) -> Action:
    attribute = getattr(Application, name)
    change: Action = attribute.remove() if value is None else attribute.set(value)
    return change


def _is(attribute: UnicodeAttribute, value: str | None) -> Condition:
    condition: Condition = attribute == value if value else attribute.does_not_exist()
    return condition
