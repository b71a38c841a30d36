"""A Hypothesis state machine: users, applications and operators act in any order, over HTTP.

After every step, each recently issued token is presented and must give exactly what the model says. A step may be armed
with a store fault that the provider has to survive by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chalicelib import credentials
from chalicelib.models import application, application_deletion, application_edit, organizer, user
from tests.actors import PASSWORD, Browser, ClientApp, Page, Person
from tests.conftest import Clock
from tests.fuzz.model import GRACE_SECONDS, TOKEN_SECONDS, App, Code, Grant, Model, Token, User, needs_organizers
from tests.public_app import PublicApp
from tests.store_proxy import Fault, StoreProxy

CALLBACK = "https://shop.example.com/callback"
CHECKED_TOKENS = 5
SCOPES = st.sets(st.sampled_from(["read", "write", "profile"]), min_size=1)
# What DynamoDB does now and then, and one retry survives.
SURVIVED = (Fault.THROTTLED, Fault.INTERNAL_ERROR, Fault.DROPS_CONNECTION, Fault.LOSES_ANSWER)


class Provider(RuleBasedStateMachine):
    """The machine. Hypothesis creates the instances, so a subclass must set `base_url`, `store` and `clock`."""

    base_url: str
    store: StoreProxy
    clock: Clock

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.people: dict[User, Browser] = {}
        self.clients: dict[App, ClientApp] = {}
        self.codes: list[tuple[Code, str]] = []
        self.grants: list[Grant] = []
        self.tokens: list[tuple[Token, str]] = []
        self.armed: Fault | None = None

    @initialize()
    def begin(self) -> None:
        mark = credentials.new_serial().lower()
        slugs = [f"fuzz-{mark}-{number}" for number in range(3)]
        for slug in slugs:
            organizer.create(slug, slug)
        for name in ("ann", "bob"):
            email = f"{name}-{mark}@example.org"
            made = user.create(email=email, password=PASSWORD, fullname=name, locale="en", timezone="UTC")
            for slug in slugs[:2]:
                user.add_member(made.user_id, slug)
            browser = Browser(self.base_url, Person(made.user_id, email, {slug: slug for slug in slugs}))
            browser.sign_in()
            self.people[User(name, set(slugs[:2]))] = browser
        owner = next(iter(self.people.values())).user.user_id
        for name, profile in (
            ("first shop", application.CLASSIC),
            ("second shop", application.CLASSIC),
            ("public app", application.Profile(auth_method=application.NONE)),
        ):
            client_id = credentials.new_id()
            _, secret = application.create(
                client_id, owner_id=owner, name=name, redirect_uris=[CALLBACK], profile=profile
            )
            kind = PublicApp if profile.is_public else ClientApp
            self.clients[App(name, profile.is_public)] = kind(self.base_url, client_id, secret, CALLBACK)
        self.slugs = slugs
        for who in self.people:  # so that there is something to refresh, replay and revoke from the first step on
            for app in self.clients:
                code, value = self.allowed(who, app, {"read", "write"}, set(slugs[:2]))
                self.codes.append((code, value))
                self.exchanged(code, value)

    # -- users -------------------------------------------------------------------------------------------------------

    @rule(data=st.data(), scopes=SCOPES)
    def authorize(self, data: Any, scopes: set[str]) -> None:
        """An application sends a user here, and the user allows what it asks for."""
        users, apps = [who for who in self.people if who.active], [app for app in self.clients if app.is_there]
        if not users or not apps:
            return
        who, app = self.pick(data, users), self.pick(data, apps)
        browser = self.people[who]
        with self.survives():
            page = self.open(browser, self.clients[app].authorize_path(scope=" ".join(sorted(scopes))))
        remembered = self.model.is_remembered(who, app, scopes)
        assert (page.left_to is not None) == remembered, page.text
        if remembered:
            consent = self.model.consents[who, app]
            organizers = consent.organizers & who.memberships if needs_organizers(scopes) else set()
            code = Code(who, app, consent, set(scopes), organizers, self.now + 60)
        else:
            chosen = set()
            if needs_organizers(scopes):
                if not who.memberships:
                    assert "Authorize" not in [button.get_text() for button in page.html.find_all("button")]
                    return
                chosen = data.draw(st.sets(st.sampled_from(sorted(who.memberships)), min_size=1))
            with self.survives():
                page = self.press_authorize(browser, page, chosen)
            code = self.model.allow(who, app, scopes, chosen, self.now)
        assert page.answer["state"] == "xyz"
        self.codes.append((code, page.code))

    @rule(data=st.data())
    def revoke_on_the_page(self, data: Any) -> None:
        who, app = self.pick(data, self.people), self.pick(data, self.clients)
        if not who.active:
            return
        browser = self.people[who]
        page = self.open(browser, "/settings/authorized")
        listed = (who, app) in self.model.consents and not app.deleted
        assert (app.name in page.text) == listed
        if listed:
            with self.survives():
                assert browser.press(page, f"Revoke {app.name}").status == 200
            self.model.take_back(who, app)

    # -- applications ------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.codes)
    @rule(data=st.data(), by_another=st.integers(0, 9).map(lambda number: number == 0))
    def exchange(self, data: Any, by_another: bool) -> None:
        code, value = self.pick(data, self.codes[-6:])
        app = self.pick(data, self.clients) if by_another else code.app
        client = self.clients[app]
        verifier = {"code_verifier": PublicApp.verifier} if code.app.is_public else {}
        with self.survives():
            answer = client.exchange(value, **verifier)
        if not app.is_there:
            return self.refused(answer, 401, "invalid_client")
        if app is not code.app:
            return self.refused(answer, 400, "invalid_grant")
        if code.used:
            if code.grant:
                code.grant.end()
            return self.refused(answer, 400, "invalid_grant")
        if self.now >= code.expires_at or not self.model.stands(code):
            return self.refused(answer, 400, "invalid_grant")
        self.granted(code, answer)
        return None

    @precondition(lambda self: self.codes)
    @rule(data=st.data())
    def exchange_with_a_wrong_verifier(self, data: Any) -> None:
        code, value = self.pick(data, [pair for pair in self.codes if pair[0].app.is_public] or self.codes)
        if not (code.app.is_public and code.app.is_there):
            return
        answer = self.clients[code.app].exchange(value, code_verifier="x" * 43)
        self.refused(answer, 400, "invalid_grant")
        if self.now < code.expires_at:
            code.used = True  # one try and no grant: a client without the verifier proves nothing and ends nothing

    @precondition(lambda self: self.grants)
    @rule(data=st.data(), age=st.integers(0, 5), narrower=st.booleans())
    def refresh(self, data: Any, age: int, narrower: bool) -> None:
        """Refresh, mostly with the current refresh token, sometimes with an old one of a public client."""
        grant: Grant = self.pick(data, self.grants)
        age = min(max(0, age - 3), len(grant.refresh_tokens) - 1)
        presented = grant.refresh_tokens[-1 - age]
        scopes = data.draw(st.sets(st.sampled_from(sorted(grant.scopes)), min_size=1)) if narrower else grant.scopes
        repeated = age == 1 and grant.rotated_at is not None and self.now - grant.rotated_at < GRACE_SECONDS
        if age and ((repeated and grant.was_repeated) or (not repeated and self.is_in_grace(grant))):
            return None  # what several processes may do at once: tests/flows/test_refresh_rotation.py
        asked = {"scope": " ".join(sorted(scopes))} if narrower and not age else {}
        with self.survives():
            answer = self.clients[grant.app].refresh(presented, **asked)
        if not grant.app.is_there:
            return self.refused(answer, 401, "invalid_client")
        if grant.ended or not self.model.stands(grant):
            return self.refused(answer, 400, "invalid_grant")
        if age and not repeated:  # a replay: either side may be the thief
            grant.end()
            return self.refused(answer, 400, "invalid_grant")
        assert answer.status_code == 200, answer.text
        body = answer.json()
        if repeated:
            grant.was_repeated = True
            assert body["refresh_token"] == grant.refresh_tokens[-1]
            return None
        assert (body["refresh_token"] == presented) == (not grant.app.is_public)
        if grant.app.is_public:
            grant.refresh_tokens.append(body["refresh_token"])
            grant.rotated_at, grant.was_repeated = self.now, False
        self.issued(grant, body, scopes)
        return None

    @precondition(lambda self: self.grants)
    @rule(data=st.data())
    def refresh_for_more(self, data: Any) -> None:
        grant: Grant = self.pick(data, self.grants)
        if grant.scopes == {"read", "write", "profile"} or grant.ended or not self.model.stands(grant):
            return
        answer = self.clients[grant.app].refresh(grant.refresh_tokens[-1], scope="read write profile")
        self.refused(answer, 400, "invalid_scope")

    @precondition(lambda self: self.tokens)
    @rule(data=st.data(), what=st.sampled_from(["access", "refresh"]), by_another=st.booleans())
    def revoke(self, data: Any, what: str, by_another: bool) -> None:
        token, value = self.pick(data, self.tokens)
        grant = token.grant
        app = self.pick(data, self.clients) if by_another else grant.app
        with self.survives():
            answer = self.clients[app].revoke(value if what == "access" else grant.refresh_tokens[-1])
        if not app.is_there:
            return self.refused(answer, 401, "invalid_client")
        assert answer.status_code == 200, answer.text
        if app is grant.app and what == "refresh":
            grant.end()
        elif app is grant.app and grant.token is token:
            grant.token = None
        return None

    @precondition(lambda self: self.tokens)
    @rule(data=st.data())
    def introspect(self, data: Any) -> None:
        token, value = self.pick(data, self.tokens)
        asking = next((app for app in self.clients if app.is_there and not app.is_public), None)
        if asking is None:
            return
        client = self.clients[asking]
        with self.survives():
            answer = client.http.post(
                self.base_url + "/api/v1/oauth/introspect",
                data={"token": value},
                auth=(client.client_id, client.secret),
            )
        if not self.model.is_good(token, self.now):
            assert answer.json() == {"active": False}
            return
        body = answer.json()
        assert body["active"] is True
        assert set(body["scope"].split()) == token.scopes
        assert set(body["organizers"]) == self.seen_by(token)

    # -- operators and time ------------------------------------------------------------------------------------------

    @rule(data=st.data(), active=st.sampled_from([True, True, False]))
    def disable_or_enable_a_user(self, data: Any, active: bool) -> None:
        who = self.pick(data, self.people)
        (user.enable if active else user.disable)(self.people[who].user.user_id)
        who.active = active

    @rule(data=st.data(), act=st.sampled_from(["enable", "enable", "disable", "delete"]))
    def change_an_application(self, data: Any, act: str) -> None:
        app = self.pick(data, self.clients)
        if app.deleted or (act == "delete" and sum(not other.deleted for other in self.clients) < 3):
            return
        {"enable": application_edit.enable, "disable": application_edit.disable, "delete": application_deletion.delete}[
            act
        ](self.clients[app].client_id)
        app.active, app.deleted = act == "enable", act == "delete"

    @rule(data=st.data(), joins=st.booleans())
    def change_a_membership(self, data: Any, joins: bool) -> None:
        who, slug = self.pick(data, self.people), data.draw(st.sampled_from(self.slugs))
        (user.add_member if joins else user.remove_member)(self.people[who].user.user_id, slug)
        (who.memberships.add if joins else who.memberships.discard)(slug)

    @rule(seconds=st.sampled_from([1, 5, 30, 61, TOKEN_SECONDS]))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule(fault=st.sampled_from(SURVIVED))
    def arm(self, fault: Fault) -> None:
        """Make the next step's first call to the store fail once."""
        self.armed = fault

    # -- what must always hold ---------------------------------------------------------------------------------------

    @invariant()
    def every_token_gives_what_the_model_says(self) -> None:
        for token, value in self.tokens[-CHECKED_TOKENS:]:
            answer = self.clients[token.grant.app].organizers(value)
            if not self.model.is_good(token, self.now):
                self.refused(answer, 401, "invalid_token")
            elif "read" not in token.scopes:
                self.refused(answer, 403, "insufficient_scope")
            else:
                assert {found["slug"] for found in answer.json()["results"]} == self.seen_by(token)

    # -- helpers -----------------------------------------------------------------------------------------------------

    def allowed(self, who: User, app: App, scopes: set[str], organizers: set[str]) -> tuple[Code, str]:
        """Allow this as a user who was never asked before."""
        browser = self.people[who]
        page = browser.open(self.clients[app].authorize_path(scope=" ".join(sorted(scopes))))
        page = self.press_authorize(browser, page, organizers)
        return self.model.allow(who, app, scopes, organizers, self.now), page.code

    def press_authorize(self, browser: Browser, page: Page, organizers: set[str]) -> Page:
        chosen = {"organizers": sorted(organizers)} if organizers else {}
        fields = {**page.fields("Authorize"), **chosen}
        return browser.send(page, str(page.form_with("Authorize")["action"]), fields)

    def exchanged(self, code: Code, value: str) -> None:
        verifier = {"code_verifier": PublicApp.verifier} if code.app.is_public else {}
        self.granted(code, self.clients[code.app].exchange(value, **verifier))

    def granted(self, code: Code, answer: requests.Response) -> None:
        assert answer.status_code == 200, answer.text
        body = answer.json()
        grant = Grant(code.user, code.app, code.consent, code.scopes, code.organizers, [body["refresh_token"]])
        code.used, code.grant = True, grant
        self.grants.append(grant)
        self.issued(grant, body, code.scopes)

    @property
    def now(self) -> int:
        return self.clock.now()

    def pick(self, data: Any, among: Any) -> Any:
        return data.draw(st.sampled_from(list(among)))

    def open(self, browser: Browser, path: str) -> Any:
        """Open a page as a person would, signing in again if the session has ended."""
        page = browser.open(path)
        if page.path == "/login":
            assert browser.sign_in().status == 200
            page = browser.open(path)
        return page

    @contextmanager
    def survives(self) -> Iterator[None]:
        fault, self.armed = self.armed, None
        if fault is None:
            yield
            return
        with self.store.fault(fault, times=1):
            yield

    def issued(self, grant: Grant, body: dict[str, Any], scopes: set[str]) -> None:
        grant.token = Token(grant, set(scopes), self.now + body["expires_in"])
        assert set(body["scope"].split()) == scopes
        self.tokens.append((grant.token, body["access_token"]))

    def seen_by(self, token: Token) -> set[str]:
        return token.grant.organizers & token.grant.user.memberships

    def is_in_grace(self, grant: Grant) -> bool:
        return grant.rotated_at is not None and self.now - grant.rotated_at < GRACE_SECONDS

    def refused(self, answer: requests.Response, status: int, error: str) -> None:
        assert (answer.status_code, answer.json()["error"]) == (status, error), answer.text
