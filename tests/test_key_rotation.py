"""Whenever a command rotates the signing keys, nothing is signed with a key that whoever checks it cannot know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest

from chalicelib import limits
from chalicelib.keys import new_key, rotation
from chalicelib.keys.rotation import Keys, NotPossible
from chalicelib.signing_keys import ACTIVE, NEXT, RETIRED, SigningKey

START = 1_790_000_000
KEYS = [replace(new_key.make("ES256", START), key_id=f"key{number}", private=None) for number in range(7)]
pytestmark = pytest.mark.spec("docs/security.md")
Versions = list[tuple[int, Keys]]


def rotated(*, successor_waits: int, retired_waits: int) -> Versions:
    """Each list that two rotations make, with the moment from which it is stored."""
    versions: Versions = [(START, rotation.publish((), KEYS[0], START))]

    def then(at: int, keys: Keys) -> None:
        versions.append((at, keys))

    for before, key in pairwise(KEYS[:3]):
        at, keys = versions[-1]
        then(at + 5, rotation.publish(keys, key, at + 5))
        at, keys = versions[-1]
        then(at + successor_waits, rotation._promote(keys, key, at + successor_waits))
        at, keys = versions[-1]
        then(at + retired_waits, rotation._without(keys, before))
    return versions


def last_use(versions: Versions, number: int) -> int:
    """Until when a process may use this list: it was read just before the next one, and SSM has failed since."""
    following = versions[number + 1][0] if number + 1 < len(versions) else versions[number][0]
    return following + limits.SIGNING_KEYS_STALE_SECONDS


def known_at(versions: Versions, fetched_at: int) -> Iterator[set[str]]:
    """The keys that a verifier may have received at this moment, from any process."""
    for number, (stored_at, keys) in enumerate(versions):
        if stored_at <= fetched_at <= last_use(versions, number):
            yield {key.key_id for key in keys}


def unknown(versions: Versions) -> set[tuple[str, str]]:
    """The keys that somebody may meet without knowing them: when it begins to sign, or after it was retired."""
    found = set()
    cached = limits.PUBLISHED_KEYS_CACHED_SECONDS + limits.VERIFIERS_KEEP_KEYS_SECONDS
    for number, (stored_at, keys) in enumerate(versions):
        (key,) = [key for key in keys if key.status == ACTIVE]
        for signed_at in (stored_at, last_use(versions, number)):
            for checked_at in (signed_at, signed_at + limits.SIGNED_LIFETIME_MAX_SECONDS):
                for fetched_at in (checked_at - cached, checked_at):
                    if any(key.key_id not in known for known in known_at(versions, fetched_at)):
                        found.add((key.key_id, "new" if signed_at == stored_at else "old"))
    return found


def test_no_verifier_meets_a_key_that_it_cannot_know() -> None:
    waits, kept = limits.SUCCESSOR_PUBLISHED_SECONDS, limits.RETIRED_KEY_PUBLISHED_SECONDS
    assert unknown(rotated(successor_waits=waits, retired_waits=kept)) == set()


@pytest.mark.parametrize(("sooner", "later"), [(60, 0), (0, 60)])
def test_shorter_waits_would_not_do(sooner: int, later: int) -> None:
    waits, kept = limits.SUCCESSOR_PUBLISHED_SECONDS, limits.RETIRED_KEY_PUBLISHED_SECONDS
    assert unknown(rotated(successor_waits=waits - sooner, retired_waits=kept - later))


def test_rules_allow_neither_step_a_second_too_early() -> None:
    keys = rotation.publish(rotation.publish((), KEYS[0], START), KEYS[1], START)
    ready = START + limits.SUCCESSOR_PUBLISHED_SECONDS
    with pytest.raises(NotPossible, match=r"Wait 1 minute\."):
        rotation.rotate(keys, "key1", ready - 1)
    keys = rotation.rotate(keys, "key1", ready)
    assert [key.status for key in keys] == [RETIRED, ACTIVE]
    with pytest.raises(NotPossible, match=r"Wait 1 hour\."):
        rotation.retire(keys, "key0", ready + limits.RETIRED_KEY_PUBLISHED_SECONDS - 1)
    keys = rotation.retire(keys, "key0", ready + limits.RETIRED_KEY_PUBLISHED_SECONDS)
    assert [key.key_id for key in keys] == ["key1"]


def test_lists_have_room_for_so_many_keys_only() -> None:
    keys: Keys = ()
    for key in KEYS[: limits.SIGNING_KEYS_LIMIT]:
        keys = rotation.publish(keys, key, START)
    with pytest.raises(NotPossible, match="as many as fit"):
        rotation.publish(keys, KEYS[-1], START)


def test_retired_key_never_signs_again() -> None:
    retired: tuple[SigningKey, ...] = (replace(KEYS[0], status=RETIRED), replace(KEYS[1], status=ACTIVE))
    with pytest.raises(NotPossible, match="signs no more"):
        rotation.rotate(retired, "key0", START)


def test_compromised_key_goes_whatever_its_status_is() -> None:
    keys = tuple(replace(key, status=status) for key, status in zip(KEYS, (RETIRED, ACTIVE, NEXT), strict=False))
    assert [key.key_id for key in rotation.revoke(keys, "key0", START)] == ["key1", "key2"]
    assert [key.key_id for key in rotation.revoke(keys, "key2", START)] == ["key0", "key1"]
    after = rotation.revoke(keys, "key1", START)
    assert [(key.key_id, key.status) for key in after] == [("key0", RETIRED), ("key2", ACTIVE)]
    with pytest.raises(NotPossible, match="Publish one first"):
        rotation.revoke(after, "key2", START)
