"""The consent page's optional permissions, and its answer with some of them selected."""

from __future__ import annotations

from typing import Any

from tests.actors import Browser, Page


def boxes(page: Page) -> dict[str, bool]:
    """The optional scopes on the page, and whether each is selected."""
    return {str(box["value"]): box.has_attr("checked") for box in page.html.select("input[name=scopes]")}


def answer(browser: Browser, page: Page, *selected: str, organizer: str = "Big Events LLC", **more: Any) -> Page:
    """Allow, with these optional scopes and this organizer selected; "" for none."""
    form = page.form_with("Authorize")
    slugs = [slug for slug, name in browser.user.organizers.items() if name == organizer]
    fields = {**page.fields("Authorize"), "scopes": list(selected), "organizers": slugs, **more}
    return browser.send(page, str(form["action"]), fields)
