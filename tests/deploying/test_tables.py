"""infra/tables.yaml and the models define the same tables, and all are backed up, encrypted and protected."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from chalicelib.models.store.table import Item
from infra.deployment import tables, templates

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = templates.read("tables")
PREFIX = "${TablePrefix}"


def by_name() -> dict[str, dict[str, Any]]:
    """CloudFormation's tables, by name without the prefix."""
    return {
        one["Properties"]["TableName"]["Fn::Sub"].removeprefix(PREFIX): one for one in TEMPLATE["Resources"].values()
    }


def short_name(model: type[Item]) -> str:
    return model.table().removeprefix("test-")


def keys(schema: Any) -> list[tuple[str, str]]:
    return sorted((key["AttributeName"], key["KeyType"]) for key in schema)


def test_every_model_has_a_table_and_every_table_a_model() -> None:
    assert sorted(by_name()) == sorted(short_name(model) for model in tables.MODELS)


@pytest.mark.parametrize("model", tables.MODELS, ids=short_name)
def test_keys_indexes_types_and_ttl_of_model_and_table_agree(model: type[Item]) -> None:
    made = by_name()[short_name(model)]["Properties"]
    schema = model.schema()
    ttl = model.ttl_name()
    assert keys(made["KeySchema"]) == keys(schema["key_schema"])
    indexes = {one["IndexName"]: one for one in made.get("GlobalSecondaryIndexes", [])}
    expected = {one["index_name"]: one for one in schema["global_secondary_indexes"]}
    assert sorted(indexes) == sorted(expected)
    for name, index in indexes.items():
        assert keys(index["KeySchema"]) == keys(expected[name]["key_schema"])
        assert index["Projection"]["ProjectionType"] == expected[name]["projection"]["ProjectionType"]
    types = {one["AttributeName"]: one["AttributeType"] for one in made["AttributeDefinitions"]}
    assert types == {one["AttributeName"]: one["AttributeType"] for one in schema["attribute_definitions"]}
    wanted = {"AttributeName": ttl, "Enabled": True} if ttl else None
    assert made.get("TimeToLiveSpecification") == wanted


def test_restore_guide_names_each_tables_ttl() -> None:
    guide = (ROOT / "docs" / "deploy" / "restore.md").read_text(encoding="utf-8")
    rows = re.findall(r"^ *\| `(\w+)` \| (`.*`) \|$", guide.partition("| TTL attribute | tables |")[2], re.MULTILINE)
    said = {name: attribute for attribute, names in rows for name in re.findall(r"`(\w+)`", names)}
    made = {name: table["Properties"].get("TimeToLiveSpecification") for name, table in by_name().items()}
    assert said == {name: ttl["AttributeName"] for name, ttl in made.items() if ttl}


@pytest.mark.parametrize("name", sorted(by_name()))
def test_every_table_is_retained_backed_up_and_encrypted(name: str) -> None:
    table = by_name()[name]
    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"
    properties = table["Properties"]
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["DeletionProtectionEnabled"] == {"Ref": "DeletionProtection"}
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["SSESpecification"] == {"SSEEnabled": True}


def test_production_tables_are_protected_against_deletion() -> None:
    assert templates.parameters("prod", TEMPLATE)["DeletionProtection"] == "true"
