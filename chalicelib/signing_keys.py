"""The provider's signing keys as they are stored: a JWK Set, read strictly (RFC 7517 §5, RFC 7518 §6, RFC 8037 §2).

A key is a JWK with members of ours: `status`, when each stage of its life began, and `kms`, the ARN of a key that AWS
KMS keeps. Private members are in SIGNING_KEYS; in SSM they are stored apart from the list.

Nothing here needs a cryptography library, so it costs a start nothing. No message quotes a member's value.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib import limits

NEXT, ACTIVE, RETIRED = "next", "active", "retired"
# In order of preference: API Gateway's JWT authorizers accept only RSA.
ALGORITHMS = ("RS256", "ES256", "EdDSA")
KMS_ALGORITHMS = ("RS256", "ES256")
# What a key of each can sign with, its own first. An RSA key can sign in two ways (RFC 7518 §3.3, §3.5).
SIGNS_WITH = {"RS256": ("RS256", "PS256"), "ES256": ("ES256",), "EdDSA": ("EdDSA",)}
_KEY_TYPES = {"RS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}
_CURVES = {"ES256": "P-256", "EdDSA": "Ed25519"}
_PUBLIC = {"RS256": ("n", "e"), "ES256": ("crv", "x", "y"), "EdDSA": ("crv", "x")}
_PRIVATE = {"RS256": ("d", "p", "q", "dp", "dq", "qi"), "ES256": ("d",), "EdDSA": ("d",)}
_TIMES = {"created": "created_at", "published": "published_at", "activated": "active_at", "retired": "retired_at"}
_OURS = {"status", "kms", *_TIMES}
_PLAIN = {"kty", "kid", "alg", "use", "key_ops"}
_CURVE_BYTES = 32  # of a coordinate or a private key on P-256 and Ed25519
_RSA_EXPONENT = 65537
_WORD_CHARACTERS = 20  # of an unknown member's name that a message may quote
KMS_KEY = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]{1,64}")
KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class SigningKeysError(ValueError):
    """The stored keys cannot be used. The message is one line for the operator, and quotes no key."""


@dataclass(frozen=True)
class SigningKey:
    """A key that signs, will sign or has signed.

    status: NEXT is published and does not sign yet, ACTIVE signs, RETIRED is published until what it signed has
    expired. public: the members of the JWK that are particular to its algorithm. private: the private ones, if the list
    has them. kms: the ARN of the KMS key that signs. created_at, published_at, active_at, retired_at: seconds since the
    epoch; None if that is unknown or has not happened.
    """

    key_id: str
    algorithm: str
    status: str
    public: Mapping[str, str]
    private: Mapping[str, str] | None = field(default=None, repr=False)
    kms: str | None = None
    created_at: int | None = None
    published_at: int | None = None
    active_at: int | None = None
    retired_at: int | None = None

    @property
    def published(self) -> dict[str, Any]:
        """The JWK as others see it (RFC 7517 §4)."""
        kind = {"kty": _KEY_TYPES[self.algorithm], "kid": self.key_id, "alg": self.algorithm, "use": "sig"}
        return {**kind, **self.public}

    @property
    def all_published(self) -> tuple[dict[str, Any], ...]:
        """A JWK for each algorithm that it signs with.

        Not one JWK without `alg`: some libraries take RSA keys without one for RS256, and then refuse PS256.
        """
        others = SIGNS_WITH[self.algorithm][1:]
        return self.published, *({**self.published, "kid": self.id_for(name), "alg": name} for name in others)

    def id_for(self, algorithm: str) -> str:
        """The `kid` of its JWK for this algorithm. No other key's can have a dot."""
        return self.key_id if algorithm == self.algorithm else f"{self.key_id}.{algorithm}"

    @property
    def private_jwk(self) -> dict[str, Any]:
        """The JWK with its private members, for the one who signs."""
        return {**self.published, **(self.private or {})}


