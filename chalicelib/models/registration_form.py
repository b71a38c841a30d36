"""RegistrationForm: a form that registered an application, remembered so that a second click does not do it again.

The application's id is made here, never by the sender of the form. The form's own id names only this item, and only
among this user's.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from pynamodb.attributes import UnicodeAttribute

from chalicelib import clock, credentials, limits
from chalicelib.models import application, store, throttle
from chalicelib.models.application import Application
from chalicelib.models.store.table import Item, Key, TableMeta, TableName, TimeToLive
from chalicelib.models.user import User

_TRIES = 5  # a try fails when another tab of the same user succeeds


class RegistrationForm(Item):
    class Meta(TableMeta):
        table_name = TableName("registration_forms")

    user_id = UnicodeAttribute(hash_key=True)
    form_digest = UnicodeAttribute(range_key=True)
    client_id = UnicodeAttribute()
    forget_at = TimeToLive()

    @classmethod
    def key(cls, user_id: str, form_digest: str) -> Key[RegistrationForm]:
        return Key(cls, user_id, form_digest)


class AlreadyRegistered(Exception):
    """This form has already registered an application. client_id: which one."""

    def __init__(self, client_id: str) -> None:
        super().__init__("already registered")
        self.client_id = client_id


class TooManyApplications(Exception):
    """The owner has the maximum number of applications."""


def register(
    owner: User, *, form_id: str | None = None, most: int | None = None, **described: Any
) -> tuple[Application, str]:
    """A new application of this user and its secret, "" if it has none. See `application.made` for `described`.

    form_id: the form's own id; None for the operator's commands, where nobody clicks twice. most: how many applications
    the user may have; None for the operator, who may register more for them.
    Raises AlreadyRegistered, TooManyApplications, and ConditionFailed if the user was disabled or erased.
    """
    client_id = credentials.new_id()
    made, secret = application.made(client_id, owner_id=owner.user_id, **described)
    puts = [store.Put(made, Application.client_id.does_not_exist())]
    form = _form(owner, form_id, client_id) if form_id is not None else None
    if form:
        puts.append(store.Put(form, RegistrationForm.user_id.does_not_exist()))
    for _ in range(_TRIES):
        try:
            store.write(*puts, count_one_more(owner, most))
        except (store.ConditionFailed, TooManyApplications) as error:
            if form:
                _check_first_click(form.user_id, form.form_digest)
            if isinstance(error, TooManyApplications):
                raise
            owner = _read_again(owner, is_theirs=form is not None)
        else:
            return made, secret
    raise store.StoreUnavailable("the user changed again and again")


def trying(owner: User) -> AbstractContextManager[object]:
    """Count a registration against the owner's daily limit. Raises TooManyTries. A second click does not count."""
    limit = throttle.Limit(throttle.named("registration owner", owner.user_id), limits.REGISTRATIONS_PER_OWNER)
    not_made = (store.StoreUnavailable, store.ConditionFailed, AlreadyRegistered, TooManyApplications)
    return throttle.trying([limit], window_seconds=limits.DAY_SECONDS, not_made=not_made)


def check_first_click(owner: User, form_id: str) -> None:
    """Raises AlreadyRegistered."""
    _check_first_click(owner.user_id, credentials.digest(form_id))


def registered_lately(user_id: str) -> list[str]:
    """The client ids that a user registered within the last day, including any that the index does not list yet."""
    return [str(form.client_id) for form in store.query(RegistrationForm, user_id)]


def _form(owner: User, form_id: str, client_id: str) -> RegistrationForm:
    return RegistrationForm(
        user_id=owner.user_id,
        form_digest=credentials.digest(form_id),
        client_id=client_id,
        forget_at=clock.now() + limits.REGISTRATION_FORM_KEPT_SECONDS,
    )


def _check_first_click(user_id: str, form_digest: str) -> None:
    found = store.read(RegistrationForm.key(user_id, form_digest))[0]
    if found:
        raise AlreadyRegistered(str(found.client_id))


def _read_again(owner: User, *, is_theirs: bool) -> User:
    found = store.read(User.key(owner.user_id))[0]
    if found is None or (is_theirs and not found.active):
        raise store.ConditionFailed([])
    return found


def count_one_more(owner: User, most: int | None) -> store.Update:
    """Add to the count, an attribute of the user that changes together with what it counts: no index decides.

    For a user stored by a version without counts, it starts with what the index says. Raises TooManyApplications.
    """
    count = owner.application_count
    if count is None:
        known = len(application.owned_by(owner.user_id))
        is_room = User.user_id.exists() & User.application_count.does_not_exist()
        update = store.Update(User.key(owner.user_id), [User.application_count.set(known + 1)], is_room)
    else:
        known = int(count)
        is_room = User.application_count < most if most is not None else User.application_count.exists()
        update = store.Update(User.key(owner.user_id), [User.application_count.add(1)], is_room)
    if most is None:
        return update
    if known >= most:
        raise TooManyApplications
    is_active = User.active == True  # noqa: E712 - a DynamoDB condition: an erasure disables the user first
    return replace(update, condition=update.condition & is_active)
