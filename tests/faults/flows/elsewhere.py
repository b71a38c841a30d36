"""A person comes back from the page where they signed in elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

from chalicelib import credentials, identity_providers
from chalicelib.accounts import federated_sign_in
from chalicelib.models import sign_in_request, user
from chalicelib.models.linked_identity import PLATFORM, Identity
from tests.faults.flow import Flow, PageFlow, wrong
from tests.faults.scene import Hand, Seen

_PROVIDERS = identity_providers.parse(
    '[providers.tickets]\ntitle = { en = "Tickets", de = "Karten" }\npage = "https://tickets.example.com/sign-in"\n',
    is_local=False,
)


def _answered(browser: Hand, **query: str) -> tuple[str, Identity]:
    """The address that the platform sends the browser back to, and who signed in there."""
    page = browser.open("/login/with/tickets", **query)
    assert page.left_to
    request_id = parse_qs(urlsplit(page.left_to).query)["request"][0]
    subject = credentials.new_id()
    said = {"subject": subject, "email": f"{subject}@example.org", "email_verified": True}
    person = federated_sign_in.as_json(federated_sign_in.from_platform(said))
    answer = sign_in_request.accept(sign_in_request.find(request_id, "tickets"), person)
    return f"/login/with/tickets/back?request={request_id}&answer={answer}", Identity(PLATFORM, subject)


class SignInElsewhere(Flow):
    name = "sign in elsewhere for the first time"
    operator = {"providers": _PROVIDERS}

    def prepare(self) -> None:
        self.browser = self.world.guest()
        self.address, self.identity = _answered(self.browser)

    def act(self) -> Seen:
        return self.browser.open_once(self.address)

    def is_done(self, answer: Seen) -> bool:
        return answer.status == 303 and answer.location.endswith("/")

    def is_told(self, answer: Seen) -> bool:
        """The page asks them to start again."""
        return answer.status == 400 and "Start again" in answer.says

    def losses(self, *, is_done: bool) -> Iterator[str]:
        found = user.find_by_identity(self.identity)
        half = found is None and user.find_by_email(f"{self.identity.subject}@example.org") is not None
        yield from wrong(the_account_is_half_there=half)
        if is_done:
            yield from wrong(nobody_is_signed_in=not self.browser.is_signed_in(), there_is_no_account=found is None)


class LinkAnIdentity(PageFlow):
    name = "link an identity"
    button = "Link"
    operator = {"providers": _PROVIDERS}

    def prepare(self) -> None:
        browser = self.world.john()
        address, self.identity = _answered(browser, link="1")
        self.begin(browser, browser.open(address).response.url.removeprefix(self.world.base_url))

    def losses(self, *, is_done: bool) -> Iterator[str]:
        found = user.find_by_identity(self.identity)
        yield from wrong(it_is_not_linked=found is None or found.email != self.browser.user.email)


class RemoveAnIdentity(PageFlow):
    name = "remove an identity"
    button = "Remove"
    operator = {"providers": _PROVIDERS}

    def prepare(self) -> None:
        browser = self.world.john()
        self.identity = Identity(PLATFORM, credentials.new_id())
        user.link(browser.user.user_id, self.identity)
        self.begin(browser, "/settings/security")

    def is_told(self, answer: Seen) -> bool:
        """The page no longer has the button."""
        return answer.status == 200

    def losses(self, *, is_done: bool) -> Iterator[str]:
        yield from wrong(it_is_still_linked=user.find_by_identity(self.identity) is not None)
