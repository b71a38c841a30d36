"""Tokens, codes, client secrets and passwords: the only place that creates, recognizes, digests and compares them.

A credential is `ly??_` + the ids that it names + 43 random characters + a checksum of 6. With the prefix and the
checksum, secret scanners can find a leaked credential, and a mistyped one is refused without a read. Only digests are
stored.
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

from chalicelib import imported_passwords

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
ID_LENGTH = 16  # 95 bits, enough to be unique; an id is not a secret
SERIAL_LENGTH = 11
SECRET_LENGTH = 43  # 256 bits
CHECKSUM_LENGTH = 6  # enough for any CRC-32

# OWASP's first choice for argon2id: 19 MiB, two passes, about 30 ms on one Lambda processor.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_OWN = "$argon2id$"
# The password hash of an account that no password opens. Its owner can choose one, as if they had forgotten it.
NO_PASSWORD = "!"
# The hash of 256 random bits that nobody kept, so that an unknown account takes the same time. It is a constant because
# making one at each cold start would take as long as a sign-in. A test checks that it uses the parameters above.
_NOBODYS_HASH = "$argon2id$v=19$m=19456,t=2,p=1$88ScXXHTvB5fu5kmbb+eqA$DZ7r8Zu8NKLcfuGVDh/r709IZoG9WeOpz3Kj8AXg5eE"


class Kind(StrEnum):
    """The kinds of credentials. The value is the prefix."""

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
    SIGN_IN_REQUEST = "lysr_"
    SIGN_IN_ANSWER = "lysa_"


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
    Kind.SIGN_IN_REQUEST: 0,
    Kind.SIGN_IN_ANSWER: 0,
}


@dataclass(frozen=True)
class Credential:
    """A well-formed credential. Only the store knows whether it is valid.

    kind: the kind. names: the ids that it contains, or "". digest: SHA-256 of the whole credential, hexadecimal.
    """

    kind: Kind
    names: str
    digest: str


def new_id() -> str:
    return _random(ID_LENGTH)


def could_be_id(text: str) -> bool:
    """True if the text has the form of an id. Only the store knows whether it is one."""
    return re.fullmatch(rf"[0-9A-Za-z]{{{ID_LENGTH}}}", text, re.ASCII) is not None


def derive_id(purpose: str, text: str) -> str:
    """The id derived from `text` for this purpose. The same input always gives the same id."""
    return _base62(int.from_bytes(hashlib.sha256(f"{purpose} {text}".encode()).digest(), "big"), ID_LENGTH)


def new_serial() -> str:
    return _random(SERIAL_LENGTH)


def new_secret() -> str:
    """256 random bits: a key, or a salt for derivations."""
    return _random(SECRET_LENGTH)


def mint(kind: Kind, names: str = "") -> str:
    """A new credential that contains `names` and 256 random bits."""
    body = f"{kind}{names}{_random(SECRET_LENGTH)}"
    return body + _checksum(body)


def mint_derived(kind: Kind, names: str, *, key: bytes, source: str) -> str:
    """The credential derived from `source` with `key`: always the same one, and impossible to guess without the key."""
    seed = hmac.new(key, f"{kind} {source}".encode(), hashlib.sha256).digest()
    body = f"{kind}{names}{_base62(int.from_bytes(seed, 'big'), SECRET_LENGTH)}"
    return body + _checksum(body)


def recognize(text: str | None, *kinds: Kind) -> Credential | None:
    """Parse `text` as a well-formed credential of one of `kinds`; None if it is not one. Reads no store."""
    for kind in kinds:
        if text and text.startswith(kind) and _is_well_formed(text, kind):
            start = len(kind)
            return Credential(kind, text[start : start + _NAMES_LENGTH[kind]], digest(text))
    return None


def digest(text: str) -> str:
    """SHA-256, hexadecimal. Strong enough for 256 random bits; for passwords use `hash_password`."""
    return hashlib.sha256(text.encode()).hexdigest()


def matches(text: str, stored_digest: str | None) -> bool:
    """True if `text` has this digest. Takes constant time, even if the digest is None."""
    return hmac.compare_digest(digest(text), stored_digest or digest("")) and stored_digest is not None


def is_same(sent: str, expected: str) -> bool:
    """Takes constant time."""
    return hmac.compare_digest(sent.encode(), expected.encode())


def derive(secret: str, *purpose: str) -> str:
    """A value that only the holder of `secret` can compute, such as a CSRF token. Hexadecimal.

    purpose: its parts, kept separate, so that a part that a caller chooses cannot imitate another purpose.
    """
    return hmac.new(secret.encode(), json.dumps(purpose).encode(), hashlib.sha256).hexdigest()


def hash_password(password: str) -> str:
    """argon2id, with salt and parameters in the string."""
    return _HASHER.hash(password)


def password_matches(password: str, password_hash: str | None) -> bool:
    """True if the password is correct. Takes as long for an unknown account (`None`), and for one without a password,
    as for a wrong password. The check of an imported hash takes its own time on top."""
    is_own = password_hash is not None and password_hash.startswith(_OWN)
    try:
        _HASHER.verify(password_hash if password_hash and is_own else _NOBODYS_HASH, password)
    except (VerificationError, InvalidHashError):
        return password_hash is not None and not is_own and imported_passwords.matches(password, password_hash)
    return is_own


def needs_rehash(password_hash: str) -> bool:
    """True if the hash was imported, or made with parameters other than today's."""
    return not password_hash.startswith(_OWN) or _HASHER.check_needs_rehash(password_hash)


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
