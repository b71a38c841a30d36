"""A flow: something that a person or an application wants, whose one request meets a fault and is then tried again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar

import requests

from tests.actors import Page, Person
from tests.faults.scene import DROPPED, Hand, Seen, World, seen

FLOWS: dict[str, type[Flow]] = {}


class Flow:
    """One case of it: `prepare` runs when it is made. Subclasses with a `name` are listed in FLOWS.

    operator: what is set differently, of Settings. takes_tries_back: must a failure cost no try? What limits an
    application's requests counts them all. people: whose items must be sound afterwards. learned: what the client knows
    from an answer that it got.
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
        """The one request."""
        raise NotImplementedError

    def again(self) -> Seen:
        """The same once more, which is the first that everybody tries."""
        return self.act()

    def reload(self) -> Seen | None:
        """What a person does next: load the form's page anew and press again. None for a program."""
        return None

    def is_done(self, answer: Seen) -> bool:
        """Is it the answer that a client gets where nothing fails?"""
        return answer.status == 200

    def is_told(self, answer: Seen) -> bool:
        """Does it, on the second try, say honestly that it was done before, or what to do instead?"""
        return False

    def losses(self, *, is_done: bool) -> Iterable[str]:
        """What is wrong afterwards, each in a few words. is_done: or was the client told what to do instead?"""
        return ()


class PageFlow(Flow):
    """A person fills in a form. path: where it is. button: the one they press. fill: what they type."""

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
    """What a program sees."""
    try:
        return seen(request())
    except requests.ConnectionError:
        return DROPPED


def wrong(**facts: bool) -> Iterator[str]:
    """The facts that are so, as words: `wrong(token_is_dead=True)` gives "token is dead"."""
    return (name.replace("_", " ") for name, is_so in facts.items() if is_so)
