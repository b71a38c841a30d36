"""Users sign in and out, arrive where they wanted to be, and may try a limited number of times."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from unittest.mock import patch

import pytest
from argon2 import Parameters, PasswordHasher, extract_parameters

from chalicelib import limits, settings
from chalicelib.accounts import sign_in_try
from chalicelib.models import store as storage
from chalicelib.models import throttle, user
from chalicelib.models.user import User
from tests.actors import Browser, Page, Person
from tests.conftest import Clock
from tests.store_proxy import Fault, StoreProxy

WRONG = "Wrong email or password."


@pytest.fixture
def visitor(base_url: str, a_person: Callable[..., Person]) -> Browser:
    """A browser whose person has not signed in."""
    return Browser(base_url, a_person("Big Events LLC"))


def without_what_differs(page: Page, email: str) -> str:
    return re.sub(r'name="csrf_token" value="\w+"', "", page.response.text.replace(email, "EMAIL"))


@pytest.mark.spec("docs/security.md")
def test_user_signs_in_with_any_spelling_of_the_email_and_signs_out(visitor: Browser) -> None:
    page = visitor.sign_in(email=f"  {visitor.user.email.upper()} ")
    assert (page.path, page.title) == ("/", "Connect applications to your account")
    assert "Authorized applications" in page.text
    page = visitor.sign_out()
    assert page.path == "/"
    assert page.html.find("a", string="Sign in")
    assert visitor.open("/settings/authorized").title == "Sign in"
    assert visitor.open("/logout").path == "/"


@pytest.mark.spec("docs/security.md", "docs/architecture.md")
def test_wrong_password_unknown_account_and_disabled_account_get_the_same_answer(
    visitor: Browser, eve: Browser
) -> None:
    user.disable(eve.user.user_id)
    tries = [
        (visitor.user.email, "wrong"),
        (visitor.user.email, ""),
        (visitor.user.email, "x" * 5000),
        ("nobody@example.org", visitor.user.password),
        ("no address", "x"),
        (eve.user.email, "wrong"),
    ]
    pages = [(visitor.sign_in(email=email, password=password), email) for email, password in tries]
    assert {page.status for page, _ in pages} == {401}
    assert WRONG in pages[0][0].text
    assert pages[0][0].field("email") == visitor.user.email
    assert "wrong" not in pages[0][0].field("password")
    assert len({without_what_differs(page, email) for page, email in pages}) == 1


@pytest.mark.spec("docs/security.md", "docs/architecture.md")
def test_disabled_user_with_the_right_password_is_told_whom_to_ask(
    visitor: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    user.disable(visitor.user.user_id)
    assert WRONG in visitor.sign_in(password="wrong").text
    page = visitor.sign_in()
    assert (page.status, page.title, page.field("email")) == (403, "Sign in", visitor.user.email)
    assert "This account is disabled. For help, contact the administrator of Lanyard." in page.text
    assert WRONG not in page.text
    assert visitor.open("/settings/authorized").title == "Sign in", "nobody is signed in"
    monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, support_contact="help@example.com"))
    page = visitor.sign_in()
    assert page.link("help@example.com") == "mailto:help@example.com"
    assert page.text.endswith("Sign in Forgot your password? No account yet? Sign up")


@pytest.mark.spec("docs/security.md")
def test_wrong_password_costs_the_same_for_disabled_and_active_accounts(visitor: Browser, store: StoreProxy) -> None:
    asked = []
    for is_disabled in (False, True):
        if is_disabled:
            user.disable(visitor.user.user_id)
        page = visitor.open("/login")
        with store.count() as calls:
            visitor.press(page, "Sign in", email=visitor.user.email, password="wrong")
        asked.append([(call.operation, call.tables) for call in calls])
    assert asked[0] == asked[1]


@pytest.mark.spec("docs/security.md")
def test_unknown_account_costs_the_same_as_a_wrong_password(visitor: Browser, store: StoreProxy) -> None:
    hashed: dict[str, list[Parameters]] = {}
    asked: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    known, unknown = visitor.user.email, "nobody@example.org"
    verify = PasswordHasher.verify
    for email in (known, unknown):
        page = visitor.open("/login")

        def noted(hasher: PasswordHasher, hash: str, password: str, of: str = email) -> bool:
            hashed.setdefault(of, []).append(extract_parameters(hash))
            return verify(hasher, hash, password)

        with patch.object(PasswordHasher, "verify", noted), store.count() as calls:
            visitor.press(page, "Sign in", email=email, password="wrong")
        asked[email] = [(call.operation, call.tables) for call in calls]
    assert asked[unknown] == asked[known]
    assert hashed[unknown] == hashed[known] != []


@pytest.mark.spec("docs/security.md", "RFC 9700 §4.11")
@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example/",
        "/\\evil.example/",
        "\\\\evil.example/",
        "/\t/evil.example/",
        "/\n/evil.example",
        " //evil.example",
        "javascript:alert(1)",
        "evil.example",
        "/settings\r\nX-Injected: 1",
        "/ü",
        "",
    ],
)
def test_sign_in_never_redirects_to_another_site(visitor: Browser, elsewhere: str) -> None:
    page = visitor.open("/login", next=elsewhere)
    assert page.field("next") == "/"
    fields = {**page.fields("Sign in"), "email": visitor.user.email, "password": visitor.user.password}
    for response in (
        visitor.http.post(page.response.url, data={**fields, "next": elsewhere}, allow_redirects=False),
        visitor.http.get(visitor.base_url + "/login", params={"next": elsewhere}, allow_redirects=False),
    ):
        assert response.status_code == 303
        assert response.headers["Location"] == "/"
        assert "X-Injected" not in response.headers


@pytest.mark.spec("docs/security.md")
def test_user_arrives_after_signing_in_at_the_page_they_asked_for(visitor: Browser) -> None:
    page = visitor.open("/settings/applications?from=a%26b")
    assert page.title == "Sign in"
    page = visitor.press(page, "Sign in", email=visitor.user.email, password=visitor.user.password)
    assert page.title == "Your applications"
    assert page.response.url.endswith("/settings/applications?from=a%26b")
    assert visitor.open("/login", next="/settings/authorized").title == "Authorized applications"


@pytest.mark.spec("docs/security.md")
@pytest.mark.parametrize("exists", [True, False])
def test_ten_failed_sign_ins_block_the_account_for_fifteen_minutes(
    visitor: Browser, eve: Browser, fresh: Clock, exists: bool
) -> None:
    email = visitor.user.email if exists else f"no-{visitor.user.email}"
    spellings = [email, email.upper(), f" {email}"]
    pages = [visitor.sign_in(email=spellings[number % 3], password="wrong") for number in range(10)]
    assert [page.status for page in pages] == [401] * 10
    page = visitor.sign_in(email=email)
    assert page.status == 429
    assert "Too many attempts" in page.text
    assert int(page.response.headers["Retry-After"]) in range(1, 901)
    assert "X-Frame-Options" in page.response.headers
    assert Browser(eve.base_url, eve.user).sign_in().status == 200, "other accounts are not blocked"
    fresh.advance(900)
    assert visitor.sign_in(email=email).status == (200 if exists else 401)


@pytest.mark.spec("docs/security.md")
def test_successful_sign_in_resets_the_count_of_failed_ones(visitor: Browser, fresh: Clock) -> None:
    for _ in range(2):
        assert [visitor.sign_in(password="wrong").status for _ in range(9)] == [401] * 9
        assert visitor.sign_in().status == 200
        visitor.sign_out()


@pytest.mark.spec("docs/security.md")
def test_address_that_tries_one_account_after_another_is_blocked(
    visitor: Browser, fresh: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SIGN_IN_TRIES_PER_ADDRESS", 4)
    for number in range(4):
        assert Browser(visitor.base_url, visitor.user).sign_in().status == 200, "successful sign-ins do not count"
        assert visitor.sign_in(email=f"{number}@example.org", password="wrong").status == 401
    visitor.http.headers["X-Forwarded-For"] = "198.51.100.1"
    assert visitor.sign_in().status == 429
    fresh.advance(900)
    assert visitor.sign_in().status == 200


@pytest.mark.spec("docs/security.md")
def test_successful_sign_ins_are_limited_per_account(
    visitor: Browser, fresh: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SIGN_INS_PER_ACCOUNT", 3)
    known = Browser(visitor.base_url, visitor.user)
    assert known.sign_in().status == 200
    known.sign_out()
    assert [Browser(visitor.base_url, visitor.user).sign_in().status for _ in range(2)] == [200, 200]
    assert Browser(visitor.base_url, visitor.user).sign_in().status == 429
    assert known.sign_in().status == 429, "every sign-in costs a password hash, in known browsers too"
    fresh.advance(900)
    assert known.sign_in().status == 200


@pytest.mark.spec("docs/security.md")
def test_successful_sign_ins_are_limited_per_address(
    base_url: str, a_person: Callable[..., Person], fresh: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SIGN_INS_PER_ADDRESS", 2)
    assert [Browser(base_url, a_person()).sign_in().status for _ in range(3)] == [200, 200, 429]


def is_signed_in(browser: Browser) -> bool:
    return browser.open("/settings/authorized").title == "Authorized applications"


@pytest.mark.spec("docs/pages.md")
def test_signing_in_upgrades_the_password_hash_and_ends_no_session(john: Browser) -> None:
    weaker = PasswordHasher(time_cost=1, memory_cost=64).hash(john.user.password)
    storage.change(User.key(john.user.user_id), [User.password_hash.set(weaker)])
    other = Browser(john.base_url, john.user)
    assert other.sign_in().status == 200
    assert "$m=19456,t=2,p=1$" in _stored(john).password_hash
    assert is_signed_in(john)
    assert Browser(john.base_url, john.user).sign_in().status == 200


def _stored(of: Browser) -> User:
    found = user.find_by_email(of.user.email)
    assert found
    return found


@pytest.mark.spec("docs/security.md", "RFC 6749 §10.12")
def test_sign_in_form_works_only_in_the_browser_it_was_shown_in(visitor: Browser, base_url: str) -> None:
    page = visitor.open("/login")
    fields = {**page.fields("Sign in"), "email": visitor.user.email, "password": visitor.user.password}
    attackers = Browser(base_url)
    attackers.open("/login")
    assert attackers.send(page, "", fields).status == 403
    assert Browser(base_url).send(page, "", fields).status == 403
    assert visitor.send(page, "", {**fields, "csrf_token": ""}).status == 403
    assert visitor.open("/settings/authorized").title == "Sign in"
    assert visitor.send(page, "", fields).status == 200


def test_second_tab_continues_after_the_user_signed_in_in_the_first(visitor: Browser) -> None:
    second = visitor.open("/login", next="/settings/applications")
    visitor.sign_in()
    page = visitor.press(second, "Sign in", email=visitor.user.email, password=visitor.user.password)
    assert page.status == 200
    assert page.path == "/settings/applications"


@pytest.mark.parametrize("spelled", [str, str.upper])
def test_stale_sign_in_form_continues_for_a_user_who_is_already_signed_in(
    john: Browser, spelled: Callable[[str], str]
) -> None:
    page = john.open("/login?switch=1", next="/settings/applications")
    john.http.cookies.pop("lanyard-login")
    page = john.press(page, "Sign in", email=f" {spelled(john.user.email)}", password="not looked at")
    assert (page.status, page.path) == (200, "/settings/applications")


def test_stale_sign_in_form_for_another_account_is_shown_again(john: Browser, eve: Browser) -> None:
    page = john.open("/login?switch=1", next="/settings/profile")
    john.http.cookies.pop("lanyard-login")
    page = john.press(page, "Sign in", email=eve.user.email, password=eve.user.password)
    assert (page.status, page.title) == (403, "Sign in")
    assert "This form was out of date" in page.text
    assert (page.field("email"), page.field("next")) == (eve.user.email, "/settings/profile")
    assert eve.user.password not in page.response.text
    page = john.press(page, "Sign in", password=eve.user.password)
    assert (page.status, page.path) == (200, "/settings/profile")
    assert eve.user.email in page.text
    assert john.user.email not in page.text


@pytest.mark.spec("docs/security.md")
def test_failed_tries_of_a_stranger_do_not_lock_the_owner_out(
    visitor: Browser, at_address: Callable[..., Browser], fresh: Clock
) -> None:
    stranger, owner = at_address("198.51.100.7", visitor.user), at_address("203.0.113.9", visitor.user)
    for _ in range(11):
        stranger.sign_in(password="wrong")
    assert stranger.sign_in().status == 429
    assert owner.sign_in().status == 200


@pytest.mark.spec("docs/security.md")
def test_account_name_that_ends_like_an_address_does_not_affect_other_limits(
    visitor: Browser, at_address: Callable[..., Browser], fresh: Clock
) -> None:
    stranger, owner = at_address("198.51.100.7", visitor.user), at_address("203.0.113.9", visitor.user)
    for _ in range(11):
        stranger.sign_in(email=f"{visitor.user.email} from 203.0.113.9", password="wrong")
    assert owner.sign_in().status == 200


def test_overlong_email_gets_the_same_answer_as_a_wrong_one(visitor: Browser) -> None:
    page = visitor.sign_in(email="x" * 3000)
    assert page.status == 401
    assert WRONG in page.text


def test_correct_password_signs_in_even_if_the_counters_cannot_be_reset(visitor: Browser, store: StoreProxy) -> None:
    page = visitor.open("/login")
    with store.fault(Fault.INTERNAL_ERROR, "DeleteItem"):
        page = visitor.press(page, "Sign in", email=visitor.user.email, password=visitor.user.password)
    assert page.status == 200


def test_counters_keep_the_names_that_earlier_versions_gave_them() -> None:
    """Otherwise every deployment, and every rollback, would give password guessers all their tries again."""
    assert sign_in_try.account("John@Example.org") == throttle.named("log-in account", "john@example.org")
    assert sign_in_try.address("192.0.2.1") == throttle.named("log-in address", "192.0.2.1")
