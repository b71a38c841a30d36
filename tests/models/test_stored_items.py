"""The current version reads everything any version stored, and writes it the same way (stored_items.json)."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.models.store.table import Item
from infra.deployment.tables import MODELS
from tests.models import stored_items

pytestmark = pytest.mark.spec("docs/storage.md")
PINNED = stored_items.read()
BY_NAME = {model.__name__: model for model in MODELS}
ITEMS = [
    pytest.param(BY_NAME[name], one["raw"], one["values"], id=f"{name} {number}")
    for name, items in PINNED.items()
    for number, one in enumerate(items)
]


@pytest.mark.parametrize(("model", "raw", "values"), ITEMS)
def test_item_stored_by_any_version_is_read(model: type[Item], raw: dict[str, Any], values: dict[str, Any]) -> None:
    item = model.from_raw_data(raw)
    assert {name: stored_items.as_json(getattr(item, name)) for name in values} == values


@pytest.mark.parametrize(("model", "raw", "values"), ITEMS)
def test_item_is_stored_the_same_way_as_before(model: type[Item], raw: dict[str, Any], values: dict[str, Any]) -> None:
    """After a rollback, the previous version has to read it, too."""
    assert {name: stored_items.raw_of(model, values)[name] for name in raw} == raw


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_attribute_has_a_stored_sample(model: type[Item]) -> None:
    pinned = {name for one in PINNED.get(model.__name__, []) for name in one["values"]}
    assert set(model.get_attributes()) - pinned == set(), "run: python -m tests.models.stored_items"
