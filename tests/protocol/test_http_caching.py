"""How long a response may be used, by its headers."""

from __future__ import annotations

import pytest

from chalicelib import limits
from chalicelib.protocol.rules.http_caching import fresh_seconds

NOW = 1_790_000_000  # which is DATE
DATE, LATER = "Mon, 21 Sep 2026 14:13:20 GMT", "Mon, 21 Sep 2026 16:13:20 GMT"
LEAST, MOST = limits.DOCUMENT_FRESH_MIN_SECONDS, limits.DOCUMENT_FRESH_MAX_SECONDS


@pytest.mark.spec("RFC 9111 §4.2", "RFC 9111 §5.2.2")
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, limits.DOCUMENT_FRESH_SECONDS),
        ({"cache-control": "max-age=600"}, 600),
        ({"cache-control": "public, Max-Age=600, must-revalidate"}, 600),
        ({"cache-control": 'max-age="600"'}, 600),
        ({"cache-control": "max-age=600", "age": "400"}, 200),
        ({"cache-control": "max-age=600", "age": "nonsense"}, 600),
        ({"cache-control": "max-age=600, s-maxage=900"}, 900),
        ({"cache-control": "s-maxage=900, max-age=600"}, 900),
        ({"cache-control": "max-age=600", "expires": LATER, "date": DATE}, 600),
        ({"expires": LATER, "date": DATE}, 7200),
        ({"expires": "0", "date": DATE}, LEAST),
        ({"expires": DATE, "date": LATER}, LEAST),
        ({"cache-control": "no-store"}, LEAST),
        ({"cache-control": "no-cache, max-age=600"}, LEAST),
        ({"cache-control": "private, max-age=600"}, LEAST),
        ({"cache-control": "max-age=0"}, LEAST),
        ({"cache-control": "max-age=-5"}, LEAST),
        ({"cache-control": "max-age=much"}, LEAST),
        ({"cache-control": "max-age"}, LEAST),
        ({"cache-control": "max-age=600", "age": "700"}, LEAST),
        ({"cache-control": "max-age=31536000"}, MOST),
        ({"cache-control": "max-age=" + "9" * 5000}, MOST),
        ({"cache-control": ',,;="\x00'}, limits.DOCUMENT_FRESH_SECONDS),
    ],
    ids=str,
)
def test_lifetime_follows_the_headers_within_our_limits(headers: dict[str, str], seconds: int) -> None:
    assert fresh_seconds(headers, now=NOW) == seconds


@pytest.mark.spec("RFC 9111 §4.2.1")
def test_expires_without_a_date_counts_from_now() -> None:
    assert fresh_seconds({"expires": LATER}, now=NOW) == 7200
