"""The server key comes from the environment or from SSM, and an unusable one is refused."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import settings
from chalicelib.keys import parameter_store, server_key
from tests.local_aws import LocalAws

KEY = "a-key-that-an-operator-put-into-the-parameter-store"
pytestmark = pytest.mark.spec("RFC 9700 §4.14.2")


@pytest.fixture
def parameter(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of an SSM parameter that contains the key."""
    monkeypatch.setitem(os.environ, "AWS_ENDPOINT_URL_SSM", aws.url)
    name = "/lanyard/test/server-key"
    aws.put(name, KEY)
    parameter_store.forget()
    yield name
    parameter_store.forget()


def use(monkeypatch: pytest.MonkeyPatch, **changed: Any) -> None:
    found: Any = replace(settings.SETTINGS, **changed)
    monkeypatch.setattr(settings, "SETTINGS", found)


def test_server_key_may_be_kept_in_the_parameter_store(parameter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, server_key=None, server_key_parameter=parameter)
    assert server_key.is_set()
    assert server_key.read() == KEY.encode()


def test_missing_parameter_is_an_error_that_says_so(parameter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, server_key=None, server_key_parameter="/lanyard/test/nothing")
    with pytest.raises(server_key.ServerKeyUnavailable) as error:
        server_key.read()
    assert error.value.code == "ParameterNotFound"


def test_parameter_with_a_too_short_key_is_refused(
    aws: LocalAws, parameter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.put(parameter, "short")
    use(monkeypatch, server_key=None, server_key_parameter=parameter)
    with pytest.raises(server_key.ServerKeyUnavailable):
        server_key.read()


def test_error_without_any_server_key_names_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, server_key=None, server_key_parameter=None)
    assert not server_key.is_set()
    with pytest.raises(server_key.ServerKeyMissing, match="SERVER_KEY"):
        server_key.read()


def test_server_key_is_not_shown_with_the_other_settings() -> None:
    made = settings.from_environment({"SERVER_KEY": KEY})
    assert made.server_key == KEY
    assert KEY not in repr(made)


def test_parameter_may_hold_several_keys_newest_first(
    aws: LocalAws, parameter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [KEY + "-2", KEY]
    aws.put(parameter, "\n".join(keys) + "\n")
    use(monkeypatch, server_key=None, server_key_parameter=parameter)
    assert [key.secret.decode() for key in server_key.read_all()] == keys
    assert server_key.newest().secret.decode() == keys[0]


@pytest.mark.parametrize(("value", "code"), [(f"{KEY} short", "TooShort"), (" ".join([KEY] * 11), "TooMany")])
def test_parameter_with_invalid_keys_is_refused(
    aws: LocalAws, parameter: str, monkeypatch: pytest.MonkeyPatch, value: str, code: str
) -> None:
    aws.put(parameter, value)
    use(monkeypatch, server_key=None, server_key_parameter=parameter)
    with pytest.raises(server_key.ServerKeyUnavailable) as error:
        server_key.read_all()
    assert error.value.code == code


def test_environment_may_hold_several_keys() -> None:
    made = settings.from_environment({"SERVER_KEYS": f"{KEY}-2  {KEY}"})
    assert (made.server_key, made.previous_server_keys) == (f"{KEY}-2", (KEY,))
    assert KEY not in repr(made)
    assert settings.from_environment({"SERVER_KEY": KEY, "SERVER_KEYS": ""}).previous_server_keys == ()


@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        ({"SERVER_KEYS": f"{KEY} short"}, "SERVER_KEYS takes keys of at least 43 random characters each"),
        ({"SERVER_KEYS": " ".join([KEY] * 11)}, "SERVER_KEYS takes at most 10 keys"),
        ({"SERVER_KEYS": KEY, "SERVER_KEY": KEY}, "Set SERVER_KEYS or SERVER_KEY, not both"),
    ],
)
def test_invalid_keys_are_refused_without_being_quoted(environment: dict[str, str], problem: str) -> None:
    with pytest.raises(settings.SettingsError, match=problem) as error:
        settings.from_environment(environment)
    assert KEY not in str(error.value)


def test_key_id_identifies_the_key_and_reveals_nothing_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, server_key=KEY, previous_server_keys=(KEY + "-1", KEY))
    newest, previous = server_key.read_all()
    assert newest.key_id != previous.key_id
    assert newest.key_id not in KEY
    assert KEY not in repr(newest)
