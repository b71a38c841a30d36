"""The person at the browser: opens what the suite asks for, signs in, answers the consent page, and goes back."""

from __future__ import annotations

from urllib.parse import parse_qsl, urljoin, urlsplit

from bs4 import Tag

from tests.actors import Browser, Page
from tests.conformance.suite import Suite, Visit

_STEPS_LIMIT = 10


class Walk:
    """One test module's browser, which starts without cookies.

    denies: the person answers the consent page with "Deny". only_looks: on their first visit they do nothing. pages:
    those that they saw, in their order. has_stopped: they are on a page of ours on which there is nothing to do, such
    as an error.
    """

    def __init__(self, browser: Browser, suite: Suite, *, denies: bool, only_looks: bool = False) -> None:
        self.pages: list[Page] = []
        self.has_stopped = False
        self._browser = browser
        self._suite = suite
        self._denies = denies
        self._only_looks = only_looks

    @property
    def page_to_show(self) -> Page | None:
        """The page for a picture: where they stopped, or else where they had to sign in last. None if they saw none."""
        signing_in = [page for page in self.pages if page.path == "/login"]
        shown = self.pages if self.has_stopped else signing_in or self.pages
        return shown[-1] if shown else None

    def open(self, visit: Visit) -> None:
        """Go as far as it leads: back to the suite, or to a page of ours on which there is nothing to do."""
        page, self.has_stopped = self._first(visit), False
        if self._only_looks:
            self._only_looks = False
            return
        for _ in range(_STEPS_LIMIT):
            if page.left_to is not None:
                assert page.left_to.startswith(self._suite.url + "/"), (
                    f"it was sent to {urlsplit(page.left_to).hostname}"
                )
                self._suite.take_back(page.left_to)
                return
            self.pages.append(page)
            back = self._posted_back(page) or self._link_back(page)
            if back is not None:
                self._suite.take_back(*back)
                return
            following = self._answered(page)
            if following is None:
                self.has_stopped = True
                return
            page = following
        raise AssertionError(f"the pages lead in a circle: {page.path} {page.text[:200]}")

    def _first(self, visit: Visit) -> Page:
        if visit.method != "POST":
            return self._browser.open(visit.url)
        url, _, query = visit.url.partition("?")
        return self._browser.post(url, dict(parse_qsl(query)), site="cross-site")

    def _answered(self, page: Page) -> Page | None:
        """The page after this one; None if a person would stop here."""
        if _has_button(page, "Sign in") and page.html.find(attrs={"name": "password"}):
            who = self._browser.user
            return self._browser.press(page, "Sign in", email=who.email, password=who.password)
        if _has_button(page, "Authorize"):
            if self._denies:
                return self._browser.press(page, "Deny")
            choices = page.choices()
            tick = () if any(choices.values()) else tuple(choices)
            return self._browser.press(page, "Authorize", tick=tick)
        if page.html.find(id="signed-out") is None and _has_button(page, "Sign out") and page.status == 200:
            return self._browser.press(page, "Sign out")
        return None

    def _posted_back(self, page: Page) -> tuple[str, dict[str, str]] | None:
        """Where a page sends its form by itself, if it is the suite, and the form (response_mode=form_post)."""
        for form in page.html.find_all("form"):
            action = urljoin(page.response.url, str(form.get("action", "")))
            if action.startswith(self._suite.url + "/"):
                inputs = [field for field in form.find_all("input") if isinstance(field, Tag) and field.get("name")]
                return action, {str(field["name"]): str(field.get("value", "")) for field in inputs}
        return None

    def _link_back(self, page: Page) -> tuple[str, None] | None:
        """Where the page of a refused request leads on, if that is the suite: the person presses the link."""
        links = [str(link["href"]) for link in page.html.find_all("a", href=True, class_="button")]
        return next(((link, None) for link in links if link.startswith(self._suite.url + "/")), None)


def _has_button(page: Page, text: str) -> bool:
    main = page.html.find("main") or page.html
    assert isinstance(main, Tag)
    return any(" ".join(found.get_text().split()).startswith(text) for found in main.find_all("button"))
