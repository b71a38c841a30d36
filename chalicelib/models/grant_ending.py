"""Ends a grant and both its tokens."""

from __future__ import annotations

from pynamodb.expressions.condition import Condition

from chalicelib.models import ended_tokens, store
from chalicelib.models.access_token import AccessToken
from chalicelib.models.grant import Grant, ended_token
from chalicelib.models.store.attempts import attempts


def end(found: Grant) -> None:
    """End a grant and both its tokens.

    Where tokens are signed, the one that is listed as ended has to be the one that no refresh has replaced meanwhile.
    Raises StoreUnavailable.
    """
    grant_id = str(found.grant_id)
    if not (ended_tokens.are_listed() or found.signed_digest):
        store.write(store.Delete(Grant.key(grant_id)), store.Delete(AccessToken.key(grant_id)))
        return
    now: Grant | None = found
    for _ in attempts():
        if now is None:
            return
        try:
            store.write(
                store.Delete(Grant.key(grant_id), _holds_the_same(now)),
                store.Delete(AccessToken.key(grant_id)),
                *ended_token(now),
            )
        except store.ConditionFailed:
            now = store.read(Grant.key(grant_id))[0]
        else:
            return
    raise store.StoreUnavailable("refreshed again and again")


def _holds_the_same(grant: Grant) -> Condition:
    """The condition that a grant has the signed token that it had when it was read, or has none if it had none."""
    digest = Grant.signed_digest
    condition: Condition = digest == grant.signed_digest if grant.signed_digest else digest.does_not_exist()
    return condition
