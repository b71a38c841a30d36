"""In a real browser, users connect a third-party application and manage its access."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.actors import Person
from tests.browser.steps import connect, sign_in, submit, tick

pytestmark = pytest.mark.spec("docs/architecture.md", "RFC 6749 §4.1")


def test_user_connects_an_application_for_one_of_their_organizers(page: Page, box_office: str, ada: Person) -> None:
    page.goto(box_office)
    page.get_by_role("link", name="Connect with Lanyard").click()
    sign_in(page, ada)
    expect(page.get_by_role("heading", level=1)).to_have_text("Authorize Box office?")
    tick(page, "Small Shows")
    page.get_by_role("button", name="Authorize", exact=True).click()
    expect(page).to_have_url(box_office + "/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Hello, John Doe")
    expect(page.get_by_text(ada.email)).to_be_visible()
    expect(page.get_by_role("region", name="Organizers that you chose").get_by_role("listitem")).to_have_text(
        [re.compile("Small Shows")]
    )


def test_user_denies_the_application_access(page: Page, box_office: str, ada: Person) -> None:
    page.goto(box_office)
    page.get_by_role("link", name="Connect with Lanyard").click()
    sign_in(page, ada)
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_role("status")).to_have_text("You said no, and nothing was connected.")


def test_user_selects_all_organizers_at_once(page: Page, box_office: str, ada: Person) -> None:
    page.goto(box_office)
    page.get_by_role("link", name="Connect with Lanyard").click()
    sign_in(page, ada)
    page.get_by_role("button", name="Select all").click()
    page.get_by_role("button", name="Authorize", exact=True).click()
    expect(page.get_by_role("region", name="Organizers that you chose").get_by_role("listitem")).to_have_count(2)


def test_application_with_a_remembered_consent_returns_without_asking(page: Page, box_office: str, ada: Person) -> None:
    connect(page, box_office, ada, "Small Shows")
    page.get_by_role("button", name="Disconnect").click()
    page.get_by_role("link", name="Connect with Lanyard").click()
    expect(page).to_have_url(box_office + "/")
    expect(page.get_by_text("Small Shows")).to_be_visible()


def test_signing_in_leads_straight_to_an_application_with_a_remembered_consent(
    page: Page, base_url: str, box_office: str, ada: Person
) -> None:
    """Browsers apply the sign-in form's form-action to every redirect, and this one ends at another site."""
    connect(page, box_office, ada, "Small Shows")
    page.goto(f"{base_url}/logout")
    submit(page)
    page.goto(box_office)
    page.get_by_role("button", name="Disconnect").click()
    page.get_by_role("link", name="Connect with Lanyard").click()
    sign_in(page, ada)
    expect(page).to_have_url(box_office + "/")
    expect(page.get_by_text("Small Shows")).to_be_visible()


def test_application_can_ask_the_user_again(page: Page, box_office: str, ada: Person) -> None:
    connect(page, box_office, ada, "Small Shows")
    page.get_by_role("link", name="Choose others").click()
    expect(page.get_by_text("is already connected to your Lanyard account and is asking again")).to_be_visible()
    expect(page.get_by_role("checkbox", name="Small Shows")).not_to_be_checked()
    tick(page, "Big Events LLC")
    page.get_by_role("button", name="Authorize", exact=True).click()
    expect(page.get_by_text("Big Events LLC")).to_be_visible()
    expect(page.get_by_text("Small Shows")).to_have_count(0)


def test_refresh_ends_the_previous_token(page: Page, box_office: str, ada: Person) -> None:
    connect(page, box_office, ada, "Small Shows")
    before = page.locator("section[aria-labelledby=token] code").inner_text()
    page.get_by_role("button", name="Refresh").click()
    expect(page.get_by_role("status")).to_have_text("You have a new access token. The previous one now gets 401.")
    assert page.locator("section[aria-labelledby=token] code").inner_text() != before


def test_revoked_application_no_longer_has_access(page: Page, base_url: str, box_office: str, ada: Person) -> None:
    connect(page, box_office, ada, "Small Shows")
    page.goto(f"{base_url}/settings/authorized")
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("status")).to_have_text("The application no longer has access.")
    page.goto(box_office)
    expect(page.get_by_role("status")).to_contain_text("Lanyard says that this connection has ended")
    page.get_by_role("link", name="Connect with Lanyard").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Authorize Box office?")


def test_user_switches_accounts_without_starting_again(page: Page, box_office: str, ada: Person, berta: Person) -> None:
    page.goto(box_office)
    page.get_by_role("link", name="Connect with Lanyard").click()
    sign_in(page, ada)
    page.get_by_role("link", name="Use another account").click()
    sign_in(page, berta)
    expect(page.get_by_text(berta.email).last).to_be_visible()
    expect(page.get_by_role("checkbox", name="Kleinkunst")).to_be_visible()


def test_developer_registers_an_application_and_tries_it(page: Page, base_url: str, ada: Person) -> None:
    page.goto(f"{base_url}/login?next=/settings/applications")
    sign_in(page, ada)
    page.get_by_role("link", name="Register an application").click()
    page.get_by_label("Name").fill("Counter sales")
    page.get_by_label("Redirect URLs", exact=True).fill(f"{base_url}/logout\nftp://counter.example.com/")
    page.get_by_role("button", name="Register").click()
    expect(page.locator("#uris-problem li")).to_have_text(
        ["Line 2: ftp://counter.example.com/ must be a full address that starts with https://."]
    )
    page.get_by_label("Redirect URLs", exact=True).fill(f"{base_url}/logout")
    page.get_by_role("button", name="Register").click()
    expect(page.locator("#client-secret")).to_have_text(re.compile("^lycs_"))
    page.get_by_role("link", name="Test the connection").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Authorize Counter sales?")
    tick(page, "Small Shows")
    page.get_by_role("button", name="Authorize", exact=True).click()
    expect(page).to_have_url(re.compile(re.escape(f"{base_url}/logout") + r"\?code=lyac_.*state=STATE"))


def test_client_secret_is_copied_with_a_button(page: Page, base_url: str, ada: Person) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{base_url}/login?next=/settings/applications/new")
    sign_in(page, ada)
    page.get_by_label("Name").fill("Counter sales")
    page.get_by_label("Redirect URLs", exact=True).fill("https://counter.example.com/")
    page.get_by_role("button", name="Register").click()
    page.locator("dd", has=page.locator("#client-secret")).get_by_role("button", name="Copy").click()
    expect(page.get_by_role("status")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#client-secret").inner_text()
