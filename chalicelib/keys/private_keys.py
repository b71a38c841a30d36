"""Signatures with a private key that this process has: from SIGNING_KEYS, or from its own parameter below the list's.

A private key never changes, so it is read once per process. joserfc does the cryptography; it is imported when
something is signed.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from typing import Any

from chalicelib import logs, settings, signing_keys
from chalicelib.keys import parameter_store
from chalicelib.keys.parameter_store import ParameterUnavailable
from chalicelib.keys.published_keys import SigningKeyUnavailable
from chalicelib.signing_keys import SigningKey


def parameter_name(of_the_list: str, key_id: str) -> str:
    """The SSM parameter of a private key."""
    return f"{of_the_list}/{key_id}"


def sign(key: SigningKey, signed: bytes, algorithm: str) -> bytes:
    """The JWS signature of these bytes (RFC 7518 §3). algorithm: one of those that the key signs with.

    Raises SigningKeyUnavailable.
    """
    return _signer(algorithm, _private(key), _as_text(key.published))(signed)


def _private(key: SigningKey) -> str:
    """The private JWK, as JSON."""
    if key.private is not None:
        return _as_text(key.private_jwk)
    of_the_list = settings.SETTINGS.signing_keys_parameter
    assert of_the_list, "a list without private keys is in SSM"
    name = parameter_name(of_the_list, key.key_id)
    try:
        return parameter_store.read(name, check=lambda value: _check(key, value))
    except ParameterUnavailable as error:
        raise SigningKeyUnavailable(error.code) from error


def _check(key: SigningKey, text: str) -> None:
    try:
        stored = signing_keys.parse_private_key(text)
    except signing_keys.SigningKeysError as error:
        logs.note(signing_keys=f"the private key {key.key_id} cannot be read")
        raise ParameterUnavailable("InvalidKeys") from error
    if stored.published != key.published:
        logs.note(signing_keys=f"the private key {key.key_id} does not belong to the published one")
        raise ParameterUnavailable("InvalidKeys")


@functools.lru_cache(maxsize=8)
def _signer(algorithm: str, private: str, public: str) -> Callable[[bytes], bytes]:
    """A function that signs. It is checked against the published key once: what it signs must be verifiable."""
    from joserfc.errors import JoseError
    from joserfc.jwk import import_key
    from joserfc.jws import JWSRegistry

    # Not through joserfc's serialization: it warns of the name EdDSA, which clients still expect (RFC 9864 is new).
    model = JWSRegistry.algorithms[algorithm]
    try:
        key = import_key(json.loads(private))
        if not model.verify(b"check", model.sign(b"check", key), import_key(json.loads(public))):
            raise ValueError("another key's")
    except (JoseError, ValueError) as error:
        raise SigningKeyUnavailable("InvalidKeys") from error
    return lambda signed: bytes(model.sign(signed, key))


def _as_text(jwk: Mapping[str, Any]) -> str:
    return json.dumps(jwk, sort_keys=True)
