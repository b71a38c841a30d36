"""People may type almost any name, but an application's must not look like the service's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib import lookalikes, settings
from chalicelib.names import InputProblem, check_application_name, check_name


@pytest.mark.parametrize("name", ["", " ", "\u200b", "\u3164", "\u2800\u2800", "\u202e", "\u200d", "\u00ad"])
def test_name_without_any_visible_character_counts_as_empty(name: str) -> None:
    with pytest.raises(InputProblem, match="must not be empty"):
        check_name(name)


@pytest.mark.parametrize(
    "name", ["two\nlines", "two\u2028lines", "two\u2029lines", "nul\x00", "\ud800x", "red\x1b[31m", "\x9b31mred"]
)
def test_name_with_line_breaks_or_control_characters_is_refused(name: str) -> None:
    with pytest.raises(InputProblem, match="line breaks or other control characters"):
        check_name(name)


@pytest.mark.parametrize(
    "character",
    [
        *"\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",  # direction
        *"\u200b\u2060\ufeff\u00ad\u180e\u2061\U000e0041\ufff9\u034f",  # invisible
        *"\u3164\uffa0\u115f\u1160\u2800",  # drawn as nothing
    ],
    ids=lambda character: f"U+{ord(character):04X}",
)
def test_name_with_invisible_or_direction_changing_characters_is_refused(character: str) -> None:
    for name in (f"Big{character}Shop", f"{character}Shop", f"Shop{character}", f"חנות{character}", f"👩{character}👧"):
        with pytest.raises(InputProblem, match="invisible characters or ones that change the direction of text"):
            check_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "Shop\u200d",
        "\u200dShop",
        "Sh\u200dop",
        "Sh\u200cop",
        "Shop\u200c",
        "👩\u200d",
        "👩\u200cx",
        "שלום\u200cx",
        "می\u200c",
    ],
    ids=ascii,
)
def test_joiner_is_refused_where_no_script_needs_it(name: str) -> None:
    with pytest.raises(InputProblem, match="invisible"):
        check_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "Müller & Söhne",
        "חנות",
        "店",
        "👩‍👩‍👧",
        "🏳️‍🌈 Pride",
        "👩🏽‍💻",
        "👨‍❤️‍💋‍👨",
        "می‌خواهم",
        "क्‍ष",
        "র‍্যাব",
        "ශ්‍රී ලංකා",
        "<script>alert(1)</script>",
        "x" * 255,
        "❤️",
        "Jose\u0301",
    ],
)
def test_name_may_be_in_any_script(name: str) -> None:
    assert check_name(f" {name} ") == name


def test_name_longer_than_255_characters_is_refused() -> None:
    with pytest.raises(InputProblem, match="255"):
        check_name("x" * 256)


@pytest.mark.parametrize(
    "name",
    [
        "Lanyard",
        "LANYARD",
        "Lanyard Support",
        "The official lanyard app",
        "L a n y a r d",
        "L.a-n_y/a*r·d",
        "lanyard.example.com",
        "Ianyard",
        "1anyard",
        "|anyard",
        "L4nyard",
        "Láñyärd",
        "L\u0336anyard",
        "Lапуаrd",
        "ΑΝΥΑRD L" + "ΑΝΥΑRD",
        "Ｌａｎｙａｒｄ",
        "𝓛𝓪𝓷𝔂𝓪𝓻𝓭",
        "Ⓛanyard",
        "ʟᴀɴʏᴀʀᴅ",
        "Lanyarcl",
        "Lanyarɗ",
        "Lanƴard",
        "Łąŋƴąɍɗ",
        "ꓡꓮꓠꓬꓮꓣꓓ",
        "ꓡanyard",
        "ᏞᎪNYARD",
        "ꮮꭺnyard",
        "ᒪanyard",
        "ᒪᗩᑎyᗩᖇᗪ",
        "Lanყard",  # no table lists every letter, so an unknown non-Latin one may stand for any
        "ⳐanyⲀrd Support",
        "🅻🅰🅽🆈🅰🆁🅳",
        "🅛🅐🅝🅨🅐🅡🅓",
        "🄻🄰🄽🅈🄰🅁🄳",
        "🇱🇦🇳🇾🇦🇷🇩",
        "L₳₦¥₳RĐ",
        "L∀∩yard",
        "LΛNYΛRD",
        "Lan & Yard",  # possibly honest, but blanks and signs would otherwise get around the check
    ],
)
def test_application_name_must_not_look_like_the_name_of_the_service(name: str) -> None:
    with pytest.raises(InputProblem, match="must not contain the name of this service, Lanyard, or look like it"):
        check_application_name(name)
    assert check_name(name) == name, "a person or the operator may use this name"


@pytest.mark.parametrize(
    "name",
    [
        "Landyard",
        "Yard sale",
        "Lan party",
        "Box office",
        "店",
        "Halyard",
        "La店店店rd",
        "ᏣᎳᎩ Shop",
        "ᐃᓄᒃᑎᑐᑦ",
        "ꓡꓲ-ꓢꓴ",
        "Ландшафт",
        "ლანდშაფტი",
        "Kanyerd",
    ],
)
def test_application_may_have_any_other_name(name: str) -> None:
    assert check_application_name(name) == name


def test_protected_name_is_the_one_the_operator_chose(monkeypatch: pytest.MonkeyPatch) -> None:
    changed: Any = replace(settings.SETTINGS, site_name="Tickets & More")
    monkeypatch.setattr(settings, "SETTINGS", changed)
    assert check_application_name("Lanyard") == "Lanyard"
    with pytest.raises(InputProblem, match="Tickets & More"):
        check_application_name("TicketsMore Login")


@pytest.mark.parametrize(
    ("text", "is_in"),
    [
        ("Max", True),
        ("MAX Support", True),
        ("m.a.x", True),
        ("M4x!", True),
        ("мах", True),
        ("Maxine’s shop", False),
        ("Climax", False),
        ("The M a x Shop", True),
        ("M a xi", False),
        ("Ma", False),
        ("🅜🅐🅧", True),
    ],
)
def test_short_service_name_is_matched_only_as_a_whole_word(text: str, is_in: bool) -> None:
    assert lookalikes.contains(text, "Max") is is_in


@pytest.mark.parametrize(
    ("text", "is_in"), [("東京チケット", True), ("大阪チケット", False), ("東京cケット", False), ("Билеты", False)]
)
def test_service_name_in_another_script_is_matched_letter_by_letter(text: str, is_in: bool) -> None:
    assert lookalikes.contains(text, "東京チケット") is is_in


@pytest.mark.parametrize("name", ["★★", " ", "…"])
def test_service_name_without_letters_protects_nothing(name: str) -> None:
    assert not lookalikes.contains("Anything", name)
