"""Items of every kind as they are stored. `python -m tests.models.stored_items` adds samples of new attributes.

Each item in stored_items.json was written by some version and never changes: every later version has to read it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pynamodb.attributes import Attribute, BooleanAttribute, ListAttribute, MapAttribute, UnicodeSetAttribute

from chalicelib.models.store.table import Item, Whole
from infra.deployment.tables import MODELS

FILE = Path(__file__).with_suffix(".json")
_MOMENT = 1_790_000_000


def read() -> dict[str, list[dict[str, Any]]]:
    """The items by model: each as DynamoDB has it (`raw`), and its attributes (`values`)."""
    return dict(json.loads(FILE.read_text(encoding="utf-8"))) if FILE.exists() else {}


def raw_of(model: type[Item], values: dict[str, Any]) -> dict[str, Any]:
    """The item as the current version stores it."""
    item = model(**{name: _as_value(model, name, value) for name, value in values.items()})
    raw = dict(item.to_dynamodb_dict())
    return {name: {"SS": sorted(value["SS"])} if "SS" in value else value for name, value in raw.items()}


def as_json(value: Any) -> Any:
    match value:
        case set():
            return sorted(value)
        case list():
            return [as_json(one) for one in value]
        case MapAttribute():
            return {name: getattr(value, name) for name in value.get_attributes()}
        case _:
            return value


def _as_value(model: type[Item], name: str, value: Any) -> Any:
    attribute = model.get_attributes()[name]
    if isinstance(attribute, UnicodeSetAttribute):
        return set(value)
    if isinstance(attribute, ListAttribute) and (kind := _map_of(attribute)):
        return [kind(**one) for one in value]
    return value


def _map_of(attribute: ListAttribute[Any]) -> type[MapAttribute[Any, Any]] | None:
    kind = attribute.element_type
    return kind if kind is not None and issubclass(kind, MapAttribute) else None


def _samples(model: type[Item]) -> Iterator[dict[str, Any]]:
    """One item with all attributes, and one with only the required ones."""
    attributes = model.get_attributes()
    everything = {name: _sample(name, attribute) for name, attribute in attributes.items()}
    yield everything
    needed = {name for name, attribute in attributes.items() if not attribute.null and attribute.default is None}
    if needed != set(attributes):
        yield {name: value for name, value in everything.items() if name in needed}


def _sample(name: str, attribute: Attribute[Any]) -> Any:
    match attribute:
        case UnicodeSetAttribute():
            return [f"{name} 1", f"{name} ü"]
        case ListAttribute() if kind := _map_of(attribute):
            return [{part: _sample(part, inner) for part, inner in kind.get_attributes().items()}]
        case ListAttribute():
            return [f"{name} b", f"{name} a"]
        case BooleanAttribute():
            return True
        case Whole():
            return _MOMENT
        case _:
            return f"{name} – „ü“"


def main() -> None:
    pinned = read()
    for model in MODELS:
        known = pinned.setdefault(model.__name__, [])
        covered = {name for one in known for name in one["values"]}
        if not set(model.get_attributes()) <= covered:
            known += [{"raw": raw_of(model, values), "values": values} for values in _samples(model)]
    FILE.write_text(json.dumps(pinned, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
