"""A new signing key, for `manage.py keys` and `make run`. Nothing that serves a request makes one."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

from chalicelib import limits
from chalicelib.signing_keys import NEXT, SigningKey, read_key

KEY_ID = re.compile(r"[0-9a-f]{16}")


def make(algorithm: str, now: int) -> SigningKey:
    """A key with its private members. now: seconds since the epoch."""
    from joserfc.jwk import ECKey, OKPKey, RSAKey

    made: RSAKey | ECKey | OKPKey
    if algorithm == "RS256":
        made = RSAKey.generate_key(limits.RSA_MIN_BITS)
    elif algorithm == "ES256":
        made = ECKey.generate_key("P-256")
    else:
        made = OKPKey.generate_key("Ed25519")
    members = {name: value for name, value in made.as_dict(private=True).items() if isinstance(value, str)}
    return read_key({**members, **_named(made, algorithm), "status": NEXT, "created": now}, with_private=True)


def of_kms(arn: str, algorithm: str, der: bytes, now: int) -> SigningKey:
    """The key that KMS keeps. der: its public key, as KMS answers (a SubjectPublicKeyInfo, RFC 5280 §4.1)."""
    from joserfc.jwk import ECKey, RSAKey

    made = (RSAKey if algorithm == "RS256" else ECKey).import_key(der)
    members = {**made.as_dict(private=False), **_named(made, algorithm)}
    return read_key({**members, "status": NEXT, "kms": arn, "created": now}, with_private=False)


def _named(made: Any, algorithm: str) -> Mapping[str, Any]:
    """The key id is the start of the thumbprint (RFC 7638), in hexadecimal: a command's option begins with "-"."""
    digest = base64.urlsafe_b64decode(made.thumbprint() + "=")
    return {"kid": digest.hex()[:16], "alg": algorithm}
