"""Only strict JSON and printable ASCII ids are accepted."""

from __future__ import annotations

import json

import pytest

from chalicelib.protocol.rules import request_parameters, strict_json

pytestmark = pytest.mark.spec("RFC 7493 §2")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("null", None),
        (b"\xef\xbb\xbf[1]", [1]),
        ('{"a": {"b": ["\u00e4", 1.5, true]}}'.encode(), {"a": {"b": ["ä", 1.5, True]}}),
        (r'"\ud83d\ude00"', "😀"),
        ("[" * 32 + "]" * 32, json.loads("[" * 32 + "]" * 32)),
    ],
)
def test_strict_json_is_read(text: bytes | str, value: object) -> None:
    assert strict_json.read(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        b"\xff\xfe[\x001\x00]\x00",  # UTF-16, which Python's reader accepts
        b'"\xed\xa0\x80"',
        r'"\ud800"',
        r'{"\ud800": 1}',
        r'{"a": ["\udfff"]}',
        "NaN",
        "-Infinity",
        "1e999",
        "9" * 5000,
        "[" * 33 + "]" * 33,
        "[" * 100_000 + "]" * 100_000,
        '{"a":' * 33 + "1" + "}" * 33,
    ],
    ids=lambda text: repr(text)[:20],
)
def test_json_that_only_some_readers_accept_is_refused(text: bytes | str) -> None:
    with pytest.raises(strict_json.NotStrict):
        strict_json.read(text)


@pytest.mark.parametrize("text", ["[]", "1", '"a"', "null"])
def test_value_that_must_be_an_object_is_refused_if_it_is_not(text: str) -> None:
    assert strict_json.read_object("{}") == {}
    with pytest.raises(strict_json.NotStrict):
        strict_json.read_object(text)


@pytest.mark.spec("RFC 6749 §2.2")
@pytest.mark.parametrize("text", ["", "x" * 17, "a\0", "a\n", "ä", "\ud800", "\u2000", "\x7f"])
def test_id_is_printable_ascii_of_limited_length(text: str) -> None:
    assert not request_parameters.is_id(text, limit=16)
    assert request_parameters.is_id("x" * 16, limit=16)
    assert request_parameters.is_id("https://a.b/~", limit=16)
