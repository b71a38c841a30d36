"""An application asks for access, and a person answers."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults.flow import Flow, PageFlow, called, wrong
from tests.faults.scene import BIG, Seen
from tests.flows.test_pushed_requests import path, push


class Allow(PageFlow):
    name = "authorize: allow"
    button = "Authorize"
    tick = (BIG,)

    def prepare(self) -> None:
        self.app = self.world.shop
        self.begin(self.world.john(), self.app.authorize_path())

    def is_done(self, answer: Seen) -> bool:
        return answer.status == 303 and answer.location.startswith(self.app.redirect_uri) and "code=" in answer.location

    def losses(self, *, is_done: bool) -> Iterator[str]:
        if is_done:
            assert self.learned
            assert self.learned.page
            self.learned.page.left_to = self.learned.location
            answer = self.app.exchange(self.learned.page.code)
            yield from wrong(the_code_cannot_be_exchanged=answer.status_code != 200)
            yield from wrong(the_state_is_another=self.learned.page.answer["state"] != "xyz")


class AllowPublic(Allow):
    name = "authorize: allow a public application"

    def prepare(self) -> None:
        self.app = self.world.spa
        self.begin(self.world.john(), self.app.authorize_path())


class Deny(PageFlow):
    name = "authorize: deny"
    button = "Deny"

    def prepare(self) -> None:
        self.begin(self.world.john(), self.world.shop.authorize_path())

    def is_done(self, answer: Seen) -> bool:
        return answer.status == 303 and "error=access_denied" in answer.location


class SeeConsentPage(Flow):
    name = "authorize: see the page"

    def prepare(self) -> None:
        self.browser = self.world.john()
        self.people.append(self.browser.user)

    def act(self) -> Seen:
        return self.browser.open_once(self.world.shop.authorize_path())

    def is_done(self, answer: Seen) -> bool:
        return answer.status == 200 and answer.title == "Authorize A shop?" and BIG in answer.says


class Remembered(Allow):
    name = "authorize: remembered"

    def prepare(self) -> None:
        self.app, self.browser = self.world.shop, self.world.john()
        self.app.connect(self.browser, BIG)
        self.people.append(self.browser.user)

    def act(self) -> Seen:
        return self.browser.open_once(self.app.authorize_path())

    def reload(self) -> Seen:
        return self.act()


class Push(Flow):
    name = "push a request"
    takes_tries_back = False

    def prepare(self) -> None:
        self.browser = self.world.john()

    def act(self) -> Seen:
        return called(lambda: push(self.world.shop))

    def is_done(self, answer: Seen) -> bool:
        return answer.status == 201

    def losses(self, *, is_done: bool) -> Iterator[str]:
        assert self.learned
        page = self.browser.open(path(self.world.shop, self.learned.body["request_uri"]))
        yield from wrong(the_reference_opens_nothing=page.title != "Authorize A shop?")


class AllowPushed(Allow):
    name = "pushed request: allow"

    def prepare(self) -> None:
        self.app = self.world.shop
        self.begin(self.world.john(), path(self.app, push(self.app).json()["request_uri"]))


class RememberedPushed(Remembered):
    name = "pushed request: remembered"

    def prepare(self) -> None:
        super().prepare()
        self.path = path(self.app, push(self.app).json()["request_uri"])

    def act(self) -> Seen:
        return self.browser.open_once(self.path)


class DenyPushed(Deny):
    name = "pushed request: deny"

    def prepare(self) -> None:
        self.begin(self.world.john(), path(self.world.shop, push(self.world.shop).json()["request_uri"]))
