"""Passwords whose hashes another system made: real ones, by Django's own hashers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth import hashers

from chalicelib import imported_passwords, settings
from chalicelib.imported_passwords import HashCost
from chalicelib.models import store, user
from chalicelib.models.user import User
from tests.actors import Browser, Person

pytestmark = pytest.mark.spec("docs/platform/import.md")
PASSWORD = "correct horse"
DJANGO = "django.contrib.auth.hashers."
HASHERS = ("PBKDF2", "Argon2", "BCryptSHA256", "BCrypt")
if not django_settings.configured:
    django_settings.configure(PASSWORD_HASHERS=[f"{DJANGO}{name}PasswordHasher" for name in HASHERS])


def django_hash(algorithm: str, password: str = PASSWORD) -> str:
    return str(hashers.make_password(password, hasher=algorithm))


@pytest.mark.parametrize("algorithm", ["pbkdf2_sha256", "argon2", "bcrypt_sha256", "bcrypt"])
def test_password_that_django_hashed_is_recognized(algorithm: str) -> None:
    for password in (PASSWORD, "пароль – „ü“", "x" * 200):
        read = password[:72] if algorithm == "bcrypt" else password  # bcrypt never read more
        hashed = django_hash(algorithm, read)
        cost = imported_passwords.cost_of(hashed)
        assert cost
        assert cost.format == algorithm
        assert imported_passwords.read_cost(str(cost)) == cost
        assert imported_passwords.matches(password, hashed)
        assert not imported_passwords.matches(read[:-1], hashed)


@pytest.mark.parametrize(
    ("hashed", "cost"),
    [
        # Made with other tools: htpasswd writes $2y$, and argon2i is what Django made before version 3.2.
        ("$2y$05$IFRjrdE.TplZ3wpQ.lKW8uH4EXj8/xAnnLxeQhyF4Yt1824vah7a6", HashCost("bcrypt", (5,))),
        (
            "argon2$argon2i$v=19$m=512,t=2,p=2$h0N/1jq3KwYv0Rqh9rrCEQ$aCn7FjguxmbTIv2AXGl7HEZ11l8uJWf8Kb8uiQJHVto",
            HashCost("argon2", (512, 2, 2)),
        ),
    ],
)
def test_hashes_from_elsewhere_are_recognized(hashed: str, cost: HashCost) -> None:
    assert imported_passwords.cost_of(hashed) == cost
    assert imported_passwords.matches(PASSWORD, hashed)
    assert not imported_passwords.matches("wrong horse", hashed)


@pytest.mark.parametrize(
    "hashed",
    [
        "",
        "!",
        "!" + "x" * 40,
        "correct horse",
        "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99",
        "pbkdf2_sha1$100$salt$" + "A" * 27 + "=",
        "pbkdf2_sha256$0$salt$" + "A" * 43 + "=",
        "pbkdf2_sha256$99999999$salt$" + "A" * 43 + "=",
        "pbkdf2_sha256$1000$$" + "A" * 43 + "=",
        "pbkdf2_sha256$1000$salt$" + "A" * 40,
        "bcrypt$$2b$31$" + "." * 53,
        "argon2$argon2id$v=19$m=99999999,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
        "argon2$argon2id$v=19$m=102400,t=9999,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
    ],
)
def test_hash_that_is_unknown_or_too_expensive_matches_nothing(hashed: str) -> None:
    assert imported_passwords.cost_of(hashed) is None
    assert not imported_passwords.matches(PASSWORD, hashed)


@pytest.fixture
def imported(base_url: str, a_person: Callable[..., Person]) -> Callable[[str], Browser]:
    """The browser of somebody whose account has this hash."""

    def make(hashed: str) -> Browser:
        person = replace(a_person(), password=PASSWORD)
        store.change(User.key(person.user_id), [User.password_hash.set(hashed)])
        return Browser(base_url, person)

    return make


def stored_hash(of: Browser) -> str:
    found = user.find_by_email(of.user.email)
    assert found
    return str(found.password_hash)


@pytest.mark.parametrize("algorithm", ["pbkdf2_sha256", "argon2", "bcrypt_sha256", "bcrypt"])
def test_first_sign_in_with_an_imported_hash_replaces_it(imported: Callable[[str], Browser], algorithm: str) -> None:
    hashed = django_hash(algorithm)
    browser = imported(hashed)
    assert browser.sign_in(password="wrong horse").status == 401
    assert stored_hash(browser) == hashed
    assert browser.sign_in().status == 200
    assert stored_hash(browser).startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert Browser(browser.base_url, browser.user).sign_in().status == 200


def test_account_without_a_password_opens_with_none(imported: Callable[[str], Browser]) -> None:
    browser = imported("!")
    for password in ("!", "", PASSWORD):
        assert browser.sign_in(password=password).status == 401


def test_sign_in_does_the_same_work_for_every_account(
    imported: Callable[[str], Browser], john: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it, the time of a failed sign-in would say whether an address has an account."""
    costs = (HashCost("pbkdf2_sha256", (3000,)), HashCost("bcrypt", (6,)))
    monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, imported_passwords=costs))
    made: list[int] = []
    derive = hashlib.pbkdf2_hmac

    def counted(name: str, password: bytes, salt: bytes, iterations: int, *more: Any) -> bytes:
        made.append(iterations)
        return derive(name, password, salt, iterations, *more)

    monkeypatch.setattr(hashlib, "pbkdf2_hmac", counted)
    weak, full = (hashers.PBKDF2PasswordHasher().encode(PASSWORD, "salt", number) for number in (1000, 3000))
    made.clear()
    unknown = Browser(john.base_url, Person("", "nobody@example.org", {}, password=PASSWORD))
    for browser in (imported(weak), imported(full), imported("!"), imported("$2b$04$" + "." * 53), unknown):
        browser.sign_in(password="wrong horse")
        assert sum(made) == 3000, made
        made.clear()
