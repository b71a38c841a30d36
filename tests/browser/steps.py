"""Steps that people take in a browser again and again, whatever the language of the page."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.actors import Person


def submit(page: Page, button: str = "main button[type=submit]") -> None:
    """Press a form's button and wait for the response."""
    with page.expect_navigation():
        page.locator(button).first.click()


def sign_in(page: Page, person: Person) -> None:
    """Fill in and send the sign-in page that is open."""
    page.locator("#email").fill(person.email)
    page.locator("#password").fill(person.password)
    submit(page)


def tick(page: Page, *organizers: str) -> None:
    for name in organizers:
        page.get_by_role("checkbox", name=name).check()


def connect(page: Page, box_office: str, person: Person, *organizers: str) -> None:
    """Go from the application's button back to the application, signing in on the way if necessary."""
    page.goto(box_office)
    page.get_by_role("link", name="Connect with Lanyard").click()
    page.locator("#password, [name=organizers]").first.wait_for()
    if page.locator("#password").count():
        sign_in(page, person)
    tick(page, *organizers)
    page.locator("button[value=allow]").click()
    page.wait_for_url(f"{box_office}/**")
