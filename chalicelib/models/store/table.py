"""What every table's model is made of: its base, its attributes, its name, and the key that names an item."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from pynamodb.attributes import Attribute, TTLAttribute
from pynamodb.connection import TableConnection
from pynamodb.constants import NUMBER
from pynamodb.models import Model

from chalicelib import settings
from chalicelib.models.store.connection import CONNECTION as CONNECTION


class Whole(Attribute[int]):
    """A whole number."""

    attr_type = NUMBER

    def serialize(self, value: Any) -> str:
        return str(int(value))

    def deserialize(self, value: Any) -> int:
        return int(value)


class EpochSeconds(Whole):
    """A moment: whole seconds since the epoch."""


class TimeToLive(EpochSeconds, TTLAttribute):
    """The moment from which DynamoDB may delete the item: whole seconds since the epoch.

    Deletion can take days, so every reader compares it with the clock as well.
    """

    def _normalize(self, value: Any) -> Any:
        return value


class Item(Model):
    """What all models share: one connection, and tables that are named by stage."""

    # The attribute with the time of issue, for items that settings.not_before can end; None for others.
    issued_at_name: ClassVar[str | None] = None

    class Meta:
        abstract = True

    @property
    def is_ended(self) -> bool:
        """True if the item was issued before NOT_BEFORE, so it counts as ended."""
        return self.issued_at_name is not None and getattr(self, self.issued_at_name) < settings.SETTINGS.not_before

    @classmethod
    def table(cls) -> str:
        """The table's name, with the stage's prefix."""
        return str(cls.Meta.table_name)  # type: ignore[attr-defined]

    @classmethod
    def hash_name(cls) -> str:
        """The name of the hash key."""
        return str(cls._hash_keyname)

    @classmethod
    def range_name(cls) -> str | None:
        """The name of the range key; None if the table has none."""
        return cls._range_keyname

    @classmethod
    def ttl_name(cls) -> str | None:
        """The name of the TTL attribute; None if the table has none."""
        ttl = cls._ttl_attribute()  # type: ignore[no-untyped-call]
        return str(ttl.attr_name) if ttl else None

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """Keys, indexes and key types, in the form in which PynamoDB creates the table."""
        return dict(cls._get_schema())

    @property
    def own_key(self) -> Key[Any]:
        names = (self.hash_name(), self.range_name())
        return Key(type(self), *(getattr(self, name) for name in names if name))

    @classmethod
    def _get_connection(cls) -> TableConnection:
        # One botocore client for all tables: each client costs a cold start about 30 ms and has its own pool.
        table = super()._get_connection()
        if table.connection is not CONNECTION:
            CONNECTION.know_table(table.get_meta_table())
            table.connection = CONNECTION
        return table


class TableMeta:
    """Base of every model's `Meta`."""

    region: str | None = None  # from AWS_REGION or AWS_DEFAULT_REGION, as botocore does
    billing_mode = "PAY_PER_REQUEST"


class TableName:
    """A table's name, with the stage's prefix: put together when it is read, since models are imported before that."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type) -> str:
        return settings.SETTINGS.table_prefix + self._name


M = TypeVar("M", bound=Item)


@dataclass(frozen=True)
class Key(Generic[M]):
    """Names one item: its model, hash key and, if the table has one, range key."""

    model: type[M]
    hash_key: str
    range_key: str | None = None

    def operation(self, **arguments: Any) -> dict[str, Any]:
        table = self.model._get_connection()
        return table.get_operation_kwargs(self.hash_key, range_key=self.range_key, **arguments)


def as_set(values: Iterable[str]) -> set[str] | None:
    """A string set for DynamoDB, which has no empty sets: None instead."""
    return set(values) or None
