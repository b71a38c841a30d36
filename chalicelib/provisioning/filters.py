"""Filters (RFC 7644 §3.4.2.2): which of them can be answered, and by which key.

The library parses and evaluates a filter. To find candidates without reading a whole table, one of the comparisons that
are joined by `and` has to be `eq` on an attribute that leads to an item.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from scim2_models import ScimFilter
from scim2_models.path import Comparison, FilterNode, LogicalExpr, Not, Present, ValuePath

from chalicelib.provisioning.messages import ScimRefusal


@dataclass(frozen=True)
class Lookup:
    """An attribute, as in `emails.value`, and the value that it must have."""

    attribute: str
    value: str


def lookup(asked: ScimFilter[Any], attributes: Sequence[str]) -> Lookup:
    """The comparison by which the candidates are found. attributes: those that lead to items, the best first.

    Raises ScimRefusal.
    """
    found = {one.attribute: one for one in reversed(list(_compared(asked.ast)))}
    for attribute in attributes:
        if attribute.lower() in found:
            return Lookup(attribute, found[attribute.lower()].value)
    detail = f"A filter needs one of these compared with eq, alone or joined to others by and: {', '.join(attributes)}."
    raise ScimRefusal(400, "invalidFilter", detail)


def members_compared(asked: ScimFilter[Any]) -> set[str]:
    """The user ids that the filter compares members with, anywhere in it. Raises ScimRefusal if it asks anything else
    about members: a group may have 100,000 of them."""
    return set(_members_in(asked.ast))


def _members_in(node: FilterNode) -> Iterator[str]:
    match node:
        case LogicalExpr():
            for term in node.terms:
                yield from _members_in(term)
        case Not():
            yield from _members_in(node.expr)
        case ValuePath() if node.attr_path.attr.lower() == "members":
            yield from _ids_in(node.val_filter)
        case Comparison() | Present() if node.attr_path.attr.lower() == "members":
            if node.attr_path.sub_attr is not None and node.attr_path.sub_attr.lower() != "value":
                raise _not_by_id()
            yield _id_in(node)


def _ids_in(node: FilterNode) -> Iterator[str]:
    """Within the brackets of `members[...]`."""
    match node:
        case LogicalExpr():
            for term in node.terms:
                yield from _ids_in(term)
        case Not():
            yield from _ids_in(node.expr)
        case Comparison() if node.attr_path.attr.lower() == "value":
            yield _id_in(node)
        case _:
            raise _not_by_id()


def _id_in(node: Comparison | Present) -> str:
    if isinstance(node, Comparison) and node.op == "eq" and isinstance(node.value, str):
        return node.value
    raise _not_by_id()


def _not_by_id() -> ScimRefusal:
    return ScimRefusal(400, "invalidFilter", 'Members are compared by their ids: members.value eq "ID".')


def _compared(node: FilterNode, within: str = "") -> Iterator[Lookup]:
    """The comparisons with eq that must all hold, with attributes in lower case."""
    match node:
        case LogicalExpr(op="and"):
            for term in node.terms:
                yield from _compared(term, within)
        case ValuePath():
            yield from _compared(node.val_filter, node.attr_path.attr + ".")
        case Comparison(op="eq") if isinstance(node.value, str):
            path = node.attr_path
            name = within + ".".join(part for part in (path.attr, path.sub_attr) if part)
            name = f"{name}.value" if name.lower() in ("emails", "groups", "members") else name
            yield Lookup(name.lower(), node.value)
