"""Tokens, codes, client secrets and passwords: minted, recognized, digested and compared here and nowhere else.

A credential reads `ly??_` + the names it carries + 43 random characters + a check sum of 6. The prefix and the check
sum let secret scanners find a leaked one and let a mistyped one be refused without a read. Only digests are stored.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import string
import zlib
from dataclasses import dataclass
from enum import StrEnum

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
ID_LENGTH = 16  # 95 bits: names things, keeps no secret
SERIAL_LENGTH = 11
SECRET_LENGTH = 43  # 256 bits
CHECKSUM_LENGTH = 6  # holds any CRC-32

# OWASP's first choice for argon2id: 19 MiB, two passes, about 30 ms on one Lambda processor.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# The hash of 256 random bits that were thrown away, to spend the same time on an unknown account. Written here, since
# making one at every cold start takes as long as a sign-in; a test holds it to the parameters above.
_NOBODYS_HASH = "$argon2id$v=19$m=19456,t=2,p=1$88ScXXHTvB5fu5kmbb+eqA$DZ7r8Zu8NKLcfuGVDh/r709IZoG9WeOpz3Kj8AXg5eE"


class Kind(StrEnum):
    """What a credential is, which is also its prefix."""

    ACCESS_TOKEN = "lyat_"
    REFRESH_TOKEN = "lyrt_"
    AUTHORIZATION_CODE = "lyac_"
    CLIENT_SECRET = "lycs_"
    SESSION = "lyss_"
    MAIL_LINK = "lyml_"
    PUSHED_REQUEST = "lypr_"
    DEVICE_CODE = "lydc_"
    REGISTRATION_TOKEN = "lyrg_"
    INITIAL_ACCESS_TOKEN = "lyia_"
    KNOWN_DEVICE = "lykd_"


_NAMES_LENGTH = {
    Kind.ACCESS_TOKEN: 2 * ID_LENGTH + SERIAL_LENGTH,  # a grant id
    Kind.REFRESH_TOKEN: 2 * ID_LENGTH + SERIAL_LENGTH,
    Kind.AUTHORIZATION_CODE: 0,
    Kind.CLIENT_SECRET: 0,
    Kind.SESSION: ID_LENGTH,  # a user id
    Kind.MAIL_LINK: 0,
    Kind.PUSHED_REQUEST: 0,
    Kind.REGISTRATION_TOKEN: ID_LENGTH,  # a client id
    Kind.INITIAL_ACCESS_TOKEN: 0,
    Kind.DEVICE_CODE: ID_LENGTH,  # a device request's id
    Kind.KNOWN_DEVICE: 2 * ID_LENGTH,  # a user id, and the device's
}


@dataclass(frozen=True)
class Credential:
    """A credential that is well formed; whether it is good, only the store knows.

    kind: what it is. names: the id it carries, or "". digest: SHA-256 of the whole, hexadecimal.
    """

    kind: Kind
    names: str
    digest: str


def new_id() -> str:
    return _random(ID_LENGTH)


def derive_id(purpose: str, text: str) -> str:
    """The id that belongs to `text`: the same one each time, and another for another purpose."""
    return _base62(int.from_bytes(hashlib.sha256(f"{purpose} {text}".encode()).digest(), "big"), ID_LENGTH)


def new_serial() -> str:
    return _random(SERIAL_LENGTH)


def new_secret() -> str:
    """256 random bits: a key, or a salt to mix into what is derived."""
    return _random(SECRET_LENGTH)


def mint(kind: Kind, names: str = "") -> str:
    """A new credential that carries `names` and 256 random bits."""
    body = f"{kind}{names}{_random(SECRET_LENGTH)}"
    return body + _checksum(body)


def mint_derived(kind: Kind, names: str, *, key: bytes, source: str) -> str:
    """The credential that follows `source` for whoever holds `key`: the same one each time, and a guess without it."""
    seed = hmac.new(key, f"{kind} {source}".encode(), hashlib.sha256).digest()
    body = f"{kind}{names}{_base62(int.from_bytes(seed, 'big'), SECRET_LENGTH)}"
    return body + _checksum(body)


def recognize(text: str | None, *kinds: Kind) -> Credential | None:
    """The credential that `text` is, if it is a well-formed one of `kinds`; else None. Reads no store."""
    for kind in kinds:
        if text and text.startswith(kind) and _is_well_formed(text, kind):
            start = len(kind)
            return Credential(kind, text[start : start + _NAMES_LENGTH[kind]], digest(text))
    return None


def digest(text: str) -> str:
    """SHA-256, hexadecimal. Enough for 256 random bits; passwords have `hash_password`."""
    return hashlib.sha256(text.encode()).hexdigest()


def matches(text: str, stored_digest: str | None) -> bool:
    """Does `text` have this digest? In constant time, also where there is none to compare with."""
    return hmac.compare_digest(digest(text), stored_digest or digest("")) and stored_digest is not None


def derive(secret: str, *purpose: str) -> str:
    """A value that only who holds `secret` can make, for one purpose: the CSRF tokens. Hexadecimal.

    purpose: its words, told apart, so that one that a caller chooses cannot make one purpose look like another.
    """
    return hmac.new(secret.encode(), json.dumps(purpose).encode(), hashlib.sha256).hexdigest()


def hash_password(password: str) -> str:
    """argon2id, with its salt and its parameters in the string."""
    return _HASHER.hash(password)


def password_matches(password: str, password_hash: str | None) -> bool:
    """Is it the password? Takes as long where there is no account (`None`) as where the password is wrong."""
    try:
        _HASHER.verify(password_hash or _NOBODYS_HASH, password)
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def needs_rehash(password_hash: str) -> bool:
    """Was it made under other parameters than those of today?"""
    return _HASHER.check_needs_rehash(password_hash)


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = ""
    for _ in range(length):
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits


def _is_well_formed(text: str, kind: Kind) -> bool:
    length = len(kind) + _NAMES_LENGTH[kind] + SECRET_LENGTH + CHECKSUM_LENGTH
    if len(text) != length or not re.fullmatch(r"[0-9A-Za-z]+", text[len(kind) :], re.ASCII):
        return False
    return hmac.compare_digest(_checksum(text[:-CHECKSUM_LENGTH]), text[-CHECKSUM_LENGTH:])
