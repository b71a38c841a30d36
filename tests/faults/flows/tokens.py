"""What applications request from the token endpoint, and what they revoke."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib import credentials
from chalicelib.models import application, application_access, store
from chalicelib.models.grant import Grant
from chalicelib.protocol.clients import recent_requests
from tests import people
from tests.actors import ClientApp, Page
from tests.faults.flow import Flow, called, wrong
from tests.faults.scene import BIG, Hand, Seen
from tests.signing_app import SigningApp


def code_from(browser: Hand, app: ClientApp) -> str:
    page: Page = browser.open(app.authorize_path())
    return (page if page.left_to else browser.allow(page, BIG)).code


def is_good(app: ClientApp, token: str) -> bool:
    return app.me(token).status_code == 200


class ForTokens(Flow):
    """An application requests tokens on behalf of a user."""

    app: ClientApp

    def prepare(self) -> None:
        self.app = self.choose()
        self.browser = self.world.john()
        self.people.append(self.browser.user)
        self.prepare_request()

    def choose(self) -> ClientApp:
        return self.world.shop

    def prepare_request(self) -> None:
        raise NotImplementedError

    @property
    def answer(self) -> Mapping[str, Any]:
        assert self.learned is not None
        return self.learned.body

    def do_not_work(self) -> Iterator[str]:
        """What is wrong with the tokens that the application got last."""
        yield from wrong(the_access_token_does_not_work=not is_good(self.app, self.answer["access_token"]))
        refreshed = self.app.refresh(self.answer["refresh_token"])
        yield from wrong(the_refresh_token_does_not_work=refreshed.status_code != 200)


class Exchange(ForTokens):
    name = "exchange a code"

    def prepare_request(self) -> None:
        self.code = code_from(self.browser, self.app)

    def act(self) -> Seen:
        return called(lambda: self.app.exchange(self.code))

    def is_told(self, answer: Seen) -> bool:
        return answer.body.get("error") == "invalid_grant" and bool(answer.body.get("error_description"))

    def losses(self, *, is_done: bool) -> Iterator[str]:
        if is_done:
            yield from self.do_not_work()
        else:
            held = list(store.query(Grant, self.browser.user.user_id))
            yield from wrong(tokens_that_nobody_got_are_alive=bool(held))


class Refused(ForTokens):
    """A request that is refused, of which the application's developer gets a line. The answer does not depend on it."""

    name = "be refused"

    def prepare_request(self) -> None:
        recent_requests.BUDGET.forget()

    def act(self) -> Seen:
        return called(lambda: self.app.exchange("lyac_never-issued"))

    def is_done(self, answer: Seen) -> bool:
        return answer.status == 400 and answer.body.get("error") == "invalid_grant"


class FirstUseOfAnImportedSecret(Refused):
    """Only another system's hash of it is known until then. Its code is no code, so that the secret alone decides."""

    name = "use an imported secret for the first time"

    def choose(self) -> ClientApp:
        secret = credentials.new_secret()
        imported = people.hash_like_django(secret)
        return people.import_application(self.world.base_url, f"old-{secret}", secret, stored_secret=imported)

    def losses(self, *, is_done: bool) -> Iterator[str]:
        assert self.learned is not None
        yield from wrong(its_secret_does_not_work=self.act().body.get("error") != "invalid_grant")
        kept = application.get(self.app.client_id)
        its_digest = credentials.digest(self.app.secret)
        yield from wrong(its_digest_is_not_stored_by_the_next_use=kept is None or kept.secret_digest != its_digest)


class ExchangePublic(Exchange):
    name = "exchange a code, public application"

    def choose(self) -> ClientApp:
        return self.world.spa


class ExchangeSigned(Exchange):
    name = "exchange a code, private_key_jwt"

    def choose(self) -> ClientApp:
        return SigningApp.registered_by(self.world.signed_in(self.world.person()))

    def prepare_request(self) -> None:
        super().prepare_request()
        assert isinstance(self.app, SigningApp)
        self.assertion = self.app.assertion()

    def act(self) -> Seen:
        """Send identical bytes on each try, as an HTTP client repeats a request."""
        return called(lambda: self.app.exchange(self.code, assertion=self.assertion))

    def reload(self) -> Seen:
        """Sign a new assertion, as for every new request, if the old one no longer works."""
        return called(lambda: self.app.exchange(self.code))


class Refresh(ForTokens):
    name = "refresh"

    def prepare_request(self) -> None:
        self.before = self.app.connect(self.browser, BIG)

    def act(self) -> Seen:
        return called(lambda: self.app.refresh(self.before["refresh_token"]))

    def losses(self, *, is_done: bool) -> Iterator[str]:
        yield from wrong(the_access_token_before_works=is_good(self.app, self.before["access_token"]))
        yield from self.do_not_work()


class RefreshPublic(Refresh):
    name = "refresh, public application"

    def choose(self) -> ClientApp:
        return self.world.spa


class ClientCredentials(Flow):
    name = "client credentials"

    def prepare(self) -> None:
        developer = self.world.john()
        self.app = developer.register_application("A machine")
        application_access.allow(self.app.client_id, ["read", "write"], list(developer.user.organizers)[:1])

    def act(self) -> Seen:
        return called(lambda: self.app.call_token(grant_type="client_credentials"))

    def losses(self, *, is_done: bool) -> Iterator[str]:
        assert self.learned is not None
        answer = self.app.organizers(self.learned.body["access_token"])
        yield from wrong(the_access_token_does_not_work=answer.status_code != 200)


class RevokeAccessToken(ForTokens):
    name = "revoke an access token"
    kind = "access_token"
    ends_all = False

    def prepare_request(self) -> None:
        self.tokens = self.app.connect(self.browser, BIG)

    def act(self) -> Seen:
        return called(lambda: self.app.revoke(self.tokens[self.kind]))

    def losses(self, *, is_done: bool) -> Iterator[str]:
        yield from wrong(a_revoked_token_works=is_good(self.app, self.tokens["access_token"]))
        refreshed = self.app.refresh(self.tokens["refresh_token"]).status_code == 200
        yield from wrong(
            a_revoked_refresh_token_works=self.ends_all and refreshed,
            the_refresh_token_ended_too=not self.ends_all and not refreshed,
        )


class RevokeRefreshToken(RevokeAccessToken):
    name = "revoke a refresh token"
    kind = "refresh_token"
    ends_all = True


class RevokeRotating(RevokeRefreshToken):
    name = "revoke a refresh token, public application"

    def choose(self) -> ClientApp:
        return self.world.spa
