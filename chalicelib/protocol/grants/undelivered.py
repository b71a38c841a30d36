"""Grants that this process may have stored without the client ever hearing of it.

Where the store does not say what became of an exchange, the client gets a 503. When it tries again and the code turns
out to be used, nobody has replayed anything: the first answer was lost. Only the process that met the failure can know,
since what it would note it down in is what has failed; so it remembers, and a retry that reaches another process is
taken for a replay.
"""

from __future__ import annotations

from collections import OrderedDict

_REMEMBERED_LIMIT = 1000
_grant_ids: OrderedDict[str, None] = OrderedDict()


def note(grant_id: str) -> None:
    """Its exchange was answered with an error, and may have been carried out."""
    _grant_ids[grant_id] = None
    while len(_grant_ids) > _REMEMBERED_LIMIT:
        _grant_ids.popitem(last=False)


def knows(grant_id: str) -> bool:
    return grant_id in _grant_ids