def parse(text: str, *, with_private: bool) -> tuple[SigningKey, ...]:
    """The keys of a list, in its order. with_private: every key must have its private members; otherwise none may.

    Raises SigningKeysError.
    """
    listed = _object(text).get("keys")
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise SigningKeysError('is not a JWK Set: {"keys": [...]}')
    if not 1 <= len(listed) <= limits.SIGNING_KEYS_LIMIT:
        raise SigningKeysError(f"must have 1 to {limits.SIGNING_KEYS_LIMIT} keys, not {len(listed)}")
    keys = tuple(_key(jwk, f"key {number}", with_private=with_private) for number, jwk in enumerate(listed, start=1))
    _check_together(keys)
    return keys


def parse_private_key(text: str) -> SigningKey:
    """The key of one JWK with its private members. Its status means nothing. Raises SigningKeysError."""
    return read_key(_object(text), with_private=True)


def read_key(jwk: Mapping[str, Any], *, with_private: bool) -> SigningKey:
    """The key of this JWK. Raises SigningKeysError."""
    return _key(jwk, "it", with_private=with_private)


def to_text(keys: tuple[SigningKey, ...]) -> str:
    """The list as it is stored, without private members."""
    return _json({"keys": [_stored(key) for key in keys]})


def to_private_text(key: SigningKey) -> str:
    """The key's JWK with its private members, as it is stored beside the list."""
    return _json(key.private_jwk)


def to_text_with_private(keys: tuple[SigningKey, ...]) -> str:
    """The list with its private members, as SIGNING_KEYS has it."""
    return _json({"keys": [{**_stored(key), **(key.private or {})} for key in keys]})


def _object(text: str) -> dict[str, Any]:
    if len(text) > limits.SIGNING_KEYS_LIMIT_CHARACTERS:
        raise SigningKeysError(f"is longer than {limits.SIGNING_KEYS_LIMIT_CHARACTERS} characters")
    try:
        found = json.loads(text, object_pairs_hook=_each_member_once)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise SigningKeysError("is not a JSON object with each member once")
    return found


def _key(jwk: Mapping[str, Any], where: str, *, with_private: bool) -> SigningKey:
    """The key of this JWK. where: what a message calls it."""
    key_id, algorithm = jwk.get("kid"), jwk.get("alg")
    if not isinstance(key_id, str) or not KEY_ID.fullmatch(key_id):
        raise SigningKeysError(f"{where} needs a kid of 1 to 64 letters, digits, _ and -")
    if algorithm not in ALGORITHMS:
        raise SigningKeysError(f"{where} needs an alg: {', '.join(ALGORITHMS)}")
    if jwk.get("kty") != _KEY_TYPES[algorithm] or jwk.get("crv") != _CURVES.get(algorithm):
        curve = f" and the crv {_CURVES[algorithm]}" if algorithm in _CURVES else " and no crv"
        raise SigningKeysError(f"{where} needs the kty {_KEY_TYPES[algorithm]}{curve} for its alg {algorithm}")
    if jwk.get("use", "sig") != "sig":
        raise SigningKeysError(f'{where} has a use other than "sig"')
    status = jwk.get("status", ACTIVE)
    if status not in (NEXT, ACTIVE, RETIRED):
        raise SigningKeysError(f"{where} needs a status: {NEXT}, {ACTIVE} or {RETIRED}")
    _check_members(jwk, where, algorithm, with_private=with_private)
    times = {attribute: _moment(jwk, name, where) for name, attribute in _TIMES.items()}
    return SigningKey(
        key_id,
        algorithm,
        status,
        {name: jwk[name] for name in _PUBLIC[algorithm]},
        {name: jwk[name] for name in _PRIVATE[algorithm]} if with_private else None,
        _kms(jwk, where, algorithm, with_private=with_private),
        **times,
    )


