"""Passwords must be long enough and not easily guessed (NIST SP 800-63B-4 §3.1.1.2)."""

from __future__ import annotations

import subprocess
import sys

import pytest

from chalicelib.accounts import passwords
from chalicelib.names import InputProblem
from infra.laptop import demo
from tests.actors import PASSWORD

JOHN = ["john.doe@shows.example.org", "John Doe"]
pytestmark = pytest.mark.spec("docs/security.md")


@pytest.mark.parametrize(
    "password",
    [
        *("password", "PassWord", "password1234", "password123456", "1234password!", "Password!", "trustno1!"),
        *("12345678", "1234567890!", "20112011", "dragon12345", "привет123", "passwort1"),
        *("p@ssw0rd2024", "ｐａｓｓｗｏｒｄ", "aaaaaaaa", "abcabcabcabc", "passwordpassword", "x" * 1024),
        *("abcdefghij", "qwertzuiop", "0987654321", "zyxwvuts"),
    ],
)
def test_common_password_or_a_simple_variation_is_refused(password: str) -> None:
    with pytest.raises(InputProblem, match="too common"):
        passwords.check(password, about=JOHN)


@pytest.mark.parametrize(
    "password",
    ["john.doe1990", "JohnDoe!", "doejohn-2024", "shows.example", "lanyard-demo", "Lanyard123", "johnpassword"],
)
def test_password_close_to_the_accounts_name_or_email_is_refused(password: str) -> None:
    with pytest.raises(InputProblem, match="too close to your name"):
        passwords.check(password, about=JOHN)


@pytest.mark.parametrize(
    "password",
    [
        *(
            PASSWORD,
            "horse93475028374",
            "john likes loud turtles",
            "kD8#vq2!",
            "password managers are good",
            "Tr0ub4dor&3",
        ),
        *("пароль от старого сарая", "Straßenbahn nach Süden", "1 7 3 9 2 8 5 6 0 4"),
    ],
)
def test_other_passwords_are_accepted_unchanged(password: str) -> None:
    assert passwords.check(password, about=JOHN) == password


@pytest.mark.parametrize("password", ["", "short", "x" * 1025])
def test_password_that_is_too_short_or_too_long_is_refused(password: str) -> None:
    with pytest.raises(InputProblem, match="between 8 and 1024 characters"):
        passwords.check(password)


def test_list_of_common_passwords_is_folded_and_has_no_redundant_entries() -> None:
    words = passwords.common()
    assert len(words) > 10_000
    for word in words:
        assert word == word.casefold()
        assert len(word) >= passwords.WORD_MIN_CHARACTERS
        if not word.isascii() or any(character.isalpha() for character in word):
            assert not passwords.is_variation(word, words - {word}) or word.isdigit(), word


def test_list_of_common_passwords_is_read_only_when_a_password_is_chosen() -> None:
    script = "import app; from chalicelib.accounts import passwords; print(passwords.common.cache_info().currsize)"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "0"


def test_demo_accounts_password_could_not_be_chosen_by_anyone() -> None:
    """infra/laptop/demo.py sets it, in the local stage only, and no form accepts it."""
    with pytest.raises(InputProblem):
        passwords.check(demo.PASSWORD)


def test_email_address_with_digits_is_refused_as_a_password() -> None:
    with pytest.raises(InputProblem, match="too close to your name"):
        passwords.check("o93sm5eec7d@example.net", about=["o93sm5eec7d@example.net", "Nina New"])
