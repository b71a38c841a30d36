"""What people do with their accounts."""

from __future__ import annotations

from collections.abc import Iterator

from chalicelib import credentials
from chalicelib.endpoints.http.notices import Notice
from chalicelib.models import store, user
from chalicelib.models.user import User
from tests.actors import PASSWORD, Person
from tests.faults.flow import PageFlow, wrong
from tests.faults.scene import Hand, Seen

NEW = "a new and better one"


class SignIn(PageFlow):
    name = "sign in"
    button = "Sign in"

    def prepare(self) -> None:
        person = self.world.person()
        self.fill = {"email": person.email, "password": PASSWORD}
        self.begin(self.world.guest(person), "/login")

    def is_done(self, answer: Seen) -> bool:
        return answer.status == 303 and answer.location.endswith("/")

    def losses(self, *, is_done: bool) -> Iterator[str]:
        yield from wrong(nobody_is_signed_in=not self.browser.is_signed_in())


class SignOut(PageFlow):
    name = "sign out"
    button = "Sign out"

    def prepare(self) -> None:
        browser = self.world.john()
        self.thief = Hand(self.world.base_url, browser.person)
        self.thief.http.cookies.update(browser.http.cookies)
        self.begin(browser, "/logout")

    def losses(self, *, is_done: bool) -> Iterator[str]:
        yield from wrong(the_session_goes_on=self.thief.is_signed_in())


class AskToSignUp(PageFlow):
    name = "sign up: ask for the link"
    button = "Send the link"

    def prepare(self) -> None:
        self.email = f"{credentials.new_serial().lower()}@example.net"
        self.fill = {"email": self.email}
        self.begin(self.world.guest(), "/sign-up")

    def is_done(self, answer: Seen) -> bool:
        return answer.status == 200 and "Check your email" in answer.says

    def losses(self, *, is_done: bool) -> Iterator[str]:
        form = self.world.guest().open(self.world.mailbox.link(self.email))
        yield from wrong(the_mailed_link_opens_nothing=form.title != "Create your account")


class OpenAccount(PageFlow):
    name = "sign up: open the account"
    button = "Create account"
    fill = {"fullname": "Nina New", "password": PASSWORD}

    def prepare(self) -> None:
        self.email = f"{credentials.new_serial().lower()}@example.net"
        browser = self.world.guest()
        browser.press(browser.open("/sign-up"), "Send the link", email=self.email)
        self.begin(browser, self.world.mailbox.link(self.email))

    def is_told(self, answer: Seen) -> bool:
        return answer.status == 410 and "has been used" in answer.says

    def losses(self, *, is_done: bool) -> Iterator[str]:
        made = user.find_by_email(self.email)
        yield from wrong(there_is_no_account=made is None)
        if made is not None:
            self.people.append(Person(made.user_id, self.email))
            yield from wrong(the_password_does_not_work=not self.world.can_sign_in(self.email, PASSWORD))


class ChangePassword(PageFlow):
    name = "change the password"
    button = "Change password"
    fill = {"present": PASSWORD, "password": NEW}

    def prepare(self) -> None:
        self.begin(self.world.john(), "/settings/password")

    def is_told(self, answer: Seen) -> bool:
        """The new password ended every session, so they sign in with it, and no page claims that nothing changed."""
        says_so = Notice.SESSION_ENDED_OF_PASSWORD in answer.headers.get("Set-Cookie", "")
        return answer.status == 303 and "/login" in answer.location and says_so

    def losses(self, *, is_done: bool) -> Iterator[str]:
        email = self.browser.user.email
        yield from wrong(
            the_new_password_does_not_work=not self.world.can_sign_in(email, NEW),
            the_old_password_works=self.world.can_sign_in(email, PASSWORD),
        )


class AskToReset(PageFlow):
    name = "reset the password: ask for the link"
    button = "Send the link"

    def prepare(self) -> None:
        person = self.world.person()
        self.fill = {"email": person.email}
        self.begin(self.world.guest(person), "/password/reset")

    def is_done(self, answer: Seen) -> bool:
        return answer.status == 200 and "Check your email" in answer.says

    def losses(self, *, is_done: bool) -> Iterator[str]:
        form = self.world.guest().open(self.world.mailbox.link(self.browser.user.email))
        yield from wrong(the_mailed_link_opens_nothing=form.title != "Choose a new password")


class ResetPassword(PageFlow):
    name = "reset the password: choose another"
    button = "Change password"
    fill = {"password": NEW}

    def prepare(self) -> None:
        browser = self.world.guest(self.world.person())
        browser.press(browser.open("/password/reset"), "Send the link", email=browser.user.email)
        self.begin(browser, self.world.mailbox.link(browser.user.email))

    def is_done(self, answer: Seen) -> bool:
        return answer.status == 200 and "has been changed" in answer.says

    def is_told(self, answer: Seen) -> bool:
        return answer.status == 410 and "has been used" in answer.says

    def losses(self, *, is_done: bool) -> Iterator[str]:
        email = self.browser.user.email
        yield from wrong(
            the_new_password_does_not_work=not self.world.can_sign_in(email, NEW),
            the_old_password_works=self.world.can_sign_in(email, PASSWORD),
        )


class EditProfile(PageFlow):
    name = "edit the profile"
    button = "Save"
    fill = {"fullname": "John D. Doe", "locale": "de", "timezone": "Europe/Vienna"}

    def prepare(self) -> None:
        self.begin(self.world.john(), "/settings/profile")

    def losses(self, *, is_done: bool) -> Iterator[str]:
        found = store.read(User.key(self.browser.user.user_id))[0]
        now = {name: getattr(found, name) for name in self.fill}
        yield from wrong(the_profile_is_not_what_was_saved=now != dict(self.fill))


class EndSessions(PageFlow):
    name = "end the other sessions"
    button = "Sign out everywhere else"

    def prepare(self) -> None:
        browser = self.world.john()
        self.others = [self.world.signed_in(browser.user) for _ in range(2)]
        self.begin(browser, "/settings/security")

    def is_told(self, answer: Seen) -> bool:
        """The page lists no other session and no longer has the button."""
        return answer.status == 200 and self.button not in answer.says and "This browser" in answer.says

    def losses(self, *, is_done: bool) -> Iterator[str]:
        yield from wrong(
            another_session_goes_on=any(other.is_signed_in() for other in self.others),
            their_own_session_ended=not self.browser.is_signed_in(),
        )
