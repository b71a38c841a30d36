"""`manage.py keys`: the keys that the stage signs with, and their rotation (docs/deploy/rotation.md)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import click

from chalicelib import clock, limits, settings, signing_keys
from chalicelib.keys import new_key, rotation
from chalicelib.keys.rotation import Keys, NotPossible
from chalicelib.signing_keys import ACTIVE, NEXT, RETIRED, SigningKey
from infra.commands import Change, Destructive, Group, Operator, fail
from infra.commands.key_store import KeyStore

_MINUTES = limits.SIGNING_KEYS_FRESH_SECONDS // 60
_MINUTES_WITHOUT_SSM = limits.SIGNING_KEYS_STALE_SECONDS // 60


@click.group("keys", cls=Group)
def keys() -> None:
    """Create, rotate and retire the keys that the stage signs with."""


@keys.command("list")
@click.pass_obj
def keys_list(operator: Operator) -> None:
    """List the keys, and what to do next about each."""
    if settings.SETTINGS.signing_keys:
        found = signing_keys.parse(settings.SETTINGS.signing_keys, with_private=True)
        operator.show([_row(key, "SIGNING_KEYS", "") for key in found])
        return
    store = KeyStore()
    listed, stored = store.read(), store.private_keys()
    rows = [_row(key, key.kms or "SSM", _advice(listed, key, stored)) for key in listed]
    for key_id in stored.keys() - {key.key_id for key in listed}:
        left = {"status": "left over", "kept_in": "SSM", "created": _day(stored[key_id])}
        advice = f"an interrupted command left this private key, and nothing uses it: keys retire {key_id}"
        rows.append({"key_id": key_id, "algorithm": None, **left, "then": advice})
    operator.show(rows, sentence="" if rows else "There are no keys yet: keys new.")


@keys.command("new", cls=Change)
@click.option("--algorithm", type=click.Choice(signing_keys.ALGORITHMS), help="Default: RS256, or that of --kms.")
@click.option("--kms", metavar="ARN", help="Use this key in KMS instead of making one that is kept in SSM.")
@click.pass_obj
def keys_new(operator: Operator, algorithm: str | None, kms: str | None) -> None:
    """Publish a key that will sign next. The first key of a stage signs at once.

    If one is published already, nothing changes.
    """
    store = KeyStore()
    listed = store.read()
    in_kms = store.of_kms(kms) if kms else None
    if in_kms and algorithm not in (None, in_kms.algorithm):
        fail(f"--algorithm: {kms} signs with {in_kms.algorithm}.")
    chosen = in_kms.algorithm if in_kms else algorithm or signing_keys.ALGORITHMS[0]
    there = next((key for key in listed if in_kms and key.kms == kms), None) or rotation.successor(listed, chosen)
    if there and kms and there.kms != kms:
        fail(f"{there.key_id} is to sign next with {chosen}. Rotate to it first, or remove it: keys retire.")
    if there:
        operator.show(_state(listed, there), sentence=f"{there.key_id} is published already. {_next_step(there)}")
        return
    with _not_possible():
        rotation.publish(listed, in_kms or _placeholder(chosen), clock.now())
    if not operator.may(f"publish a new key for {chosen}, in {'KMS' if kms else 'SSM'}", algorithm=chosen):
        return
    key = in_kms or new_key.make(chosen, clock.now())
    operator.made.append(key.key_id)
    if key.private:
        store.keep_private(key)
    store.check_signs(key if key.kms else replace(key, private=None))
    after = rotation.publish(listed, key, clock.now())
    store.write(after)
    made = rotation.find(after, key.key_id)
    operator.show(_state(after, made), sentence=f"Published {key.key_id}. {_next_step(made)}")


@keys.command("rotate", cls=Change)
@click.argument("key_id", required=False, metavar="[KID]")
@click.option("--replaces", metavar="KID", help="Retire this key for another algorithm too.")
@click.pass_obj
def keys_rotate(operator: Operator, key_id: str | None, replaces: str | None) -> None:
    """Let the key sign that was published to sign next: KID, or the only one there is.

    Refuses until everybody has had time to fetch it. Retires the key that signed with the same algorithm.
    """
    store = KeyStore()
    listed = store.read()
    chosen = key_id or _only_successor(listed)
    with _not_possible():
        after = rotation.rotate(listed, chosen, clock.now(), replaces=replaces)
    key = rotation.find(after, chosen)
    if after == listed:
        operator.show(_state(after, key), sentence=f"{chosen} signs already.")
        return
    store.check_signs(key)
    retired = [key.key_id for key in after if key.status == RETIRED and key not in listed]
    would = f"let {chosen} sign" + (f", and retire {' and '.join(retired)}" if retired else "")
    if not operator.may(would, about=[chosen, *retired], key_id=chosen):
        return
    store.write(after)
    operator.show(
        _state(after, key),
        sentence=f"{chosen} signs, in every process within {_MINUTES} minutes. What it replaces stays published. Now"
        f" publish the next successor: keys new --algorithm {key.algorithm}.",
    )


@keys.command("retire", cls=Destructive)
@click.argument("key_id", metavar="KID")
@click.option("--now", "is_compromised", is_flag=True, help="The key is compromised: nobody may trust it any longer.")
@click.pass_obj
def keys_retire(operator: Operator, key_id: str, is_compromised: bool) -> None:
    """Remove a key, and delete its private part from SSM.

    Refuses while something that it signed may be valid. With --now it does not: if the key signs, its successor signs
    at once, and everything that it has signed is refused by whoever fetches the keys anew.
    """
    store = KeyStore()
    listed = store.read()
    if key_id not in {key.key_id for key in listed}:
        _retire_left_over(operator, store, listed, key_id)
        return
    replacement = _replacement(listed, key_id) if is_compromised else None
    change = rotation.revoke if is_compromised else rotation.retire
    with _not_possible():
        published = (*listed, replace(replacement, published_at=clock.now())) if replacement else listed
        after = change(published, key_id, clock.now())
    key = rotation.find(listed, key_id)
    is_signing = key.status == ACTIVE
    following = next((one for one in after if (one.algorithm, one.status) == (key.algorithm, ACTIVE)), None)
    would = f"remove {key_id}"
    if is_signing and following:
        would += f", which signs, and let {'a new key' if replacement else following.key_id} sign"
    if following and is_signing and not replacement:
        store.check_signs(following)
    about = [key_id, *([following.key_id] if following and is_signing else [])]
    if not operator.may(would, about=about, key_id=key_id):
        return
    if replacement:
        operator.made.append(replacement.key_id)
        store.keep_private(replacement)
    store.write(after)
    if not key.kms:
        store.forget_private(key_id)
    operator.show(
        {"key_id": key_id, "removed": True, "signs": following and following.key_id}, sentence=_gone(key, following)
    )


def _replacement(listed: Keys, key_id: str) -> SigningKey | None:
    """A new key, if a compromised one signs and has no successor. None in KMS, where the operator makes one."""
    key = next(one for one in listed if one.key_id == key_id)
    if key.status != ACTIVE or key.kms or rotation.successor(listed, key.algorithm):
        return None
    return new_key.make(key.algorithm, clock.now())


def _retire_left_over(operator: Operator, store: KeyStore, listed: Keys, key_id: str) -> None:
    if key_id not in store.private_keys():
        known = ", ".join(key.key_id for key in listed) or "none"
        fail(f"There is no key {key_id!r}. The stage's keys: {known}.")
    if operator.may(f"delete the private key {key_id}, which nothing uses", about=[key_id], key_id=key_id):
        store.forget_private(key_id)
        operator.show({"key_id": key_id, "removed": True}, sentence=f"Deleted the private key {key_id}.")


def _only_successor(listed: Keys) -> str:
    found = [key.key_id for key in listed if key.status == NEXT]
    if len(found) != 1:
        fail(f"Name the key: {', '.join(found)}." if found else "No key is published to sign next: keys new.")
    return found[0]


def _placeholder(algorithm: str) -> SigningKey:
    return SigningKey("", algorithm, NEXT, {})


@contextmanager
def _not_possible() -> Iterator[None]:
    try:
        yield
    except NotPossible as error:
        fail(str(error))


def _row(key: SigningKey, kept_in: str, advice: str) -> dict[str, Any]:
    return {
        "key_id": key.key_id,
        "algorithm": key.algorithm,
        "status": key.status,
        "kept_in": kept_in,
        "created": None if key.created_at is None else _day(key.created_at),
        "then": advice or None,
    }


def _state(listed: Keys, key: SigningKey) -> dict[str, Any]:
    at = {"may_sign_from": _moment(rotation.signs_from(key))} if key.status == NEXT else {}
    return {"key_id": key.key_id, "algorithm": key.algorithm, "status": key.status, "keys": len(listed), **at}


def _next_step(key: SigningKey) -> str:
    if key.status == NEXT:
        return f"It may sign from {_moment(rotation.signs_from(key))}: keys rotate {key.key_id}."
    return "It signs." if key.status == ACTIVE else f"It is {key.status}."


def _advice(listed: Keys, key: SigningKey, stored: dict[str, int]) -> str:
    """What to do next about a key."""
    now = clock.now()
    if not key.kms and key.key_id not in stored and key.status != RETIRED:
        how = "keys retire --now" if key.status == ACTIVE else "keys retire"
        return f"its private key is missing, so it cannot sign: {how} {key.key_id}"
    if key.status == NEXT:
        is_time = now >= rotation.signs_from(key)
        return f"keys rotate {key.key_id}" if is_time else f"may sign from {_moment(rotation.signs_from(key))}"
    if key.status == RETIRED:
        is_time = now >= rotation.goes_from(key)
        return f"keys retire {key.key_id}" if is_time else f"may go from {_moment(rotation.goes_from(key))}"
    days = (now - key.created_at) // limits.DAY_SECONDS if key.created_at is not None else 0
    old = f"is {days} days old; " if days > limits.SIGNING_KEY_OLD_DAYS else ""
    if not rotation.successor(listed, key.algorithm):
        return f"{old}has no successor: keys new --algorithm {key.algorithm}"
    return f"{old}rotate to its successor" if old else ""


def _gone(key: SigningKey, following: SigningKey | None) -> str:
    soon = f"Every process notices within {_MINUTES} minutes, or {_MINUTES_WITHOUT_SSM} if SSM fails."
    lines = [f"Removed {key.key_id}. {soon}"]
    if key.status == ACTIVE and following:
        lines.append(f"{following.key_id} signs. Now publish its successor: keys new --algorithm {key.algorithm}.")
    if key.kms:
        lines.append(f"The key is still in KMS: aws kms disable-key --key-id {key.kms}")
    return "\n".join(lines)


def _moment(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def _day(at: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(at))