def _check_members(jwk: Mapping[str, Any], where: str, algorithm: str, *, with_private: bool) -> None:
    public, private = _PUBLIC[algorithm], _PRIVATE[algorithm]
    allowed = {*_PLAIN, *_OURS, *public, *(private if with_private else ())}
    for name in sorted(set(jwk) - allowed):
        what = "a private member, which is not kept here" if name in private else "a member that is unknown"
        is_word = name.isidentifier() and len(name) <= _WORD_CHARACTERS
        raise SigningKeysError(f"{where} has {what}: {name if is_word else 'its name is no word'}")
    numbers = {
        name: _number(jwk, name, where) for name in (*public, *(private if with_private else ())) if name != "crv"
    }
    if algorithm == "RS256":
        _check_rsa(numbers, where, with_private=with_private)
    elif any(size != _CURVE_BYTES for _, size in numbers.values()):
        raise SigningKeysError(f"{where} has a member of the wrong length: {_CURVES[algorithm]} takes 32 bytes")


def _check_rsa(numbers: Mapping[str, tuple[int, int]], where: str, *, with_private: bool) -> None:
    value = {name: number for name, (number, _) in numbers.items()}
    if not limits.RSA_MIN_BITS <= value["n"].bit_length() <= limits.RSA_MAX_BITS:
        raise SigningKeysError(f"{where} must have {limits.RSA_MIN_BITS} to {limits.RSA_MAX_BITS} bits")
    if value["e"] != _RSA_EXPONENT:
        raise SigningKeysError(f"{where} must have the exponent {_RSA_EXPONENT}")
    if not with_private:
        return
    p, q, inverse = value["p"], value["q"], value["e"] * value["d"]
    # Damaged private members would sign what the public ones cannot verify, or give away the key.
    if p < 2 or q < 2 or p * q != value["n"] or inverse % (p - 1) != 1 or inverse % (q - 1) != 1:
        raise SigningKeysError(f"{where} has private members that do not belong to its public ones")


def _check_together(keys: tuple[SigningKey, ...]) -> None:
    if any(count > 1 for count in Counter(key.key_id for key in keys).values()):
        raise SigningKeysError("has two keys with the same kid")
    if not any(key.status == ACTIVE for key in keys):
        raise SigningKeysError(f"needs a key with the status {ACTIVE}")
    for status in (ACTIVE, NEXT):
        for algorithm, count in Counter(key.algorithm for key in keys if key.status == status).items():
            if count > 1:
                raise SigningKeysError(
                    f"has {count} keys with the status {status} for {algorithm}: only one may have it"
                )


def _number(jwk: Mapping[str, Any], name: str, where: str) -> tuple[int, int]:
    """The value of a base64url member, and its length in bytes (RFC 7518 §2)."""
    text = jwk.get(name)
    if text is None:
        raise SigningKeysError(f"{where} lacks {name}")
    if not isinstance(text, str) or not re.fullmatch(r"[A-Za-z0-9_-]+", text):
        raise SigningKeysError(f"{where} has a {name} that is not base64url")
    try:
        value = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise SigningKeysError(f"{where} has a {name} that is not base64url") from None
    return int.from_bytes(value, "big"), len(value)


def _moment(jwk: Mapping[str, Any], name: str, where: str) -> int | None:
    value = jwk.get(name)
    if value is not None and (type(value) is not int or value < 0):
        raise SigningKeysError(f"{where} has a {name} that is not a number of seconds since 1970")
    return value


def _kms(jwk: Mapping[str, Any], where: str, algorithm: str, *, with_private: bool) -> str | None:
    arn = jwk.get("kms")
    if arn is None:
        return None
    if with_private or not isinstance(arn, str) or not KMS_KEY.fullmatch(arn) or algorithm not in KMS_ALGORITHMS:
        raise SigningKeysError(f"{where} has a kms that is not the ARN of a key for {' or '.join(KMS_ALGORITHMS)}")
    return arn


def _stored(key: SigningKey) -> dict[str, Any]:
    times = {name: getattr(key, attribute) for name, attribute in _TIMES.items()}
    ours = {"status": key.status, "kms": key.kms, **times}
    return {**key.published, **{name: value for name, value in ours.items() if value is not None}}


def _each_member_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a member is repeated")
    return made


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
