"""Credentials have a recognizable format, a checksum and enough randomness, and are compared safely."""

from __future__ import annotations

import hmac
import math
import re
from collections.abc import Callable

import pytest

from chalicelib import credentials
from chalicelib.credentials import Kind

NAMES = {
    Kind.ACCESS_TOKEN: "u" * 16 + "c" * 16 + "s" * 11,
    Kind.REFRESH_TOKEN: "u" * 16 + "c" * 16 + "s" * 11,
    Kind.AUTHORIZATION_CODE: "",
    Kind.CLIENT_SECRET: "",
    Kind.SESSION: "u" * 16,
    Kind.MAIL_LINK: "",
    Kind.PUSHED_REQUEST: "n" * credentials._NAMES_LENGTH[Kind.PUSHED_REQUEST],
    Kind.DEVICE_CODE: "n" * credentials._NAMES_LENGTH[Kind.DEVICE_CODE],
    Kind.REGISTRATION_TOKEN: "n" * credentials._NAMES_LENGTH[Kind.REGISTRATION_TOKEN],
    Kind.KNOWN_DEVICE: "u" * 16 + "d" * 16,
    Kind.SIGN_IN_REQUEST: "",
    Kind.SIGN_IN_ANSWER: "",
    Kind.INITIAL_ACCESS_TOKEN: "n" * credentials._NAMES_LENGTH[Kind.INITIAL_ACCESS_TOKEN],
}


@pytest.mark.spec("docs/storage.md")
@pytest.mark.parametrize("kind", Kind)
def test_credential_reveals_its_kind_and_what_it_names(kind: Kind) -> None:
    minted = credentials.mint(kind, NAMES[kind])
    assert re.fullmatch(kind + NAMES[kind] + "[0-9A-Za-z]{49}", minted)
    found = credentials.recognize(minted, *Kind)
    assert found == credentials.Credential(kind, NAMES[kind], credentials.digest(minted))
    assert credentials.recognize(minted, *(other for other in Kind if other is not kind)) is None


@pytest.mark.spec("docs/storage.md", "RFC 6749 §10.10")
def test_random_part_has_at_least_256_bits_and_uses_the_whole_alphabet() -> None:
    assert credentials.SECRET_LENGTH * math.log2(len(set(credentials.ALPHABET))) >= 256
    minted = [credentials.mint(Kind.AUTHORIZATION_CODE)[5:48] for _ in range(300)]
    assert len(set(minted)) == 300
    for place in range(credentials.SECRET_LENGTH):
        assert len({secret[place] for secret in minted}) > 50
    assert len({credentials.new_id() for _ in range(300)}) == 300


@pytest.mark.spec("docs/storage.md")
@pytest.mark.parametrize("kind", Kind)
def test_any_single_mistyped_missing_or_added_character_is_detected(kind: Kind) -> None:
    minted = credentials.mint(kind, NAMES[kind])
    for place in range(len(minted)):
        other = "A" if minted[place] != "A" else "B"
        wrong = [minted[:place] + other + minted[place + 1 :], minted[:place] + minted[place + 1 :]]
        wrong += [minted[:place] + other + minted[place:]]
        for text in wrong:
            assert credentials.recognize(text, *Kind) is None, text


@pytest.mark.spec("docs/storage.md")
@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text + "\n",
        lambda text: " " + text,
        lambda text: text.swapcase(),
        lambda text: text.replace("_", "-"),
        lambda text: text[:-1] + "é",
        lambda text: text[:-1] + "\u0661",
        lambda text: text[:-1] + "\ud800",
        lambda text: text * 2,
    ],
)
def test_malformed_text_is_not_recognized_as_a_credential(spoil: Callable[[str], str]) -> None:
    assert credentials.recognize(spoil(credentials.mint(Kind.CLIENT_SECRET)), *Kind) is None
    assert credentials.recognize("", *Kind) is credentials.recognize(None, *Kind) is None


@pytest.mark.spec("docs/security.md")
def test_secret_matches_only_its_own_digest() -> None:
    secret, other = credentials.mint(Kind.CLIENT_SECRET), credentials.mint(Kind.CLIENT_SECRET)
    assert credentials.matches(secret, credentials.digest(secret))
    assert not credentials.matches(other, credentials.digest(secret))
    assert not credentials.matches(secret, secret)
    assert not credentials.matches(credentials.digest(secret), credentials.digest(secret))
    for nothing in ("", secret):
        assert not credentials.matches(nothing, None)


@pytest.mark.spec("docs/security.md")
def test_secret_comparison_takes_constant_time_even_without_a_stored_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared: list[tuple[int, int]] = []
    real = hmac.compare_digest

    def spy(a: str, b: str) -> bool:
        compared.append((len(a), len(b)))
        return real(a, b)

    monkeypatch.setattr(hmac, "compare_digest", spy)
    secret = credentials.mint(Kind.CLIENT_SECRET)
    for stored in (credentials.digest(secret), credentials.digest("x"), None):
        credentials.matches(secret, stored)
    assert compared == [(64, 64)] * 3


@pytest.mark.spec("docs/security.md")
def test_password_is_stored_as_argon2id_and_matches_only_itself() -> None:
    stored = credentials.hash_password("correct horse")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert stored != credentials.hash_password("correct horse"), "the hash has no salt"
    assert credentials.password_matches("correct horse", stored)
    for wrong in ("", "Correct horse", "correct horse ", stored):
        assert not credentials.password_matches(wrong, stored)
    assert not credentials.password_matches("", None)
    assert not credentials.password_matches("x", "no hash at all")


@pytest.mark.spec("RFC 6749 §10.12")
def test_derived_value_depends_on_the_secret_and_the_purpose() -> None:
    made = credentials.derive("secret", "sign-in")
    assert made == credentials.derive("secret", "sign-in")
    assert len({made, credentials.derive("secret", "sign-out"), credentials.derive("other", "sign-in")}) == 3
    assert re.fullmatch("[0-9a-f]{64}", made)


def test_hash_for_an_unknown_account_costs_the_same_as_a_real_one() -> None:
    assert not credentials._HASHER.check_needs_rehash(credentials._NOBODYS_HASH)
    assert not credentials.password_matches("", None)


@pytest.mark.spec("RFC 6749 §10.12", "docs/security.md")
def test_words_of_a_purpose_cannot_run_together() -> None:
    made = [
        credentials.derive("secret", *purpose)
        for purpose in (
            ("revoke", "all"),
            ("revoke all",),
            ("revoke", "all", ""),
            ("revoke", " all"),
            ("a", "b"),
            ("ab",),
        )
    ]
    assert len(set(made)) == len(made)
