"""`manage.py organizers reindex`: brings the lists of members up to date with the users' own memberships."""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from typing import Any

import click

from chalicelib.models import membership, membership_shards, store, user, user_organizers
from chalicelib.models.membership import Membership
from chalicelib.models.user import User
from infra.commands import Change, Operator, clear_errors, each

_AT_ONCE = 100  # memberships whose users or lists are read together


@click.command("reindex", cls=Change)
@click.pass_obj
def organizers_reindex(operator: Operator) -> None:
    """List every organizer's members anew, from the memberships that the users have.

    For a deployment whose users were stored by a version without these lists, and after a restore. It reads both tables
    in full and can be repeated. It also deletes what is left of the memberships of users who do not exist. With
    --dry-run it only counts what is wrong.
    """
    cut_off = "Not finished: run this command again."
    with clear_errors(cut_off=cut_off):
        missing, (extra, left_over) = _missing(), _extra()
        row: dict[str, Any] = {"missing": len(missing), "extra": len(extra), "shards_of_nobody": len(left_over)}
        would = f"list {len(missing)} members that are missing, and take {len(extra)} off that are none"
        if left_over:
            would += f", and delete {len(left_over)} shards of users who do not exist"
        if not operator.may(would, **row):
            return
        store.delete_all([shard.own_key for shard in left_over])
        for slug, user_id in each(missing, "Listing"):
            _list(slug, user_id)
        for slug, user_id in each(extra, "Taking off"):
            gone = User.user_id.does_not_exist() | ~User.memberships.contains(slug)
            checks = store.Check(User.key(user_id), gone), membership_shards.has_not(user_id, slug)
            with suppress(store.ConditionFailed):  # has joined in the meantime
                store.write(*checks, membership.unlisted(slug, user_id))
    sentence = f"Listed {len(missing)} members that were missing, and took {len(extra)} off that were none."
    if left_over:
        sentence += f" Deleted {len(left_over)} shards of users who do not exist."
    operator.show(row, sentence=sentence)


def _list(slug: str, user_id: str) -> None:
    """List a member, unless they have left in the meantime."""
    on_user = store.Check(User.key(user_id), User.memberships.contains(slug))
    for check in (on_user, membership_shards.has(user_id, slug)):
        with suppress(store.ConditionFailed):
            store.write(check, membership.listed(slug, user_id))
            return


def _missing() -> list[tuple[str, str]]:
    """(slug, user id) of memberships that no list has."""
    pairs = ((slug, str(found.user_id)) for found in user.all_users() for slug in sorted(user_organizers.of(found)))
    found: list[tuple[str, str]] = []
    while part := list(islice(pairs, _AT_ONCE)):
        there = store.read_all([Membership.key(*pair) for pair in part])
        found += [pair for pair, listed in zip(part, there, strict=True) if listed is None]
    return found


def _extra() -> tuple[list[tuple[str, str]], list[Membership]]:
    """(slug, user id) of entries in a list whose user does not exist or does not belong to the organizer; and shards of
    users who do not exist."""
    stored = membership.all_memberships()
    found: list[tuple[str, str]] = []
    left_over: list[Membership] = []
    while part := list(islice(stored, _AT_ONCE)):
        ids = sorted({membership_shards.user_of(one) or str(one.user_id) for one in part})
        users = {one.user_id: one for one in store.read_all([User.key(user_id) for user_id in ids]) if one}
        left_over += [one for one in part if (of := membership_shards.user_of(one)) and of not in users]
        listed: dict[str, set[str]] = {}
        for one in part:
            if not membership_shards.user_of(one):
                listed.setdefault(str(one.user_id), set()).add(str(one.slug))
        for user_id, slugs in listed.items():
            joined = user_organizers.among(users[user_id], slugs) if user_id in users else frozenset[str]()
            found += [(slug, user_id) for slug in sorted(slugs - joined)]
    return found, left_over
