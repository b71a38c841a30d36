"""All that is kept of one person: collected for them, and erased when they ask for it.

What names a user in its key is found by itself, also in tables that are made after this was written. What only
mentions one (a code, an access token) goes by its TTL, and has no power once the account is gone;
tests/deploying/test_erasure.py holds every model to one or the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from chalicelib.models import application, grant, registration_form, store, user
from chalicelib.models.grant import Grant
from chalicelib.models.store.table import Item
from chalicelib.models.user import User
from infra.deployment.tables import MODELS

# Digests, and what tokens are derived with, tell a person nothing about themselves.
_NOT_TELLING = ("_digest", "_hash", "device_key", "_salt", "_stretches")
# The table that an item is erased from, and its erasing.
Step = tuple[str, Callable[[], Any]]
# In a table's place: what another user has allowed one of the user's applications. It ends, and was never the user's.
_OF_OTHERS = "connections of others"


def export(of: User) -> dict[str, Any]:
    """Everything that the tables hold of a user, by table; without digests, hashes and keys, which tell nothing."""
    found: dict[str, Any] = {"users": [_plain(of)]}
    found["applications"] = [_plain(owned) for owned in application.owned_by(str(of.user_id))]
    for model in keyed_by_user():
        found[_short_name(model)] = [_plain(item) for item in _items(model, of)]
    return found


def steps(of: User) -> list[Step]:
    """What erasing takes, in order. All of it may be repeated, whatever was done before it was cut off.

    The user is disabled first, which ends sign-in, sessions and tokens at once; what is left then has no power. The
    account and its address go last, so that the user can still be found by it until nothing else is left.

    An application leaves a tombstone that tells nothing of it: its id must never lead anywhere else, since others may
    have connected it.
    """
    made: list[Step] = [("users", lambda: user.disable(str(of.user_id)))]
    for client_id in _registered_by(of):
        for user_id in sorted(grant.users_of(client_id) - {str(of.user_id)}):
            made.append((_OF_OTHERS, _bound(grant.take_back, user_id, client_id)))
        made.append(("applications", _bound(application.delete, client_id)))
    for model in keyed_by_user():
        made.extend((_short_name(model), _bound(_delete, item)) for item in _items(model, of))
    return [*made, ("email_addresses", lambda: _erase_account(of))]


def counts(steps: Iterable[Step]) -> dict[str, int]:
    """How many of the user's items the steps erase from each table."""
    return dict(Counter(table for table, _ in steps if table != _OF_OTHERS))


def connections_of_others(steps: Iterable[Step]) -> int:
    """How many connections of other users to the user's applications end: one per user and application."""
    return sum(table == _OF_OTHERS for table, _ in steps)


def _registered_by(of: User) -> list[str]:
    """The client ids of their applications: an index lists them, and what it does not list yet is in the forms."""
    listed = [str(owned.client_id) for owned in application.owned_by(str(of.user_id))]
    lately = registration_form.registered_lately(str(of.user_id))
    return [*listed, *(client_id for client_id in lately if client_id not in listed and application.get(client_id))]


def _erase_account(of: User) -> None:
    """Ends what was registered after the steps were made and before the user was disabled, too."""
    for client_id in _registered_by(of):
        application.delete(client_id)
    user.erase(of)


def keyed_by_user() -> list[type[Item]]:
    return [model for model in MODELS if model is not User and model.hash_name() == "user_id"]


def _items(model: type[Item], of: User) -> Iterator[Item]:
    return store.query(model, str(of.user_id), ended_too=True)


def _delete(item: Item) -> None:
    if isinstance(item, Grant):
        grant.end(str(item.grant_id))  # its access token with it
    else:
        store.write(store.Delete(item.own_key))


def _bound(operation: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
    return lambda: operation(*arguments)


def _short_name(model: type[Item]) -> str:
    return model.table().removeprefix(User.table().removesuffix("users"))


def _plain(item: Item) -> dict[str, Any]:
    values = item.attribute_values
    telling = {name: value for name, value in values.items() if not name.endswith(_NOT_TELLING)}
    return {name: sorted(value) if isinstance(value, set) else value for name, value in sorted(telling.items())}
