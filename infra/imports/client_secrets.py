"""The client secret of an imported application: what is stored so that the secret goes on working."""

from __future__ import annotations

import re

from chalicelib import credentials, imported_passwords, limits
from chalicelib.imported_passwords import ARGON2, BCRYPT, BCRYPT_SHA256, PBKDF2
from infra.imports.records import RecordProblem

_DJANGOS_HASH = re.compile(r"[a-z0-9_]+\$.+", re.ASCII)
_PRINTABLE = re.compile(r"[\x20-\x7e]+")  # RFC 6749 §A.2
# What a check may take: about a second of a Lambda processor. Less than for a password, because anybody can send a
# wrong secret, and Django's own hashes are below. PBKDF2's iterations; bcrypt's rounds; argon2's KiB, passes and lanes.
_MOST = {PBKDF2: (2_000_000,), BCRYPT: (13,), BCRYPT_SHA256: (13,), ARGON2: (131_072, 4, 8)}


def looks_hashed(secret: str) -> bool:
    """True if Django would take this for a hash: its secrets have no dollar sign."""
    return _DJANGOS_HASH.fullmatch(secret) is not None


def digest_of(secret: str) -> str:
    """What is stored of a secret in the clear. Raises RecordProblem."""
    if not secret:
        raise RecordProblem("has no client secret, so it could not authenticate")
    if not _PRINTABLE.fullmatch(secret) or len(secret) > limits.PASSWORD_LIMIT_CHARACTERS:
        most = limits.PASSWORD_LIMIT_CHARACTERS
        raise RecordProblem(f"has a client secret that is not printable ASCII of at most {most} characters")
    if not credentials.is_hard_to_guess(secret):
        least, different = credentials.FOREIGN_SECRET_LENGTH, credentials.FOREIGN_SECRET_VARIETY
        raise RecordProblem(
            f"has a client secret that is too easy to guess: it needs at least {least} characters, and {different} "
            "different ones; replace it first"
        )
    return credentials.digest(secret)


def checked_hash(hashed: str) -> str:
    """What is stored of a secret that is known only by its hash. Raises RecordProblem."""
    cost = imported_passwords.cost_of(hashed) if hashed.isascii() else None
    if cost is None:
        known = ", ".join(imported_passwords.FORMATS)
        raise RecordProblem(f"has a client secret whose hash cannot be checked here; known are {known}")
    if any(work > most for work, most in zip(cost.work, _MOST[cost.format], strict=True)):
        most = ",".join(map(str, _MOST[cost.format]))
        raise RecordProblem(f"has a client secret whose hash takes too long to check; the most is {cost.format}:{most}")
    return hashed
