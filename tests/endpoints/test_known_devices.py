"""A browser that signed in to an account before cannot be kept out by strangers, and gains nothing else."""

from __future__ import annotations

from collections.abc import Callable
from http.cookies import SimpleCookie

import pytest

from chalicelib import credentials, known_device, limits
from chalicelib.models import store as storage
from chalicelib.models import user
from chalicelib.models.user import User
from tests.actors import PASSWORD, Browser, Person
from tests.conftest import Clock
from tests.mailbox import Mailbox
from tests.store_proxy import StoreProxy

COOKIE = "lanyard-device"
NEW = "a new and better one"
pytestmark = pytest.mark.spec("docs/security.md")


def known_browser(base_url: str, person: Person) -> Browser:
    """A browser that signed in to this account, and out again."""
    browser = Browser(base_url, person)
    assert browser.sign_in().status == 200
    browser.sign_out()
    assert COOKIE in browser.http.cookies
    return browser


def with_cookie(of: Browser, value: str) -> Browser:
    browser = Browser(of.base_url, of.person)
    browser.http.cookies.set(COOKIE, value)
    return browser


@pytest.fixture
def john(base_url: str, a_person: Callable[..., Person], fresh: Clock, monkeypatch: pytest.MonkeyPatch) -> Browser:
    """John's own browser. Strangers can try four passwords on his account, from all addresses together."""
    monkeypatch.setattr(limits, "SIGN_IN_TRIES_PER_ACCOUNT_IN_ALL", 4)
    return known_browser(base_url, a_person())


def lock_out(at_address: Callable[..., Browser], person: Person) -> None:
    pages = [at_address(f"198.51.100.{n}", person).sign_in(password="a guess") for n in range(5)]
    assert [page.status for page in pages] == [401] * 4 + [429]


def test_strangers_at_many_addresses_do_not_keep_a_known_browser_out(
    john: Browser, at_address: Callable[..., Browser]
) -> None:
    owner = at_address("203.0.113.9", john.user)
    owner.sign_in()
    owner.sign_out()
    lock_out(at_address, john.user)
    assert at_address("203.0.113.10", john.user).sign_in().status == 429, "the owner in an unknown browser"
    assert owner.sign_in().status == 200


def test_known_browser_is_not_stopped_by_others_at_its_address(john: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SIGN_IN_TRIES_PER_ADDRESS", 2)
    stranger = Browser(john.base_url, john.user)
    assert [stranger.sign_in(email=f"{n}@example.org", password="x").status for n in range(3)] == [401, 401, 429]
    assert stranger.sign_in().status == 429
    assert john.sign_in().status == 200


def test_known_browser_has_ten_tries_of_its_own_and_takes_none_from_others(john: Browser) -> None:
    assert [john.sign_in(password="a guess").status for _ in range(10)] == [401] * 10
    assert john.sign_in().status == 429
    other = Browser(john.base_url, john.user)
    assert [other.sign_in(password="a guess").status for _ in range(3)] == [401] * 3
    assert other.sign_in().status == 200


@pytest.mark.parametrize("forge", ["another account's", "by another key", "another device", "checksum", "session", "x"])
def test_forged_device_cookie_changes_nothing(
    john: Browser, base_url: str, a_person: Callable[..., Person], forge: str
) -> None:
    eve = known_browser(base_url, a_person())
    mine, hers = john.http.cookies[COOKIE], eve.http.cookies[COOKIE]
    forged = {
        "another account's": hers,
        "by another key": known_device.cookie(john.user.user_id, known_device.new_key()),
        "another device": credentials.mint_derived(
            credentials.Kind.KNOWN_DEVICE, mine[5:21] + hers[21:37], key=b"", source=mine[5:21] + hers[21:37]
        ),
        "checksum": mine[:-1] + ("a" if mine[-1] != "a" else "b"),
        "session": credentials.mint(credentials.Kind.SESSION, john.user.user_id),
        "x": "x",
    }[forge]
    forger = with_cookie(john, forged)
    assert [forger.sign_in(password="a guess").status for _ in range(5)] == [401] * 4 + [429]
    assert john.sign_in().status == 200


def test_device_cookie_for_a_nonexistent_account_costs_the_same(john: Browser, store: StoreProxy) -> None:
    nobody = f"no-{john.user.email}"
    other = with_cookie(john, john.http.cookies[COOKIE])
    done = []
    for browser, email in ((other, nobody), (Browser(john.base_url, john.person), john.user.email)):
        page = browser.open("/login")
        with store.count() as calls:
            assert browser.press(page, "Sign in", email=email, password="a guess").status == 401
        done.append([(call.operation, call.tables) for call in calls])
    assert done[0] == done[1]


def test_new_password_makes_the_account_forget_its_known_browsers(john: Browser, mailbox: Mailbox) -> None:
    thief = with_cookie(john, john.http.cookies[COOKIE])
    assert john.sign_in().status == 200
    page = john.press(john.open("/settings/password"), "Change password", present=PASSWORD, password=NEW)
    assert page.title == "Security"
    assert [thief.sign_in().status for _ in range(5)] == [401] * 4 + [429]
    john.sign_out()
    assert john.sign_in(password=NEW).status == 200, "the browser that changed the password is known again"


def test_browser_in_which_the_password_was_reset_is_known(john: Browser, mailbox: Mailbox) -> None:
    anywhere = Browser(john.base_url, john.user)
    anywhere.press(anywhere.open("/password/reset"), "Send the link", email=john.user.email)
    page = anywhere.press(anywhere.open(mailbox.link(john.user.email)), "Change password", password=NEW)
    assert page.title == "Your password has been changed"
    assert [john.sign_in(password="a guess").status for _ in range(5)] == [401] * 4 + [429]
    assert anywhere.sign_in(password=NEW).status == 200


def test_device_cookie_alone_signs_nobody_in(john: Browser) -> None:
    assert john.open("/settings/authorized").path == "/login"
    thief = Browser(john.base_url)
    thief.http.cookies.set("lanyard-session", john.http.cookies[COOKIE])
    assert thief.open("/settings/authorized").path == "/login"


def test_account_without_a_device_key_knows_its_browsers_from_its_next_sign_in(john: Browser) -> None:
    storage.change(User.key(john.user.user_id), [User.device_key.remove()])
    other = known_browser(john.base_url, john.user)
    found = user.find_by_email(john.user.email)
    assert found
    assert found.device_key
    assert [Browser(john.base_url, john.user).sign_in(password="x").status for _ in range(5)] == [401] * 4 + [429]
    assert other.sign_in().status == 200


def test_device_cookie_is_hidden_from_scripts_and_lasts_half_a_year(john: Browser) -> None:
    page = john.open("/login")
    fields = {**page.fields("Sign in"), "email": john.user.email, "password": PASSWORD}
    response = john.http.post(page.response.url, data=fields, allow_redirects=False)
    lines = response.raw.headers.getlist("Set-Cookie")
    cookie = next(found for line in lines if (found := SimpleCookie(line).get(COOKIE)))
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"
    assert not cookie["domain"]
    assert int(cookie["max-age"]) == 180 * 86_400


def test_device_cookie_over_https_is_bound_to_the_host(john: Browser, at_address: Callable[..., Browser]) -> None:
    browser = at_address("203.0.113.9", john.user)
    browser.sign_in()
    cookie = next(found for found in browser.http.cookies if found.name == "__Host-lanyard-device")
    assert cookie.secure
