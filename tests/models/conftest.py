"""The engines that the storage tests run on. Only MiniStack runs those that need transactions to be isolated."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto import mock_aws

from chalicelib.models.store import table
from infra.deployment import tables
from infra.laptop.ministack import REGION


@pytest.fixture(params=["ministack", "moto"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield where the tables are. moto runs in this process and starts empty for every test."""
    if request.param == "moto":
        monkeypatch.delenv("AWS_ENDPOINT_URL_DYNAMODB")
        monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
        with mock_aws():
            monkeypatch.setattr(table.CONNECTION, "_client", None)
            assert list(tables.create_all())
            yield "moto"
    else:
        yield "ministack"
