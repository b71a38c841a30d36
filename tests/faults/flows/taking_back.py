"""A person revokes what they allowed."""

from __future__ import annotations

from collections.abc import Iterator

from tests.actors import ClientApp, Page
from tests.faults.flow import PageFlow, wrong
from tests.faults.flows.tokens import is_good
from tests.faults.scene import BIG, Seen

PATH = "/settings/authorized"


def listed(page: Page) -> str:
    return " ".join(heading.get_text() for heading in page.html.select("h2"))


class RevokeApplication(PageFlow):
    name = "revoke an application"
    button = "Revoke"
    at = PATH

    def prepare(self) -> None:
        browser = self.world.john()
        self.apps = [self.world.shop, self.world.spa]
        self.tokens = [app.connect(browser, BIG) for app in self.chosen]
        self.begin(browser, self.at)

    @property
    def chosen(self) -> list[ClientApp]:
        return self.apps[:1]

    def is_told(self, answer: Seen) -> bool:
        """The page no longer lists any application."""
        return (answer.status == 200 and self.button not in answer.says) or answer.location.endswith(PATH)

    def losses(self, *, is_done: bool) -> Iterator[str]:
        for app, tokens in zip(self.chosen, self.tokens, strict=True):
            yield from wrong(
                a_revoked_token_works=is_good(app, tokens["access_token"]),
                a_revoked_refresh_token_works=app.refresh(tokens["refresh_token"]).status_code == 200,
            )
        page = self.browser.open(PATH)
        yield from wrong(it_is_still_listed=any(name in page.text for name in ("A shop", "A public app")))


class RevokeAll(RevokeApplication):
    name = "revoke all applications"
    button = "Revoke all"
    at = f"{PATH}/all"

    @property
    def chosen(self) -> list[ClientApp]:
        return self.apps
