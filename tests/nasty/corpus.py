"""Values that are valid in HTTP but that no honest client sends. None of them may cause a 5xx response."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from chalicelib import credentials
from chalicelib.credentials import Kind

# Credentials that were never issued, naming things that do not exist.
_WELL_FORMED = {
    Kind.ACCESS_TOKEN: 43,
    Kind.REFRESH_TOKEN: 43,
    Kind.SESSION: 16,
    Kind.DEVICE_CODE: 16,
    Kind.REGISTRATION_TOKEN: 16,
    Kind.AUTHORIZATION_CODE: 0,
    Kind.PUSHED_REQUEST: 0,
    Kind.MAIL_LINK: 0,
}
# Values that a form, a query or a path can carry.
TEXTS = [
    "",
    " ",
    "\r\nSet-Cookie: planted=1",
    "a\0b",
    "\x7f\x85\xa0",
    "\u2000\u2028\u202e\ufeff",
    "\uffff",
    "ä" * 600,
    "😀" * 300,
    "a" * 3000,
    "-1",
    "1e999",
    "9" * 5000,
    "²",  # a digit to str.isdigit, but not to int
    "%00%ff",
    "../..",
    "//",
    "http://[",
    "https://[::1]:99999/",
    "https://a.example/" + "x" * 490,
    "javascript:alert(1)",
    "<b>{{7*7}} ${7*7} %(limit)s {0}",
    "a@b@c",
    "[" * 3000,
    "e30.W1tb.e30",
    *(credentials.mint(kind, "x" * length) for kind, length in _WELL_FORMED.items()),
]
# The same values as path segments, except those that no client would send unchanged.
SEGMENTS = [quote(text, safe="") for text in TEXTS if text.strip(".") and len(text) < 3000]
# Values that a header can carry: latin-1, no line breaks, no leading blank.
HEADERS = [
    text
    for text in [
        *TEXTS,
        "Basic",
        "Basic !",
        "Basic Og==",
        "Basic YTpi",
        "Bearer " + "a" * 3000,
        "Bearer =",
        "=;=;;,,;q=x",
    ]
    if all(character.isprintable() and ord(character) < 256 for character in text) and text == text.lstrip()
]
SURROGATE = "\ud800"
# Values that JSON can carry. Some have no Python equivalent, so each is text inserted in place of a value.
JSON = [
    *map(
        json.dumps, ["", "\0", SURROGATE, "a" + SURROGATE, "\U0010ffff", "a" * 3000, "²", "%", "http://[", "[" * 1000]
    ),
    *map(
        json.dumps, [None, True, False, 0, -1, 1.5, 2**64, [], {}, [[]], [None], [{}], [""], [SURROGATE], ["\0"] * 50]
    ),
    json.dumps({SURROGATE: SURROGATE}),
    "NaN",
    "-Infinity",
    "1e999",
    "-1e999",
    "9" * 4000,
    "9" * 5000,
    "[" * 900 + "]" * 900,
    "[" * 5000 + "]" * 5000,
    '{"a":' * 2000 + "1" + "}" * 2000,
]


def with_raw(document: dict[str, Any], name: str, raw: str) -> str:
    """The document as JSON, with this text as the value of `name`."""
    mark = "the-nasty-one-stands-here"
    return json.dumps({**document, name: mark}).replace(json.dumps(mark), raw)
