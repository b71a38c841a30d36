"""`manage.py organizers reindex`: brings the lists of members up to date with the users' own memberships."""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from typing import Any

import click

from chalicelib.models import membership, store, user
from chalicelib.models.membership import Membership
from chalicelib.models.user import User
from infra.commands import Change, Operator, clear_errors, each

_AT_ONCE = 100  # memberships whose users or lists are read together


@click.command("reindex", cls=Change)
@click.pass_obj
def organizers_reindex(operator: Operator) -> None:
    """List every organizer's members anew, from the memberships that the users have.

    For a deployment whose users were stored by a version without these lists, and after a restore. It reads both tables
    in full and can be repeated. With --dry-run it only counts what is wrong.
    """
    cut_off = "Not finished: run this command again."
    with clear_errors(cut_off=cut_off):
        missing, extra = _missing(), _extra()
        row: dict[str, Any] = {"missing": len(missing), "extra": len(extra)}
        would = f"list {len(missing)} members that are missing, and take {len(extra)} off that are none"
        if not operator.may(would, **row):
            return
        for slug, user_id in each(missing, "Listing"):
            with suppress(store.ConditionFailed):  # has left in the meantime
                store.write(
                    store.Check(User.key(user_id), User.memberships.contains(slug)), membership.listed(slug, user_id)
                )
        for slug, user_id in each(extra, "Taking off"):
            gone = User.user_id.does_not_exist() | ~User.memberships.contains(slug)
            with suppress(store.ConditionFailed):  # has joined in the meantime
                store.write(store.Check(User.key(user_id), gone), membership.unlisted(slug, user_id))
    sentence = f"Listed {len(missing)} members that were missing, and took {len(extra)} off that were none."
    operator.show(row, sentence=sentence)


def _missing() -> list[tuple[str, str]]:
    """(slug, user id) of memberships that no list has."""
    pairs = ((slug, str(found.user_id)) for found in user.all_users() for slug in sorted(found.organizers))
    found: list[tuple[str, str]] = []
    while part := list(islice(pairs, _AT_ONCE)):
        there = store.read_all([Membership.key(*pair) for pair in part])
        found += [pair for pair, listed in zip(part, there, strict=True) if listed is None]
    return found


def _extra() -> list[tuple[str, str]]:
    """(slug, user id) of entries in a list whose user does not exist or does not belong to the organizer."""
    listed = membership.all_memberships()
    found: list[tuple[str, str]] = []
    while part := list(islice(listed, _AT_ONCE)):
        ids = sorted({str(one.user_id) for one in part})
        users = {one.user_id: one for one in store.read_all([User.key(user_id) for user_id in ids]) if one}
        pairs = ((str(one.slug), str(one.user_id)) for one in part)
        found += [pair for pair in pairs if pair[1] not in users or pair[0] not in users[pair[1]].organizers]
    return found
