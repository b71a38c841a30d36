"""What people do in a browser again and again, whatever language the page is in."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.actors import Person


def submit(page: Page, button: str = "main button[type=submit]") -> None:
    """Press a form's button, and wait until its answer is there."""
    with page.expect_navigation():
        page.locator(button).first.click()


def sign_in(page: Page, person: Person) -> None:
    """Fill in the sign-in page that is open, and send it."""
    page.locator("#email").fill(person.email)
    page.locator("#password").fill(person.password)
    submit(page)


def tick(page: Page, *organizers: str) -> None:
    for name in organizers:
        page.get_by_role("checkbox", name=name).check()


def connect(page: Page, box_office: str, person: Person, *organizers: str) -> None:
    """From the application's button to the application again; signs in on the way where nobody is."""
    page.goto(box_office)
    page.get_by_role("link", name="Connect with Lanyard").click()
    page.locator("#password, [name=organizers]").first.wait_for()
    if page.locator("#password").count():
        sign_in(page, person)
    tick(page, *organizers)
    page.locator("button[value=allow]").click()
    page.wait_for_url(f"{box_office}/**")
