"""A caller may own a whole IPv6 network, so attempts are counted by /64, /56 and /48."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count

import pytest

from chalicelib import credentials, limits, settings
from tests.actors import CALLBACK, PASSWORD, Browser, ClientApp, Page, Person
from tests.conftest import Clock
from tests.mailbox import Mailbox
from tests.store_proxy import StoreProxy

NEW = "a new and better one"
AtAddress = Callable[..., Browser]
Try = Callable[[str], int]
pytestmark = [pytest.mark.spec("docs/security.md"), pytest.mark.usefixtures("_few")]


@pytest.fixture
def _few(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """Start at the beginning of every window; the /56 has twice the limit of the /64, and the /48 three times."""
    monkeypatch.setattr(limits, "IPV6_LIMIT_FACTORS", {64: 1, 56: 2, 48: 3})
    clock.stop()
    longest = limits.REGISTRATION_WINDOW_SECONDS
    clock.advance(longest - clock.now() % longest)


@pytest.fixture
def prefix() -> str:
    """The first 48 bits of addresses that no other test uses."""
    return f"2001:db8:{secrets.token_hex(2)}"


@pytest.fixture
def owner(a_person: Callable[..., Person]) -> Person:
    return a_person()


@pytest.fixture
def app(at_address: AtAddress, owner: Person) -> ClientApp:
    """An application that may start devices, registered from another address."""
    developer = at_address("203.0.113.9", owner)
    developer.sign_in()
    made = developer.register_application()
    devices = "Devices without a browser People connect them by entering a code. They need no redirect URL."
    developer.press(developer.open(f"/settings/applications/{made.client_id}"), "Save", tick=[devices])
    return made


# -- limits by network ------------------------------------------------------------------------------------------------


def tries_to_sign_in(at_address: AtAddress, owner: Person, app: ClientApp) -> Try:
    """Try another account each time."""
    return lambda address: at_address(address, owner).sign_in(email=f"{address}@example.org", password="x").status


def tries_at_one_account(at_address: AtAddress, owner: Person, app: ClientApp) -> Try:
    return lambda address: at_address(address, owner).sign_in(password="a guess").status


def asks_for_mail(at_address: AtAddress, owner: Person, app: ClientApp) -> Try:
    def ask(address: str) -> int:
        browser, email = at_address(address, owner), f"{credentials.new_serial().lower()}@example.net"
        return browser.press(browser.open("/password/reset"), "Send the link", email=email).status

    return ask


def posts(path: str, **more: str) -> Callable[[AtAddress, Person, ClientApp], Try]:
    """Send a request of the application."""

    def made(at_address: AtAddress, owner: Person, app: ClientApp) -> Try:
        def post(address: str) -> int:
            url = f"{app.base_url}/api/v1/oauth/{path}"
            http = at_address(address, owner).http
            if path == "register":
                return http.post(url, json={"redirect_uris": [CALLBACK]}).status_code
            return http.post(url, data=app.parameters(client_id=None), auth=(app.client_id, app.secret)).status_code

        return post

    return made


@pytest.mark.parametrize(
    ("limit", "caller", "taken"),
    [
        ("SIGN_IN_TRIES_PER_ADDRESS", tries_to_sign_in, 401),
        ("SIGN_IN_TRIES_PER_ACCOUNT", tries_at_one_account, 401),
        ("MAILS_PER_ADDRESS", asks_for_mail, 200),
        ("PUSHED_REQUESTS_PER_ADDRESS", posts("par"), 201),
        ("DEVICE_REQUESTS_PER_ADDRESS", posts("device_authorization"), 200),
        ("REGISTRATIONS_PER_ADDRESS", posts("register"), 201),
    ],
    ids=["sign-ins", "sign-ins at one account", "mails", "pushed requests", "device requests", "registrations"],
)
def test_caller_with_many_ipv6_networks_is_stopped_in_all_of_them(
    at_address: AtAddress,
    owner: Person,
    app: ClientApp,
    prefix: str,
    monkeypatch: pytest.MonkeyPatch,
    limit: str,
    caller: Callable[[AtAddress, Person, ClientApp], Try],
    taken: int,
) -> None:
    monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, registration=settings.OPEN))
    try_from = caller(at_address, owner, app)
    monkeypatch.setattr(limits, limit, 1)
    assert try_from(f"{prefix}:100::1") == taken
    assert try_from(f"{prefix}:100:ffff::1") == 429, "the same /64"
    assert try_from(f"{prefix}:101::1") == taken
    assert try_from(f"{prefix}:1ff::1") == 429, "the same /56"
    assert try_from(f"{prefix}:200::1") == taken
    assert try_from(f"{prefix}:300::1") == 429, "the same /48"
    assert try_from(f"2001:db9:{secrets.token_hex(2)}::1") == taken


# -- limits by account ------------------------------------------------------------------------------------------------


@pytest.fixture
def few_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow one attempt at an account from a /64, two from a /56, three from a /48, four in total."""
    monkeypatch.setattr(limits, "SIGN_IN_TRIES_PER_ACCOUNT", 1)
    monkeypatch.setattr(limits, "SIGN_IN_TRIES_PER_ACCOUNT_IN_ALL", 4)


