"""The participants of a sweep: users, browsers that make one request at a time, applications, and what they see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import requests

from chalicelib import clock
from chalicelib.models import store
from chalicelib.models.throttle import Throttle
from tests import people, stage
from tests.actors import Browser, ClientApp, Page, Person
from tests.mailbox import Mailbox
from tests.public_app import PublicApp

BIG, SMALL = "Big Events LLC", "Small Shows"


@dataclass(frozen=True)
class Seen:
    """What a client sees of one request. status: 0 if the connection was closed without a response."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)
    page: Page | None = None

    @property
    def was_dropped(self) -> bool:
        return self.status == 0

    @property
    def says(self) -> str:
        """The visible text of the page."""
        return self.page.text if self.page else ""

    @property
    def title(self) -> str:
        found = self.page.html.find("h1") if self.page else None
        return " ".join(found.get_text().split()) if found else ""

    @property
    def location(self) -> str:
        return self.headers.get("Location", "")

    def __str__(self) -> str:
        if self.was_dropped:
            return "no answer"
        said = self.body.get("error") or self.location.partition("?")[0] or self.title
        return f"{self.status} {said or ''}".strip()


DROPPED = Seen(0)


def seen(of: Page | requests.Response) -> Seen:
    response = of.response if isinstance(of, Page) else of
    is_json = response.text and "json" in response.headers.get("Content-Type", "")
    page = of if isinstance(of, Page) else None
    return Seen(response.status_code, response.headers, response.text, response.json() if is_json else {}, page)


class Hand(Browser):
    """A browser that can make one request without following its redirect."""

    follows = True

    def press_once(self, page: Page, button: str, *, tick: Sequence[str] = (), **fill: str) -> Seen:
        self.follows = False
        try:
            return seen(self.press(page, button, tick=tick, **fill))
        except requests.ConnectionError:
            return DROPPED
        finally:
            self.follows = True

    def open_once(self, path: str) -> Seen:
        self.follows = False
        try:
            return seen(self.open(path))
        except requests.ConnectionError:
            return DROPPED
        finally:
            self.follows = True

    def is_signed_in(self) -> bool:
        return self.open("/settings/profile").path == "/settings/profile"

    def _follow(self, response: requests.Response) -> Page:
        return super()._follow(response) if self.follows else Page(response)


class World:
    """What all flows of a sweep share: one shop of each kind, and one template for users."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.mailbox = Mailbox(stage.MAIL)
        self._organizers: dict[str, str] = {}
        self._usual = [self.organizer(name) for name in (BIG, SMALL)]
        self.shop: ClientApp = self.signed_in(self.person()).register_application("A shop")
        people.note_in_use(self.shop)
        self.spa = PublicApp.registered_by(self.signed_in(self.person()))

    def person(self, *slugs: str) -> Person:
        """Somebody with an account, who belongs to these organizers."""
        return people.create_person((slug, self._organizers[slug]) for slug in slugs)

    def organizer(self, name: str) -> str:
        """The slug of a new organizer."""
        slug, _ = people.create_organizer(name)
        self._organizers[slug] = name
        return slug

    def guest(self, person: Person | None = None) -> Hand:
        return Hand(self.base_url, person)

    def signed_in(self, person: Person) -> Hand:
        hand = Hand(self.base_url, person)
        people.sign_in(hand)
        return hand

    def john(self) -> Hand:
        """A new signed-in user who belongs to two organizers."""
        return self.signed_in(self.person(*self._usual))

    def can_sign_in(self, email: str, password: str) -> bool:
        browser = self.guest(Person("", email, password=password))
        return browser.sign_in().path != "/login"

    @contextmanager
    def later(self, seconds: int) -> Iterator[None]:
        """Set the application's clock ahead inside the context: the client has waited."""
        now = clock.now
        with patch.object(clock, "now", lambda: now() + seconds):
            yield

    def forget_tries(self) -> None:
        """Reset all limits, so that no case is affected by those before it."""
        store.delete_all([found.own_key for found in store.scan(Throttle)])

    def tries(self) -> int:
        """The number of tries counted at the moment, of any kind."""
        return sum(int(found.tries) for found in store.scan(Throttle))
