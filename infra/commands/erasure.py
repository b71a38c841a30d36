"""Everything stored about one person: to export and to erase.

An item with the user in its key is found automatically, also in tables added later. An item that only mentions a user
(a code, an access token) is deleted by its TTL, and is void once the account is gone. tests/deploying/test_erasure.py
checks that every model does one or the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from chalicelib.accounts import leaving
from chalicelib.models import (
    application,
    application_deletion,
    grant,
    grant_ending,
    session,
    store,
    user,
    user_erasure,
    user_organizers,
)
from chalicelib.models.grant import Grant
from chalicelib.models.store.table import Item
from chalicelib.models.user import User
from infra.deployment.tables import MODELS

# Digests and key material tell people nothing about themselves.
_NOT_EXPORTED = ("_digest", "_hash", "device_key", "_salt", "_stretches")
# The table that an item is erased from, and the function that erases it.
Step = tuple[str, Callable[[], Any]]
# In place of a table: what another user allowed one of this user's applications. It ends, but is not this user's data.
_OF_OTHERS = "connections of others"
# Nor are these erased: only the user is taken out of them.
_HANDED_OVER, _LEFT = "applications that another owner keeps", "applications of others"


def export(of: User) -> dict[str, Any]:
    """Everything stored about a user, by table, without digests, hashes and keys."""
    found: dict[str, Any] = {"users": [{**_plain(of), **_further_memberships(of)}]}
    found["applications"] = [_plain(owned) for owned in application.owned_by(str(of.user_id))]
    for model in keyed_by_user():
        found[_short_name(model)] = [_plain(item) for item in _items(model, of)]
    return found


def _further_memberships(of: User) -> dict[str, Any]:
    """All memberships of a user with more than are on the user's item."""
    return {"memberships": sorted(user_organizers.of(of))} if of.has_more_memberships else {}


def steps(of: User) -> list[Step]:
    """The steps that erase a user, in order. They can be repeated after an interruption at any point.

    The first step disables the user, which ends sign-in, sessions and tokens at once. The account and its email address
    go last, so that the command can find the user until nothing else is left.

    An application leaves an empty tombstone: others may have connected it, so its id must never lead anywhere else. One
    with other owners stays, with one of them as its main owner.
    """
    made: list[Step] = [("users", lambda: _disable(str(of.user_id)))]
    for client_id in leaving.registered_by(of):
        if leaving.heirs(client_id):
            made.append((_HANDED_OVER, _bound(_end_ownership, client_id)))
            continue
        for user_id in sorted(grant.users_of(client_id) - {str(of.user_id)}):
            made.append((_OF_OTHERS, _bound(grant.take_back, user_id, client_id)))
        made.append(("applications", _bound(application_deletion.delete, client_id)))
    made.extend((_LEFT, _bound(leaving.leave, client_id, str(of.user_id))) for client_id in sorted(of.shared))
    for model in keyed_by_user():
        made.extend((_short_name(model), _bound(_delete, item)) for item in _items(model, of))
    return [*made, ("email_addresses", lambda: _erase_account(of))]


def _disable(user_id: str) -> None:
    user.disable(user_id)
    session.tell_of_all(user_id)  # before the sessions are erased


def counts(steps: Iterable[Step]) -> dict[str, int]:
    """The number of the user's items that the steps erase, by table."""
    return dict(Counter(table for table, _ in steps if table != _OF_OTHERS))


def connections_of_others(steps: Iterable[Step]) -> int:
    """The number of other users' connections to this user's applications that end: one per user and application."""
    return sum(table == _OF_OTHERS for table, _ in steps)


def _erase_account(of: User) -> None:
    """Also delete applications that were registered between the listing and the disabling."""
    for client_id in leaving.registered_by(of):
        _end_ownership(client_id)
    user_erasure.erase(of)


def _end_ownership(client_id: str) -> None:
    if not leaving.hand_over(client_id):
        application_deletion.delete(client_id)


def keyed_by_user() -> list[type[Item]]:
    return [model for model in MODELS if model is not User and model.hash_name() == "user_id"]


def _items(model: type[Item], of: User) -> Iterator[Item]:
    return store.query(model, str(of.user_id), ended_too=True)


def _delete(item: Item) -> None:
    if isinstance(item, Grant):
        grant_ending.end(item)  # ends its access token too
    else:
        store.write(store.Delete(item.own_key))


def _bound(operation: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
    return lambda: operation(*arguments)


def _short_name(model: type[Item]) -> str:
    return model.table().removeprefix(User.table().removesuffix("users"))


def _plain(item: Item) -> dict[str, Any]:
    values = item.attribute_values
    kept = {name: value for name, value in values.items() if not name.endswith(_NOT_EXPORTED)}
    return {name: sorted(value) if isinstance(value, set) else value for name, value in sorted(kept.items())}
