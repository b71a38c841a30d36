"""The list of signed access tokens that ended before they expire, as a signed document.

Each entry is a handle and a moment, in seconds since the epoch: a token has ended if its `ends_with` has the handle and
its `iat` is not after the moment. An API fetches the list now and then, and asks nobody about a token.

A process signs a page at most every few seconds, however often it is fetched. A stranger who makes up where a page
begins would have one read and signed that nobody needs. So `next` has a MAC, if the stage has a server key.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from chalicelib import clock, credentials, limits, settings
from chalicelib.keys import server_key, signing
from chalicelib.models import ended_tokens

TYPE = "ended-tokens+jwt"
EVERY_TOKEN = "*"  # noqa: S105 - stands for a handle that every token has
_CURSOR = re.compile(r"([0-9]{11} [0-9a-f]{32})(?: ([0-9a-f]{32}))?")
_MAC_LENGTH = 32  # 128 bits in hexadecimal
_PAGES_KEPT = 16
_kept: OrderedDict[tuple[str, str | None], tuple[float, SignedList]] = OrderedDict()


class UnknownCursor(Exception):
    """`after` is not the `next` of a page."""


@dataclass(frozen=True)
class SignedList:
    """One page. token: the JWT. digest: of the entries, the same as long as they are."""

    token: str
    digest: str


def current(*, issuer: str, after: str | None = None) -> SignedList:
    """The list as it is, or was a few seconds ago. after: `next` of the page before; None for the first page.

    Raises UnknownCursor, StoreUnavailable, ServerKeyUnavailable, and what signing raises.
    """
    after = None if after is None else _opened(after)
    until, found = _kept.get((issuer, after), (0.0, None))
    if found is not None and clock.monotonic() < until:
        return found
    made = _made(issuer, after)
    _kept[issuer, after] = clock.monotonic() + limits.ENDED_TOKENS_CACHED_SECONDS, made
    while len(_kept) > _PAGES_KEPT:
        _kept.popitem(last=False)
    return made


def forget() -> None:
    """Forget what was signed, as in a new process."""
    _kept.clear()


def _made(issuer: str, after: str | None) -> SignedList:
    page = ended_tokens.page(after)
    entries: list[list[str | int]] = [[str(one.handle), int(one.before)] for one in page.entries]
    if after is None:
        entries = [*_before_restore(), *entries]
    listed: dict[str, Any] = {"ended": entries, **({"next": _sealed(page.next_after)} if page.next_after else {})}
    token = signing.sign({"iss": issuer, "iat": clock.now(), **listed}, token_type=TYPE)
    return SignedList(token, hashlib.sha256(json.dumps(listed).encode()).hexdigest()[:32])


def _sealed(cursor: str) -> str:
    return f"{cursor} {_mac(cursor, server_key.read())}" if server_key.is_set() else cursor


def _opened(after: str) -> str:
    """The cursor in a `next` of ours. Raises UnknownCursor."""
    parts = _CURSOR.fullmatch(after)
    if parts is None:
        raise UnknownCursor
    cursor, mac = parts.groups(default="")
    if server_key.is_set() and not any(
        credentials.is_same(mac, _mac(cursor, key.secret)) for key in server_key.read_all()
    ):
        raise UnknownCursor
    return str(cursor)


def _mac(cursor: str, key: bytes) -> str:
    return credentials.derive(key.decode(), "page of ended tokens", cursor)[:_MAC_LENGTH]


def _before_restore() -> list[list[str | int]]:
    """NOT_BEFORE ends every token that was issued earlier; until the last of them has expired."""
    last = settings.SETTINGS.not_before - 1
    return [[EVERY_TOKEN, last]] if clock.now() < last + limits.ACCESS_TOKEN_LIFETIME_SECONDS else []
