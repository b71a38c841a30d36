"""Hashes of passwords and client secrets that another system made: Django's PBKDF2 and argon2, and bcrypt.

A person whose account was imported signs in with the password that they had. Once it is known, at the first sign-in, it
is hashed like all others, and the imported hash is gone. The same goes for the secret of an imported application. Only
`credentials` checks with this.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

PBKDF2, BCRYPT, BCRYPT_SHA256, ARGON2 = "pbkdf2_sha256", "bcrypt", "bcrypt_sha256", "argon2"
FORMATS = (PBKDF2, BCRYPT, BCRYPT_SHA256, ARGON2)

# What one check may take. An import refuses more: a sign-in has to end long before API Gateway's 29 seconds.
_MOST = {PBKDF2: (5_000_000,), BCRYPT: (15,), BCRYPT_SHA256: (15,), ARGON2: (262_144, 10, 16)}
_LEAST = {PBKDF2: (1,), BCRYPT: (4,), BCRYPT_SHA256: (4,), ARGON2: (8, 1, 1)}

_DJANGO_PBKDF2 = re.compile(r"pbkdf2_sha256\$([0-9]{1,8})\$([^$]{1,128})\$([A-Za-z0-9+/]{43}=)", re.ASCII)
_BCRYPT = re.compile(r"(?:(bcrypt|bcrypt_sha256)\$)?(\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53})", re.ASCII)
_ARGON2 = re.compile(
    r"(?:argon2)?(\$argon2id?\$v=19\$m=([0-9]{1,8}),t=([0-9]{1,4}),p=([0-9]{1,3})\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+)",
    re.ASCII,
)
_BCRYPT_LIMIT_BYTES = 72  # bcrypt never read more of a password


@dataclass(frozen=True)
class HashCost:
    """How much work it is to check a password.

    format: one of FORMATS. work: PBKDF2's iterations; bcrypt's rounds, as an exponent of 2; argon2's KiB of memory,
    passes and lanes.
    """

    format: str
    work: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.format}:{','.join(map(str, self.work))}"

    def covers(self, other: HashCost) -> bool:
        """True if a check of `other` can be made to take as long as one of this cost."""
        if self.format != other.format:
            return False
        return self.work == other.work if self.format == ARGON2 else self.work >= other.work


def read_cost(text: str) -> HashCost | None:
    """The cost that `str` wrote; None for anything else, and for one that no check may take."""
    format_, _, numbers = text.partition(":")
    if format_ not in FORMATS or not re.fullmatch(r"[0-9]{1,8}(,[0-9]{1,8}){0,2}", numbers, re.ASCII):
        return None
    return _within(HashCost(format_, tuple(map(int, numbers.split(",")))))


def cost_of(password_hash: str) -> HashCost | None:
    """What a check of this hash costs; None if it is not in one of FORMATS, or costs more than a check may."""
    if found := _DJANGO_PBKDF2.fullmatch(password_hash):
        return _within(HashCost(PBKDF2, (int(found[1]),)))
    if found := _BCRYPT.fullmatch(password_hash):
        return _within(HashCost(found[1] or BCRYPT, (int(found[3]),)))
    if found := _ARGON2.fullmatch(password_hash):
        return _within(HashCost(ARGON2, (int(found[2]), int(found[3]), int(found[4]))))
    return None


def matches(password: str, password_hash: str) -> bool:
    """True if the password is the one that was hashed. False for a hash that `cost_of` does not know."""
    if cost_of(password_hash) is None:
        return False
    if found := _DJANGO_PBKDF2.fullmatch(password_hash):
        return _matches_pbkdf2(password, int(found[1]), found[2], found[3])
    if found := _BCRYPT.fullmatch(password_hash):
        return _matches_bcrypt(password, found[1] or BCRYPT, found[2])
    return _matches_argon2(password, password_hash.removeprefix("argon2"))


def spend(password: str, cost: HashCost, *, already: HashCost | None) -> None:
    """Do the work of a check and forget the result, so that all accounts take equally long.

    already: the cost of the check that was made, if it was of the same format. Only the rest of the work is left then.
    """
    done = already.work if already and already.format == cost.format else (0,)
    if cost.format == PBKDF2 and cost.work > done:
        hashlib.pbkdf2_hmac("sha256", password.encode(), b"nobody", cost.work[0] - done[0])
    elif cost.format in (BCRYPT, BCRYPT_SHA256):
        # Checks with n, n + 1, ... m - 1 rounds are together as much work as one with m, less one with n.
        for rounds in range(done[0], cost.work[0]) if done[0] else [cost.work[0]]:
            _matches_bcrypt(password, cost.format, f"$2b${rounds:02}${'.' * 53}")
    elif cost.format == ARGON2 and done == (0,):
        memory, passes, lanes = cost.work
        PasswordHasher(memory_cost=memory, time_cost=passes, parallelism=lanes).hash(password)


def _within(cost: HashCost) -> HashCost | None:
    least, most = _LEAST[cost.format], _MOST[cost.format]
    fits = len(cost.work) == len(most) and all(
        low <= given <= high for low, given, high in zip(least, cost.work, most, strict=True)
    )
    return cost if fits else None


def _matches_pbkdf2(password: str, iterations: int, salt: str, expected: str) -> bool:
    found = hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), iterations)
    try:
        return hmac.compare_digest(found, base64.b64decode(expected, validate=True))
    except binascii.Error:
        return False


def _matches_bcrypt(password: str, format_: str, hashed: str) -> bool:
    import bcrypt  # 0.3 MB that only a sign-in to an imported account loads

    given = password.encode()
    if format_ == BCRYPT_SHA256:  # Django's: bcrypt ends at a zero byte and after 72 bytes, so it hashes a digest
        given = hashlib.sha256(given).hexdigest().encode()
    try:
        return bcrypt.checkpw(given[:_BCRYPT_LIMIT_BYTES], hashed.encode())
    except ValueError:
        return False


def _matches_argon2(password: str, hashed: str) -> bool:
    try:
        return PasswordHasher().verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False
