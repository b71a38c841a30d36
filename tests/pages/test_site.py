"""Whatever name, logo and color an operator sets, the pages stay readable and safe."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from chalicelib import settings
from chalicelib.pages import colour, render, site
from chalicelib.pages.site import Site

STYLE = (Path(site.__file__).parent / "static" / "style.css").read_text(encoding="utf-8")
PNG = "data:image/png;base64,iVBORw0KGgo="


@pytest.mark.spec("WCAG 1.4.3")
@pytest.mark.parametrize(
    "chosen", [f"#{r}{g}{b}" for r in ("00", "7f", "ff") for g in ("00", "7f", "ff") for b in ("00", "7f", "ff")]
)
def test_any_color_is_readable_in_light_and_dark_and_with_text_on_it(chosen: str) -> None:
    light = colour.readable_on(chosen, colour.LIGHT_GROUND)
    dark = colour.readable_on(chosen, colour.DARK_GROUND)
    for one, other in ((light, colour.LIGHT_GROUND), (light, "#ffffff"), (dark, colour.DARK_GROUND), (dark, "#0c1219")):
        assert colour.contrast(one, other) >= 4.5
    assert f"--accent-on-light:{light};--accent-on-dark:{dark}" in Site("X", None, chosen).style.body


def test_background_colors_in_code_match_the_style_sheet() -> None:
    assert f"--ground: {colour.LIGHT_GROUND}" in STYLE
    assert f"--paper: {colour.DARK_GROUND}" in STYLE
    assert "--on-accent: #fff;" in STYLE
    assert "--on-accent: #0c1219;" in STYLE


def test_readable_color_is_used_unchanged() -> None:
    assert colour.readable_on("#1f5fbf", colour.LIGHT_GROUND) == "#1f5fbf"


def test_contrast_follows_the_wcag_formula() -> None:
    assert colour.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert colour.contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


def test_name_logo_and_color_come_from_the_environment() -> None:
    found = settings.from_environment(
        {"SITE_NAME": " Eintritt ", "SITE_LOGO_URL": "https://cdn.example.com/logo.svg", "SITE_COLOUR": "#AA3300"}
    )
    assert (found.site_name, found.site_colour) == ("Eintritt", "#aa3300")
    made = Site(found.site_name, found.site_logo_url, found.site_colour)
    policy = made.content_security_policy("", with_script=False)
    assert "img-src 'self' data: https://cdn.example.com;" in policy
    assert made.icon_url == "https://cdn.example.com/logo.svg"
    assert settings.from_environment({"SITE_LOGO_URL": PNG}).site_logo_url == PNG
    bare = settings.from_environment({})
    assert (bare.site_name, bare.site_logo_url) == ("Lanyard", None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SITE_NAME", "a\nb"),
        ("SITE_NAME", "x" * 41),
        ("SITE_NAME", " "),
        ("SITE_LOGO_URL", "http://cdn.example.com/logo.svg"),
        ("SITE_LOGO_URL", "javascript:alert(1)"),
        ("SITE_LOGO_URL", "https://cdn.example.com/;script-src *"),
        ("SITE_LOGO_URL", "https://cdn.example.com; script-src */x"),
        ("SITE_LOGO_URL", "data:text/html;base64,PGI+"),
        ("SITE_LOGO_URL", "https://cdn.example.com/" + "x" * 2048),
        ("SUPPORT_CONTACT", "somebody"),
        ("SUPPORT_CONTACT", "http://help.example.com/"),
        ("SUPPORT_CONTACT", "javascript:alert(1)"),
        ("SUPPORT_CONTACT", "a@example.com?subject=x"),
        ("SUPPORT_CONTACT", "a@" + "x" * 200 + ".com"),
        ("SITE_COLOUR", "red"),
        ("SITE_COLOUR", "#fff"),
        ("SITE_COLOUR", "#1f5fbf;}"),
    ],
)
def test_invalid_site_setting_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(settings.SettingsError, match=name):
        settings.from_environment({name: value})


@pytest.mark.parametrize("contact", ["help+me@example.com", "https://example.com/help?from=lanyard", ""])
def test_support_contact_comes_from_the_environment(contact: str) -> None:
    assert settings.from_environment({"SUPPORT_CONTACT": contact}).support_contact == (contact or None)


def test_drawn_icon_is_the_operators_svg_logo_or_the_default() -> None:
    drawn = "<svg xmlns='http://www.w3.org/2000/svg'/>"
    encoded = base64.b64encode(drawn.encode()).decode()
    assert Site("X", f"data:image/svg+xml;base64,{encoded}", "#aa3300").drawn_icon == drawn
    assert Site("X", PNG, "#aa3300").drawn_icon == ""
    assert Site("X", "https://cdn.example.com/logo.svg", "#aa3300").drawn_icon == ""
    assert "#aa3300" in Site("X", None, "#aa3300").drawn_icon


def test_pages_carry_the_operators_name_and_logo() -> None:
    eintritt = Site("Eintritt & Co", PNG, "#aa3300")
    html = BeautifulSoup(
        render.page("home.html", site=eintritt, base="", base_url="", with_script=False, offers_sign_up=False),
        "html.parser",
    )
    assert html.title is not None
    assert html.title.get_text().endswith(" · Eintritt & Co")
    assert [image["src"] for image in html.select(".brand img.logo")] == [PNG]
    assert html.select("svg") == []
    assert [icon["href"] for icon in html.select("link[rel=icon]")] == [PNG]
    assert "Lanyard" not in html.get_text()
