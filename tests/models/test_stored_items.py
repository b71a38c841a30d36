"""What any version has stored, the present one reads, and writes alike: stored_items.json."""

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
def test_an_item_that_some_version_stored_is_read(
    model: type[Item], raw: dict[str, Any], values: dict[str, Any]
) -> None:
    item = model.from_raw_data(raw)
    assert {name: stored_items.as_json(getattr(item, name)) for name in values} == values


@pytest.mark.parametrize(("model", "raw", "values"), ITEMS)
def test_an_item_is_stored_as_ever(model: type[Item], raw: dict[str, Any], values: dict[str, Any]) -> None:
    """So that a version before this one reads it too, after a rollback."""
    assert {name: stored_items.raw_of(model, values)[name] for name in raw} == raw


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_attribute_is_pinned(model: type[Item]) -> None:
    pinned = {name for one in PINNED.get(model.__name__, []) for name in one["values"]}
    assert set(model.get_attributes()) - pinned == set(), "run: python -m tests.models.stored_items"
