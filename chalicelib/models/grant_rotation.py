"""Rotation of a grant's refresh token: the current token, the key and salt of each stretch, the number of repeats."""

from __future__ import annotations

from pynamodb.expressions.update import Action

from chalicelib import clock, limits
from chalicelib.models import grant, store
from chalicelib.models.access_token import AccessToken
from chalicelib.models.grant import Grant, Stretch


def rotate(found: Grant, successor_digest: str, access_token: AccessToken, *, key_id: str, salt: str) -> None:
    """Replace the grant's refresh token and access token with the next ones. Both are bound to the same key, if any.

    key_id, salt: what the successor was derived with. Raises ConditionFailed if another request used this refresh token
    first, or if the grant has ended.
    """
    now, forget_at = clock.now(), grant.forgotten_at()
    actions: list[Action] = [
        Grant.refresh_digest.set(successor_digest),
        Grant.generation.set(found.generation + 1),
        Grant.rotated_at.set(now),
        Grant.last_used_at.set(now),
        Grant.forget_at.set(forget_at) if forget_at else Grant.forget_at.remove(),
    ]
    if access_token.jkt and not found.jkt:
        actions += [Grant.jkt.set(access_token.jkt), Grant.bound_since.set(found.generation + 1)]
    if found.rotated_at is not None:
        actions.append(Grant.rotated_before_at.set(found.rotated_at))
    if found.refresh_key_id != key_id:
        actions += _new_stretch(found, key_id, salt)
    grant.advance(found, actions, access_token)


def stretches(found: Grant) -> list[Stretch]:
    """The stretches of the grant's chain, newest first: the current one, then the past ones that are kept."""
    present = Stretch(  # type: ignore[no-untyped-call]
        key_id=found.refresh_key_id,
        began=found.stretch_began,
        ended=found.generation,
        end_digest=found.refresh_digest,
    )
    return [present, *reversed(found.past_stretches or ())]


def _new_stretch(found: Grant, key_id: str, salt: str) -> list[Action]:
    actions: list[Action] = [
        Grant.refresh_key_id.set(key_id),
        Grant.refresh_salt.set(salt),
        Grant.stretch_began.set(found.generation),
    ]
    if found.generation > found.stretch_began:
        kept = stretches(found)[: limits.SERVER_KEYS_LIMIT]
        actions.append(Grant.past_stretches.set([*reversed(kept)]))
    return actions


def note_repeat(found: Grant) -> int:
    """Count a repeat of a used refresh token, once per rotation. Returns how many rotations in a row had a repeat.

    An aside: a repeat means that a response was lost, so the store may be failing, and the tokens come first.
    """
    if found.repeated_generation == found.generation:
        return int(found.repeated_rotations)
    follows = found.repeated_generation is not None and found.repeated_generation == found.generation - 1
    in_a_row = found.repeated_rotations + 1 if follows else 1
    is_first = Grant.repeated_generation.does_not_exist() | (Grant.repeated_generation != found.generation)
    with store.aside(repeat="not counted"):
        store.change(
            Grant.key(found.grant_id),
            [Grant.repeated_generation.set(found.generation), Grant.repeated_rotations.set(in_a_row)],
            (Grant.refresh_digest == found.refresh_digest) & is_first,
        )
    return int(in_a_row)
