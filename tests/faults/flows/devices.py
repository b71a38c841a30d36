"""A device without a browser connects (RFC 8628)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chalicelib import limits
from chalicelib.models import store
from chalicelib.models.grant import Grant
from tests.faults.flow import Flow, PageFlow, called, wrong
from tests.faults.flows.tokens import is_good
from tests.faults.scene import BIG, Seen, World
from tests.flows.test_device import Device, registered

INTERVAL_SECONDS = limits.DEVICE_POLL_SECONDS  # the time every device waits before it polls again


def a_device(world: World) -> Device:
    return registered(world.signed_in(world.person()))


class Start(Flow):
    name = "device: start"
    takes_tries_back = False

    def prepare(self) -> None:
        self.device, self.browser = a_device(self.world), self.world.john()

    def act(self) -> Seen:
        url = self.world.base_url + "/api/v1/oauth/device_authorization"
        return called(lambda: self.device.http.post(url, data={"client_id": self.device.client_id}))

    def losses(self, *, is_done: bool) -> Iterator[str]:
        assert self.learned is not None
        page = self.browser.open(self.learned.body["verification_uri_complete"])
        yield from wrong(the_code_opens_nothing=page.title != "Authorize A television?")


class Answer(PageFlow):
    """A person answers a device's request."""

    state = ""

    def prepare(self) -> None:
        self.device = a_device(self.world)
        self.started: dict[str, Any] = self.device.start()
        self.begin(self.world.john(), self.started["verification_uri_complete"])

    def is_told(self, answer: Seen) -> bool:
        return "already" in answer.says and answer.status in (200, 400, 409)


class Type(Answer):
    name = "device: type the code"
    button = "Continue"

    def prepare(self) -> None:
        self.device = a_device(self.world)
        self.started = self.device.start()
        self.fill = {"user_code": self.started["user_code"]}
        self.begin(self.world.john(), "/device")

    def is_done(self, answer: Seen) -> bool:
        return answer.status == 200 and answer.title == "Authorize A television?"


class Allow(Answer):
    name = "device: allow"
    button = "Authorize"
    tick = (BIG,)

    def is_done(self, answer: Seen) -> bool:
        return answer.status == 200 and "You have connected" in answer.says

    def losses(self, *, is_done: bool) -> Iterator[str]:
        answer = self.device.poll(self.started["device_code"])
        yield from wrong(the_device_gets_nothing=answer.status_code != 200)


class Deny(Answer):
    name = "device: deny"
    button = "Deny"

    def is_done(self, answer: Seen) -> bool:
        return answer.status == 200 and "You have denied" in answer.says

    def losses(self, *, is_done: bool) -> Iterator[str]:
        answer = self.device.poll(self.started["device_code"])
        yield from wrong(the_device_is_not_told=answer.json().get("error") != "access_denied")


class Poll(Flow):
    name = "device: ask in vain"

    def prepare(self) -> None:
        self.device = a_device(self.world)
        self.code = self.device.start()["device_code"]

    def act(self) -> Seen:
        return called(lambda: self.device.poll(self.code))

    def is_done(self, answer: Seen) -> bool:
        return answer.body.get("error") == "authorization_pending"

    def again(self) -> Seen:
        with self.world.later(INTERVAL_SECONDS):
            return self.act()


class Exchange(Flow):
    name = "device: get the tokens"

    def prepare(self) -> None:
        self.device, browser = a_device(self.world), self.world.john()
        started = self.device.start()
        page = browser.allow(browser.open(started["verification_uri_complete"]), BIG)
        assert "You have connected" in page.text
        self.code, self.user = started["device_code"], browser.user
        self.people.append(browser.user)

    def act(self) -> Seen:
        return called(lambda: self.device.poll(self.code))

    def again(self) -> Seen:
        with self.world.later(INTERVAL_SECONDS):
            return self.act()

    def is_told(self, answer: Seen) -> bool:
        return answer.body.get("error") == "invalid_grant" and bool(answer.body.get("error_description"))

    def losses(self, *, is_done: bool) -> Iterator[str]:
        if is_done:
            assert self.learned
            tokens = self.learned.body
            yield from wrong(the_access_token_does_not_work=not is_good(self.device, tokens["access_token"]))
            refreshed = self.device.refresh(tokens["refresh_token"])
            yield from wrong(the_refresh_token_does_not_work=refreshed.status_code != 200)
        else:
            held = list(store.query(Grant, self.user.user_id))
            yield from wrong(tokens_that_nobody_got_are_alive=bool(held))
