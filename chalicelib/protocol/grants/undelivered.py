"""Grants that this process may have stored although the client never got their tokens.

If the store does not report the outcome of an exchange, the client gets a 503. When the client tries again and its code
turns out to be used, nobody replayed it: the first response was lost. Only this process knows that, because the store
that would record it is what failed. A retry that reaches another process is treated as a replay.
"""

from __future__ import annotations

from collections import OrderedDict

_REMEMBERED_LIMIT = 1000
_grant_ids: OrderedDict[str, None] = OrderedDict()


def note(grant_id: str) -> None:
    """Remember a grant whose exchange was answered with an error but may have been carried out."""
    _grant_ids[grant_id] = None
    while len(_grant_ids) > _REMEMBERED_LIMIT:
        _grant_ids.popitem(last=False)


def knows(grant_id: str) -> bool:
    return grant_id in _grant_ids
