"""The pages work by keyboard alone, without JavaScript, in the dark, and in German."""

from __future__ import annotations

import re
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Page, expect

from tests.actors import Person
from tests.browser.conftest import Open
from tests.browser.steps import connect, sign_in, submit, tick


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the element with this name has the focus, and check that the focus is visible."""
    for _ in range(40):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        if focused.count() and _name(focused.element_handle()) == name:
            assert focused.evaluate("element => getComputedStyle(element).outlineStyle") == "solid", name
            return
    raise AssertionError(f"Tab never came to {name!r}")


def _name(element: object) -> str:
    said: str = element.evaluate(  # type: ignore[attr-defined]
        'element => (element.labels?.[0] ?? element).textContent.replace(/\\s+/g, " ").trim()'
    )
    return said


@pytest.mark.spec("WCAG 2.1.1", "WCAG 2.4.7")
def test_user_connects_and_revokes_by_keyboard_alone(page: Page, base_url: str, box_office: str, ada: Person) -> None:
    page.goto(box_office)
    tab_to(page, "Connect with Lanyard")
    page.keyboard.press("Enter")
    expect(page.locator("#email")).to_be_focused()
    page.keyboard.type(ada.email)
    tab_to(page, "Password")
    page.keyboard.type(ada.password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("checkbox", name="Small Shows")).to_be_visible()
    tab_to(page, "Small Shows")
    page.keyboard.press("Space")
    tab_to(page, "Authorize")
    page.keyboard.press("Enter")
    expect(page).to_have_url(box_office + "/")
    page.goto(f"{base_url}/settings/authorized")
    tab_to(page, "Skip to content")
    page.keyboard.press("Enter")
    tab_to(page, "Revoke Box office")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("The application no longer has access.")


def test_pressing_return_on_the_consent_page_allows_nothing(page: Page, box_office: str, ada: Person) -> None:
    """Return presses a form's first button, which must not be the one that gives access."""
    page.goto(box_office)
    page.get_by_role("link", name="Connect with Lanyard").click()
    sign_in(page, ada)
    page.get_by_role("checkbox", name="Small Shows").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Authorize Box office?")


