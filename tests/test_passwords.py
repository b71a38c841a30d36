"""Which passwords can be chosen: long enough, and not among the first to be guessed (NIST SP 800-63B-4 §3.1.1.2)."""

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
def test_a_common_password_is_refused_and_so_is_a_simple_variation(password: str) -> None:
    with pytest.raises(InputProblem, match="too common"):
        passwords.check(password, about=JOHN)


@pytest.mark.parametrize(
    "password",
    ["john.doe1990", "JohnDoe!", "doejohn-2024", "shows.example", "lanyard-demo", "Lanyard123", "johnpassword"],
)
def test_what_anybody_knows_of_the_account_is_no_password(password: str) -> None:
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
def test_other_passwords_are_taken_as_they_are(password: str) -> None:
    assert passwords.check(password, about=JOHN) == password


@pytest.mark.parametrize("password", ["", "short", "x" * 1025])
def test_a_password_has_a_length(password: str) -> None:
    with pytest.raises(InputProblem, match="between 8 and 1024 characters"):
        passwords.check(password)


def test_the_list_is_folded_and_has_nothing_that_is_recognized_without_it() -> None:
    words = passwords.common()
    assert len(words) > 10_000
    for word in words:
        assert word == word.casefold()
        assert len(word) >= passwords.WORD_MIN_CHARACTERS
        if not word.isascii() or any(character.isalpha() for character in word):
            assert not passwords.is_variation(word, words - {word}) or word.isdigit(), word


def test_no_request_but_one_that_chooses_a_password_reads_the_list() -> None:
    script = "import app; from chalicelib.accounts import passwords; print(passwords.common.cache_info().currsize)"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "0"


def test_the_password_of_the_demo_accounts_is_one_that_nobody_could_choose() -> None:
    """It is made by infra/laptop/demo.py, in the local stage only, and no form takes it."""
    with pytest.raises(InputProblem):
        passwords.check(demo.PASSWORD)


def test_digits_in_an_address_make_it_no_password() -> None:
    with pytest.raises(InputProblem, match="too close to your name"):
        passwords.check("o93sm5eec7d@example.net", about=["o93sm5eec7d@example.net", "Nina New"])
