"""Tokens that are bound to a key: each request uses up a proof, and no proof is used up for nothing."""

from __future__ import annotations

import copy
from collections.abc import Iterator

from tests.actors import ClientApp
from tests.dpop import ProvingSession, prove
from tests.faults.flow import Flow, called, wrong
from tests.faults.flows.tokens import Exchange, ForTokens
from tests.faults.scene import BIG, Seen


def proving(app: ClientApp) -> ClientApp:
    """The application as it is when it proves a key. It has a nonce already, so each request here is one request."""
    made = copy.copy(app)
    prove(made)
    made.refresh("unknown")
    return made


class ExchangeBound(Exchange):
    name = "exchange a code, bound to a key"

    def choose(self) -> ClientApp:
        return proving(self.world.shop)


class RefreshBoundPublic(ForTokens):
    name = "refresh a bound token, public application"

    def choose(self) -> ClientApp:
        return proving(self.world.spa)

    def prepare_request(self) -> None:
        self.before = self.app.connect(self.browser, BIG)

    def act(self) -> Seen:
        return called(lambda: self.app.refresh(self.before["refresh_token"]))

    def losses(self, *, is_done: bool) -> Iterator[str]:
        yield from self.do_not_work()
        thief = copy.copy(self.app)
        thief.http = ProvingSession()
        stolen = thief.refresh(self.answer["refresh_token"])
        yield from wrong(the_refresh_token_works_without_its_key=stolen.status_code == 200)


class CallWithBoundToken(Flow):
    name = "GET /me with a bound token"

    def prepare(self) -> None:
        self.app, self.browser = proving(self.world.shop), self.world.john()
        self.people.append(self.browser.user)
        self.token = self.app.connect(self.browser, BIG)["access_token"]

    def act(self) -> Seen:
        return called(lambda: self.app.me(self.token))

    def is_done(self, answer: Seen) -> bool:
        return answer.status == 200 and answer.body["email"] == self.browser.user.email
