"""A flow is something that a person or an application wants, whose one request meets a fault and is then retried."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar

import requests

from tests.actors import Page, Person
from tests.faults.scene import DROPPED, Hand, Seen, World, seen

FLOWS: dict[str, type[Flow]] = {}


class Flow:
    """One case of a flow; `prepare` runs on creation. Subclasses with a `name` are listed in FLOWS.

    operator: changes to Settings. takes_tries_back: a failure must cost no try; limits on an application's requests
    count all of them. people: the users whose items must be sound afterwards. learned: what the client knows from the
    response it got.
    """

    name: ClassVar[str] = ""
    operator: ClassVar[Mapping[str, Any]] = {}
    takes_tries_back: ClassVar[bool] = True

    def __init_subclass__(cls) -> None:
        if cls.name:
            assert cls.name not in FLOWS, cls.name
            FLOWS[cls.name] = cls

    def __init__(self, world: World) -> None:
        self.world = world
        self.people: list[Person] = []
        self.learned: Seen | None = None
        self.prepare()

    def prepare(self) -> None:
        raise NotImplementedError

    def act(self) -> Seen:
        """Make the flow's one request."""
        raise NotImplementedError

    def again(self) -> Seen:
        """Repeat the same request, which is what everybody tries first."""
        return self.act()

    def reload(self) -> Seen | None:
        """Load the form's page again and press the button, as a person does next; None for a program."""
        return None

    def is_done(self, answer: Seen) -> bool:
        """Whether this is the response that a client gets if nothing fails."""
        return answer.status == 200

    def is_told(self, answer: Seen) -> bool:
        """Whether the response to the retry says that the request succeeded the first time, or what to do instead."""
        return False

    def losses(self, *, is_done: bool) -> Iterable[str]:
        """What is wrong afterwards, in a few words each. is_done: the client was not told what to do instead."""
        return ()


class PageFlow(Flow):
    """A person fills in a form. path: its page; button: the one they press; fill: what they type."""

    browser: Hand
    path = ""
    button = ""
    tick: tuple[str, ...] = ()
    fill: Mapping[str, str] = {}
    page: Page

    def begin(self, browser: Hand, path: str = "") -> None:
        self.browser = browser
        if browser.person is not None and browser.person.user_id:
            self.people.append(browser.person)
        self.path = path or self.path
        self.page = browser.open(self.path)
        self.page.form_with(self.button)

    def act(self) -> Seen:
        return self.browser.press_once(self.page, self.button, tick=self.tick, **self.fill)

    def reload(self) -> Seen:
        page = self.browser.open(self.path)
        try:
            page.form_with(self.button)
        except AssertionError:
            return seen(page)
        return self.browser.press_once(page, self.button, tick=self.tick, **self.fill)

    def is_done(self, answer: Seen) -> bool:
        return answer.status == 303 and "/login" not in answer.location


def called(request: Callable[[], requests.Response]) -> Seen:
    """What a program sees of its request."""
    try:
        return seen(request())
    except requests.ConnectionError:
        return DROPPED


def wrong(**facts: bool) -> Iterator[str]:
    """The names of the true facts, as words: `wrong(token_is_dead=True)` gives "token is dead"."""
    return (name.replace("_", " ") for name, is_so in facts.items() if is_so)
