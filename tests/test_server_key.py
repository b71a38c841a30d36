"""Where the server's key comes from."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest

from chalicelib import server_key, settings
from infra.ministack import REGION, MiniStack, free_port

KEY = "a-key-that-an-operator-put-into-the-parameter-store"
pytestmark = pytest.mark.spec("RFC 9700 §4.14.2")


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MiniStack]:
    """One of its own: the store of the other tests may be DynamoDB alone."""
    made = MiniStack(free_port(), log=tmp_path_factory.mktemp("ssm") / "ministack.log")
    made.wait_until_ready()
    yield made
    made.stop()


@pytest.fixture
def parameter(aws: MiniStack, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of an SSM parameter that keeps the key."""
    monkeypatch.setitem(os.environ, "AWS_ENDPOINT_URL_SSM", aws.url)
    name = "/lanyard/test/server-key"
    boto3.client("ssm", region_name=REGION).put_parameter(Name=name, Value=KEY, Type="SecureString", Overwrite=True)
    server_key._from_ssm.cache_clear()
    yield name
    server_key._from_ssm.cache_clear()


def use(monkeypatch: pytest.MonkeyPatch, **changed: Any) -> None:
    found: Any = replace(settings.SETTINGS, **changed)
    monkeypatch.setattr(settings, "SETTINGS", found)


def test_it_may_stand_in_the_parameter_store(parameter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, server_key=None, server_key_parameter=parameter)
    assert server_key.is_set()
    assert server_key.read() == KEY.encode()


def test_a_parameter_that_is_not_there_is_an_error_that_says_so(
    parameter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, server_key=None, server_key_parameter="/lanyard/test/nothing")
    with pytest.raises(server_key.ServerKeyUnavailable) as error:
        server_key.read()
    assert error.value.code == "ParameterNotFound"


def test_a_parameter_that_is_too_short_is_refused(parameter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    boto3.client("ssm", region_name=REGION).put_parameter(
        Name=parameter, Value="short", Type="SecureString", Overwrite=True
    )
    use(monkeypatch, server_key=None, server_key_parameter=parameter)
    with pytest.raises(server_key.ServerKeyUnavailable):
        server_key.read()


def test_without_either_the_error_names_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, server_key=None, server_key_parameter=None)
    assert not server_key.is_set()
    with pytest.raises(server_key.ServerKeyMissing, match="SERVER_KEY"):
        server_key.read()


def test_it_is_not_shown_with_the_other_settings() -> None:
    made = settings.from_environment({"SERVER_KEY": KEY})
    assert made.server_key == KEY
    assert KEY not in repr(made)
