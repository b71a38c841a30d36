"""The changes that can be written: the parts of a transaction, each with its condition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.models.store.table import Item, Key


@dataclass(frozen=True, eq=False)
class Put:
    item: Item
    condition: Condition | None = None


@dataclass(frozen=True, eq=False)
class Update:
    key: Key[Any]
    actions: list[Action]
    condition: Condition | None = None


@dataclass(frozen=True, eq=False)
class Delete:
    key: Key[Any]
    condition: Condition | None = None


@dataclass(frozen=True, eq=False)
class Check:
    """A part of a transaction that writes nothing and only has a condition."""

    key: Key[Any]
    condition: Condition


Change = Put | Update | Delete | Check