def guesses(at_address: AtAddress, of: Person, prefix: str) -> Iterator[Page]:
    """Guess from another /64 of one /48 each time; the first 256 are in one /56."""
    return (at_address(f"{prefix}:{number:x}::1", of).sign_in(password="a guess") for number in count())


@pytest.mark.usefixtures("few_tries")
def test_caller_with_an_ipv6_network_does_not_keep_the_owner_out_of_a_new_browser(
    at_address: AtAddress, owner: Person, prefix: str
) -> None:
    guessed = guesses(at_address, owner, prefix)
    assert [next(guessed).status for _ in range(8)] == [401, 401] + [429] * 6
    assert at_address("203.0.113.9", owner).sign_in().status == 200


def test_one_caller_can_never_use_up_an_accounts_total_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    most = limits.SIGN_IN_TRIES_PER_ACCOUNT * max(limits.IPV6_LIMIT_FACTORS.values())
    assert most < limits.SIGN_IN_TRIES_PER_ACCOUNT_IN_ALL


@pytest.mark.usefixtures("few_tries")
def test_successful_sign_in_resets_the_counts_of_all_its_networks(
    at_address: AtAddress, owner: Person, prefix: str
) -> None:
    guessed = guesses(at_address, owner, prefix)
    for _ in range(4):
        assert next(guessed).status == 401
        assert at_address(f"{prefix}:99::1", owner).sign_in().status == 200


@pytest.mark.usefixtures("few_tries")
def test_new_password_resets_the_counts_of_all_networks(
    at_address: AtAddress, owner: Person, mailbox: Mailbox, prefix: str
) -> None:
    guessed = guesses(at_address, owner, prefix)
    assert [next(guessed).status for _ in range(3)] == [401, 401, 429]
    browser = at_address(f"{prefix}:1::1", owner)
    browser.press(browser.open("/password/reset"), "Send the link", email=owner.email)
    page = browser.press(browser.open(mailbox.link(owner.email)), "Change password", password=NEW)
    assert page.title == "Your password has been changed"
    assert at_address(f"{prefix}:99::1", replace(owner, password=NEW)).sign_in().status == 200


def test_each_wider_network_costs_one_write_and_all_are_reset_in_one(
    at_address: AtAddress, owner: Person, prefix: str, store: StoreProxy
) -> None:
    browser = at_address(f"{prefix}::1", owner)
    page = browser.open("/login")
    fields = {**page.fields("Sign in"), "email": owner.email, "password": PASSWORD}
    with store.count() as calls:
        assert browser.http.post(page.response.url, data=fields, allow_redirects=False).status_code == 303
    of_network, of_account_there, of_account = ["UpdateItem"] * 3, ["UpdateItem"] * 3, ["UpdateItem"]
    counts, settled = [*of_network, *of_account_there, *of_account], [*of_network, *of_account, "BatchWriteItem"]
    reads, session, history = ["GetItem", "BatchGetItem"], ["PutItem", "Query"], ["PutItem"]
    assert [call.operation for call in calls] == [*reads, *counts, *session, *settled, *history]
    (deleted,) = calls[-2].body["RequestItems"].values()
    assert len(deleted) == len(of_account_there)
