"""Which passwords people may choose (NIST SP 800-63B-4 §3.1.1.2): long ones that attackers do not guess first.

There are no rules about kinds of characters. A password is compared with a list of common ones, simple variations of
them, repetitions, runs of keys, and what anybody knows about the account: its name, its address and the site. The list
is read when the first password is chosen, so no other request pays for it. docs/dependencies.md says where it is from.
"""

from __future__ import annotations

import gzip
import re
import unicodedata
from collections.abc import Iterable, Set
from functools import cache
from pathlib import Path

from chalicelib import limits, settings
from chalicelib.messages import Message
from chalicelib.names import InputProblem

COMMON = Path(__file__).with_name("common_passwords.txt.gz")
# Shorter words are part of too many good passwords.
WORD_MIN_CHARACTERS = 4
_ADDED_LIMIT_CHARACTERS = 4
_UNIT_LIMIT_CHARACTERS = 4
_NAME_MIN_CHARACTERS = 3
_REST_MIN_CHARACTERS = 6
_VARIATION_LIMIT_CHARACTERS = 64
_LOOKS_LIKE = str.maketrans("@4301!$57", "aaeoiisst")
_RUNS = ("abcdefghijklmnopqrstuvwxyz" * 2, "0123456789" * 3, "qwertyuiopasdfghjklzxcvbnm", "qwertzuiopasdfghjklyxcvbnm")

TOO_COMMON = Message("is too common, or too close to a common one. Use several unrelated words")
TOO_CLOSE = Message(
    "is too close to your name, your email address or the name of this site. Use several unrelated words"
)
UNCHANGED = Message("is your current one. Choose a different one")


def check(password: str, *, about: Iterable[str] = ()) -> str:
    """Return the password. Raises InputProblem. about: what is known of its owner, such as name and address."""
    least, most = limits.PASSWORD_MIN_CHARACTERS, limits.PASSWORD_LIMIT_CHARACTERS
    if not least <= len(password) <= most:
        raise InputProblem(Message("must have between %(least)s and %(most)s characters", least=least, most=most))
    folded = _folded(password)
    if _is_too_close(folded, [*about, settings.SETTINGS.site_name]):
        raise InputProblem(TOO_CLOSE)
    if _is_guessed_first(folded):
        raise InputProblem(TOO_COMMON)
    return password


@cache
def common() -> frozenset[str]:
    """The common passwords, case-folded, without variations of each other."""
    return frozenset(gzip.decompress(COMMON.read_bytes()).decode().split("\n"))


def is_variation(password: str, words: Set[str]) -> bool:
    """True if it is one of these words with a few digits or signs around it, or ones that are a word themselves."""
    if len(password) > _VARIATION_LIMIT_CHARACTERS:
        return False
    before, after = _digits_and_signs(password), _digits_and_signs(password[::-1])
    return any(
        len(core := password[start : len(password) - end]) >= WORD_MIN_CHARACTERS
        and core in words
        and _is_short_or_word(password[:start], words)
        and _is_short_or_word(password[len(password) - end :] if end else "", words)
        for start in range(before + 1)
        for end in range(after + 1)
        if start or end
    )


def _digits_and_signs(text: str) -> int:
    """The number of digits and signs that the text begins with."""
    return next((place for place, character in enumerate(text) if character.isalpha()), len(text))


def _is_short_or_word(added: str, words: Set[str]) -> bool:
    return len(added) <= _ADDED_LIMIT_CHARACTERS or added in words


def _is_guessed_first(folded: str) -> bool:
    spelled = {folded, folded.translate(_LOOKS_LIKE)}
    return any(
        word in common() or is_variation(word, common()) or _is_repetition(word) or _is_run(word) for word in spelled
    )


def _is_repetition(word: str) -> bool:
    """True if the word repeats a few characters or a common password."""
    length = (word + word).find(word, 1)  # of the shortest part that, repeated, makes up the whole
    return length < len(word) and (length <= _UNIT_LIMIT_CHARACTERS or word[:length] in common())


def _is_run(word: str) -> bool:
    return any(word in run or word[::-1] in run for run in _RUNS)


def _is_too_close(folded: str, about: Iterable[str]) -> bool:
    """True if little or only a common password is left once everything known about the account is removed."""
    texts = [_folded(text) for text in about]
    # Whole texts, their parts with digits, and their words without: the digits in an address are no secret either.
    known = {
        *texts,
        *(part for text in texts for pattern in (r"[^\W_]+", r"[^\W\d_]+") for part in re.findall(pattern, text)),
    }
    rest = folded
    for word in sorted(known, key=len, reverse=True):
        if len(word) >= _NAME_MIN_CHARACTERS:
            rest = rest.replace(word, "")
    rest = re.sub(r"[\W_]", "", rest) if rest != folded else folded
    return rest != folded and (len(rest) < _REST_MIN_CHARACTERS or _is_guessed_first(rest))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
