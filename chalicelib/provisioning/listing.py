"""Lists of resources: pages by index (RFC 7644 §3.4.2.4) and by cursor (RFC 9865), and what they cost.

A cursor leads to the next page in one call. An index walks past everything before it, since the tables have no order
that an index could point into; and it counts what follows, for `totalResults`, up to SCIM_COUNT_LIMIT items. Beyond
that, the number is the least that it can be: enough to make a client ask for the next page, and exact on the last one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

from scim2_models import Context, ListResponse, Resource, SearchRequest

from chalicelib import limits
from chalicelib.models import store
from chalicelib.models.store.table import Item
from chalicelib.provisioning import cursors
from chalicelib.provisioning.messages import Call, Reply, ScimRefusal, refusing

M = TypeVar("M", bound=Item)

TOO_FAR = f"An index can be at most {limits.SCIM_WALK_LIMIT}. Use a cursor (RFC 9865) or a filter."
TOO_MANY = "There are too many to search. Filter by another attribute, or list them with a cursor (RFC 9865)."


@dataclass(frozen=True)
class Page(Generic[M]):
    """items: of this page. total: of the list, or None. after: the key after which the next page begins, or None."""

    items: list[M]
    total: int | None = None
    after: str | None = None


def asked_for(model: type[Resource[Any]], given: dict[str, Any]) -> SearchRequest[Any]:
    """A query's parameters or the body of a search. Raises ScimRefusal."""
    asked = next((value for name, value in given.items() if name.lower() == "filter"), None)
    if isinstance(asked, str) and len(asked) > limits.SCIM_FILTER_LIMIT_CHARACTERS:
        detail = f"A filter has at most {limits.SCIM_FILTER_LIMIT_CHARACTERS} characters."
        raise ScimRefusal(400, "invalidFilter", detail)
    with refusing():
        read: SearchRequest[Any] = SearchRequest[model].model_validate(given)  # type: ignore[valid-type]
        return read


def of_table(model: type[M], asked: SearchRequest[Any], call: Call, *, without: str | None = None) -> Page[M]:
    """A page of everything in a table. without: the attribute of items that do not count. Raises ScimRefusal."""
    most = _size(asked)
    if asked.cursor is not None:
        found, after = _walk_page(model, cursors.read(call.secret, model.__name__, asked.cursor), most)
        return Page(found, after=after)
    skipped, after, is_end = _skip(model, None, (asked.start_index or 1) - 1, without)
    if is_end:
        return Page([], skipped)
    items: list[M] = []
    if most:
        items, after = _walk_page(model, after, most)
        if after is None:
            return Page(items, skipped + len(items))
    following, _, _ = _skip(model, after, limits.SCIM_COUNT_LIMIT, without)
    return Page(items, skipped + len(items) + following)


def of_keys(
    keys: Callable[[str | None], Iterator[str]],
    read: Callable[[Sequence[str]], list[M]],
    asked: SearchRequest[Any],
    call: Call,
    of: str,
) -> Page[M]:
    """A page of what these keys lead to. keys: they, in order, after this one. of: what is listed."""
    most = _size(asked)
    if asked.cursor is not None:
        found = list(islice(keys(cursors.read(call.secret, of, asked.cursor)), most + 1))
        return Page(read(found[:most]), after=found[most - 1] if len(found) > most else None)
    start = (asked.start_index or 1) - 1
    _check_reach(start)
    there = keys(None)
    skipped = sum(1 for _ in islice(there, start))
    page = list(islice(there, most))
    following = sum(1 for _ in islice(there, limits.SCIM_COUNT_LIMIT))
    return Page(read(page), skipped + len(page) + following)


def of_found(found: Iterable[M], asked: SearchRequest[Any], call: Call, of: str) -> Page[M]:
    """A page of the few that a filter found, in the order of their keys. of: what is listed. Raises ScimRefusal."""
    ordered, most = sorted(found, key=_key), _size(asked)
    if asked.cursor is None:
        start = (asked.start_index or 1) - 1
        return Page(ordered[start : start + most], len(ordered))
    after = cursors.read(call.secret, of, asked.cursor)
    following = [one for one in ordered if after is None or _key(one) > after]
    page = following[:most]
    return Page(page, after=_key(page[-1]) if len(following) > most else None)


def search(model: type[M], attribute: str, value: str) -> list[M]:
    """The items of a table with this value. Reads the table up to SCIM_WALK_LIMIT items. Raises ScimRefusal."""
    found: list[M] = []
    after, calls = None, 0
    while True:
        items, after = store.scan_page(model, after=after, most=limits.SCIM_SEARCH_AT_ONCE, where=(attribute, value))
        found += items
        calls += 1
        if after is None:
            return found
        if calls * limits.SCIM_SEARCH_AT_ONCE >= limits.SCIM_WALK_LIMIT:
            raise ScimRefusal(400, "tooMany", TOO_MANY)


def reply(
    model: type[Resource[Any]], page: Page[Any], shown: list[Any], asked: SearchRequest[Any], call: Call, of: str
) -> Reply:
    """The list as a response. of: what is listed, for its cursor."""
    next_cursor = cursors.make(call.secret, of, page.after) if page.after else None
    with refusing():
        listed = ListResponse[model](  # type: ignore[valid-type]
            total_results=page.total,
            start_index=(asked.start_index or 1) if asked.cursor is None else None,
            items_per_page=len(shown),
            next_cursor=next_cursor,
            resources=shown,
        )
        body = listed.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE, response_parameters=asked)
    body.setdefault("Resources", [])
    return Reply(200, body)


def _key(item: Item) -> str:
    return str(getattr(item, item.hash_name()))


def _size(asked: SearchRequest[Any]) -> int:
    most = limits.SCIM_PAGE_LIMIT if asked.count is None else min(asked.count, limits.SCIM_PAGE_LIMIT)
    return max(most, 1) if asked.cursor is not None else most


def _check_reach(start: int) -> None:
    if start > limits.SCIM_WALK_LIMIT:
        raise ScimRefusal(400, "tooMany", TOO_FAR)


def _walk_page(model: type[M], after: str | None, most: int) -> tuple[list[M], str | None]:
    """The next `most` items that exist, and the key after which others may follow."""
    items: list[M] = []
    while True:
        found, after = store.scan_page(model, after=after, most=most - len(items))
        items += found
        if after is None or len(items) == most:
            return items, after


def _skip(model: type[Item], after: str | None, most: int, without: str | None) -> tuple[int, str | None, bool]:
    """Walk past at most `most` items. The number, the key of the last one, and whether it was the table's last."""
    _check_reach(most)
    passed = 0
    while passed < most:
        counted, after = store.scan_count(model, after=after, most=most - passed, without=without)
        passed += counted
        if after is None:
            return passed, None, True
    return passed, after, False
