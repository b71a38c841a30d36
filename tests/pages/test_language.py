"""A page is in the language of the account, then of the browser, then in English."""

from __future__ import annotations

import pytest
import requests

from chalicelib.pages import language
from infra.documents import messages


def test_every_language_but_english_has_a_catalog() -> None:
    assert set(language.LANGUAGES) == {"en", *messages.LANGUAGES}


@pytest.mark.spec("RFC 9110 §12.5.4")
@pytest.mark.parametrize(
    ("locale", "accept_language", "chosen"),
    [
        ("de", None, "de"),
        ("de-AT", "en", "de"),
        ("en", "de", "en"),
        ("fr", "de-CH, en;q=0.9", "de"),
        ("fr", "it", "en"),
        (None, "en;q=0.5, de;q=0.8", "de"),
        (None, "de;q=0, en", "en"),
        (None, "DE-de", "de"),
        (None, "*", "en"),
        (None, "de;q=x", "en"),
        (None, "de;q=nan", "en"),
        (None, ",,;;q=,", "en"),
        (None, None, "en"),
        (None, "", "en"),
    ],
)
def test_account_decides_the_language_then_the_browser_then_english(
    locale: str | None, accept_language: str | None, chosen: str
) -> None:
    assert language.choose(locale, accept_language) == chosen


@pytest.mark.parametrize(("header", "heading"), [("de", "Anmelden"), ("en", "Sign in"), ("x" * 9000, "Sign in")])
def test_pages_follow_the_browsers_language(base_url: str, header: str, heading: str) -> None:
    answer = requests.get(f"{base_url}/login", headers={"Accept-Language": header}, timeout=10)
    assert f"<h1>{heading}</h1>" in answer.text


def test_errors_found_by_code_are_translated_on_pages_and_english_in_json(base_url: str) -> None:
    german = {"Accept-Language": "de"}
    page = requests.put(f"{base_url}/login", headers=german, timeout=10)
    assert "<p>Hier sind nur diese Methoden möglich: HEAD, GET, POST.</p>" in page.text
    answer = requests.put(f"{base_url}/api/v1/me", headers=german, timeout=10)
    assert answer.json()["error_description"] == "Only HEAD, GET can be used here."
