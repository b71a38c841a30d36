"""What developers do with their applications."""

from __future__ import annotations

from collections.abc import Iterator

from chalicelib.endpoints.http.notices import Notice
from chalicelib.models import application
from tests.actors import CALLBACK, ClientApp, Page
from tests.faults.flow import PageFlow, wrong
from tests.faults.scene import BIG, Hand, Seen

LIST = "/settings/applications"


def secret_on(page: Page | None) -> str:
    found = page.html.find(id="client-secret") if page else None
    return found.get_text() if found else ""


def is_known(app: ClientApp, secret: str) -> bool:
    """Whether the token endpoint accepts this client's secret."""
    answer = (
        app.exchange("made-up")
        if secret == app.secret
        else app.call_token(
            auth=(app.client_id, secret), grant_type="authorization_code", code="made-up", redirect_uri=CALLBACK
        )
    )
    return str(answer.json()["error"]) != "invalid_client"


class Register(PageFlow):
    name = "register an application"
    button = "Register"
    fill = {"name": "Mine", "redirect_uris": CALLBACK}

    def prepare(self) -> None:
        self.begin(self.world.john(), f"{LIST}/new")

    def is_done(self, answer: Seen) -> bool:
        return answer.status == 200 and bool(secret_on(answer.page))

    def is_told(self, answer: Seen) -> bool:
        """The application exists, and its page says so and has a button to regenerate the secret."""
        says_so = Notice.ALREADY_REGISTERED_WITH_SECRET in answer.headers.get("Set-Cookie", "")
        return answer.status == 303 and f"{LIST}/" in answer.location and says_so

    def losses(self, *, is_done: bool) -> Iterator[str]:
        owned = application.owned_by(self.browser.user.user_id)
        yield from wrong(there_is_none=not owned, there_are_several=len(owned) > 1)
        if is_done and self.learned and owned:
            app = ClientApp(self.world.base_url, owned[0].client_id, secret_on(self.learned.page), CALLBACK)
            yield from wrong(the_secret_that_was_shown_does_not_work=not is_known(app, app.secret))


class OfMine(PageFlow):
    """An action on an application that the user owns. app: with the secret shown when it was registered."""

    app: ClientApp
    at = ""

    def prepare(self) -> None:
        browser = self.world.john()
        self.app = browser.register_application("Mine")
        self.prepare_app(browser)
        self.begin(browser, f"{LIST}/{self.app.client_id}{self.at}")

    def prepare_app(self, browser: Hand) -> None:
        pass


class Edit(OfMine):
    name = "edit an application"
    button = "Save"
    fill = {"name": "Renamed"}

    def losses(self, *, is_done: bool) -> Iterator[str]:
        found = application.get(self.app.client_id)
        yield from wrong(
            it_has_another_name=found is None or found.name != "Renamed",
            its_secret_does_not_work=not is_known(self.app, self.app.secret),
        )


class RotateSecret(OfMine):
    name = "regenerate a secret"
    button = "Regenerate secret"
    at = "/secret"
    keeps_old = False

    def is_done(self, answer: Seen) -> bool:
        return answer.status == 200 and bool(secret_on(answer.page))

    def losses(self, *, is_done: bool) -> Iterator[str]:
        shown = secret_on(self.learned.page) if self.learned else ""
        old_works = is_known(self.app, self.app.secret)
        yield from wrong(
            no_secret_was_shown=is_done and not shown,
            the_secret_that_was_shown_does_not_work=bool(shown) and not is_known(self.app, shown),
            no_secret_that_anybody_knows_works=not shown and not old_works,
            the_running_secret_is_dead=self.keeps_old and not old_works,
            the_old_secret_works=not self.keeps_old and is_done and old_works,
        )


class RotateAndKeep(RotateSecret):
    name = "regenerate a secret, the old one for a day"
    fill = {"keep_old_seconds": "86400"}
    keeps_old = True


class EndPreviousSecret(OfMine):
    name = "end the previous secret"
    button = "End the previous secret now"

    def prepare_app(self, browser: Hand) -> None:
        page = browser.open(f"{LIST}/{self.app.client_id}/secret")
        shown = browser.press(page, "Regenerate secret", keep_old_seconds="86400")
        self.old, self.app.secret = self.app.secret, secret_on(shown)

    def is_told(self, answer: Seen) -> bool:
        """The page no longer has the button."""
        return answer.status == 200 and self.button not in answer.says

    def losses(self, *, is_done: bool) -> Iterator[str]:
        yield from wrong(
            the_previous_secret_works=is_known(self.app, self.old),
            the_present_secret_does_not=not is_known(self.app, self.app.secret),
        )


class Delete(OfMine):
    name = "delete an application"
    button = "Delete application"
    at = "/delete"

    def prepare_app(self, browser: Hand) -> None:
        self.connected = self.world.john()
        self.people.append(self.connected.user)
        self.tokens = self.app.connect(self.connected, BIG)

    def is_told(self, answer: Seen) -> bool:
        return answer.status == 404 and "may have been deleted" in answer.says

    def losses(self, *, is_done: bool) -> Iterator[str]:
        found = application.get(self.app.client_id)
        yield from wrong(
            it_is_there=found is not None,
            its_secret_works=is_known(self.app, self.app.secret),
            its_tokens_work=self.app.me(self.tokens["access_token"]).status_code == 200,
        )


class DisconnectAllUsers(Delete):
    name = "disconnect all users of an application"
    button = "Disconnect all users"
    at = "/disconnect"

    def is_told(self, answer: Seen) -> bool:
        return False

    def losses(self, *, is_done: bool) -> Iterator[str]:
        yield from wrong(
            its_secret_does_not_work=not is_known(self.app, self.app.secret),
            its_tokens_work=self.app.me(self.tokens["access_token"]).status_code == 200,
        )