@pytest.mark.spec("RFC 6749 §10.12", "docs/security.md")
@pytest.mark.parametrize("java_script_enabled", [True, False])
def test_form_whose_session_ended_is_restored_after_signing_in(
    open_page: Open, base_url: str, ada: Person, java_script_enabled: bool
) -> None:
    """Only a real browser shows that it reveals where a form came from, whatever the page's referrer policy."""
    page = open_page(java_script_enabled=java_script_enabled)
    page.goto(f"{base_url}/login?next=/settings/profile")
    sign_in(page, ada)
    page.get_by_label("Name").fill("Ada, Countess of Lovelace")
    page.context.clear_cookies()
    submit(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    sign_in(page, ada)
    page.get_by_role("button", name="Go back to your form").click()
    expect(page.get_by_label("Name")).to_have_value("Ada, Countess of Lovelace")
    expect(page.get_by_role("alert")).to_contain_text("This form was out of date")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Your profile has been saved.")
    page.reload()
    expect(page.get_by_role("status")).to_have_count(0)


@pytest.mark.spec("RFC 6749 §10.12")
def test_form_on_another_site_fills_in_nothing_here(page: Page, base_url: str, ada: Person) -> None:
    page.goto(f"{base_url}/login?next=/settings/profile")
    sign_in(page, ada)
    elsewhere = base_url.replace("127.0.0.1", "localhost")
    form = f'<form method=post action="{base_url}/settings/profile"><input name=fullname value=Mallory><button>'
    page.route(f"{elsewhere}/win", lambda route: route.fulfill(body=form, content_type="text/html"))
    page.goto(f"{elsewhere}/win")
    submit(page, "button")
    expect(page.locator("body")).not_to_contain_text("Mallory")
    page.goto(f"{base_url}/settings/profile")
    expect(page.get_by_label("Name")).to_have_value("John Doe")


def test_user_connects_and_registers_without_javascript(
    open_page: Open, base_url: str, box_office: str, ada: Person
) -> None:
    page = open_page(java_script_enabled=False)
    page.goto(box_office)
    page.get_by_role("link", name="Connect with Lanyard").click()
    sign_in(page, ada)
    page.get_by_role("button", name="Select all").click()
    expect(page.get_by_role("checkbox", checked=True)).to_have_count(2)
    page.get_by_role("button", name="Select none").click()
    expect(page.get_by_role("checkbox", checked=False)).to_have_count(2)
    tick(page, "Small Shows")
    page.get_by_role("button", name="Authorize", exact=True).click()
    expect(page).to_have_url(box_office + "/")
    page.goto(f"{base_url}/settings/applications/new")
    page.get_by_label("Name").fill("Counter sales")
    page.get_by_label("Redirect URLs", exact=True).fill("https://counter.example.com/")
    page.get_by_role("button", name="Register").click()
    expect(page.locator("#client-secret")).to_have_text(re.compile("^lycs_"))
    expect(page.get_by_role("button", name="Copy")).to_have_count(0)


def test_user_whose_account_is_german_sees_the_pages_in_german(
    page: Page, base_url: str, box_office: str, berta: Person
) -> None:
    """The account's language decides, whatever the browser asks for."""
    connect(page, box_office, berta, "Kleinkunst")
    page.goto(f"{base_url}/settings/authorized")
    expect(page.get_by_role("heading", level=1)).to_have_text("Verbundene Anwendungen")
    expect(page.get_by_role("button")).to_have_text(re.compile("Zugriff entziehen"))
    expect(page.locator("time").first).to_have_text(re.compile(r"^\d{1,2}\. \w+ \d{4}, \d\d:\d\d MES?Z$"))
    page.goto(f"{base_url}/settings/applications/new")
    page.locator("#name").fill("Vorverkauf")
    page.locator("#redirect_uris").fill("https://*.example.com/")
    page.get_by_role("button", name="Registrieren").click()
    expect(page.locator("#uris-problem li")).to_have_text(
        "Zeile 1: https://*.example.com/ enthält einen Platzhalter (*); registrieren Sie jede Adresse vollständig."
    )


def test_browsers_language_decides_before_signing_in(open_page: Open, base_url: str) -> None:
    page = open_page(locale="de-CH")
    page.goto(f"{base_url}/login")
    expect(page.get_by_role("heading", level=1)).to_have_text("Anmelden")
    page = open_page(locale="pt-BR")
    page.goto(f"{base_url}/login")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


@pytest.mark.parametrize(("scheme", "is_dark"), [("light", False), ("dark", True)])
def test_pages_are_dark_if_the_browser_prefers_it(open_page: Open, base_url: str, scheme: str, is_dark: bool) -> None:
    page = open_page(color_scheme=scheme)
    page.goto(f"{base_url}/login")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = max(int(channel) for channel in re.findall(r"\d+", ground))
    assert (brightness < 60) == is_dark, ground


NAMES = (
    "<script>document.title='taken'</script><img src=x onerror=alert(1)>",
    "קופה 12 שלום – ABC (1)",  # right to left, without control characters, which names must not contain
    "W" * 255,
    "🎟️👩‍👩‍👧‍👦🏳️‍🌈 Ünïcödé 票務",
    "{{ 7*7 }} %(name)s {% raw %} &amp; \" ' `",
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.spec("CVE-2018-1000088")
def test_name_is_only_ever_shown_as_text_whatever_it_contains(
    open_page: Open, base_url: str, a_person: object, name: str
) -> None:
    """As the name of an application and of an organizer, on every page that shows one."""
    person: Person = a_person(name)  # type: ignore[operator]
    page = open_page(viewport={"width": 320, "height": 640})
    page.goto(f"{base_url}/login?next=/settings/applications/new")
    sign_in(page, person)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Redirect URLs", exact=True).fill("ftp://wrong.example.com/")
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_label("Name")).to_have_value(name)
    page.get_by_label("Redirect URLs", exact=True).fill(f"{base_url}/")
    page.get_by_role("button", name="Register").click()
    _shows(page, name)
    own = f"{base_url}/settings/applications/{page.locator('#client-id').inner_text()}"
    test_link = page.get_by_role("link", name="Test the connection").get_attribute("href")
    for address in (f"{base_url}/settings/applications", own, f"{own}/secret", f"{own}/delete"):
        page.goto(address)
        _shows(page, name)
    page.goto(urljoin(page.url, str(test_link)))
    _shows(page, name)
    assert page.locator(".choices bdi").text_content() == name
    page.get_by_role("button", name="Authorize", exact=True).click()
    page.goto(f"{base_url}/settings/authorized")
    _shows(page, name)


def _shows(page: Page, name: str) -> None:
    assert page.locator("bdi.name").first.text_content() == name
    assert page.title().endswith(" · Lanyard")
    assert page.locator("img[src=x]").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), page.url
