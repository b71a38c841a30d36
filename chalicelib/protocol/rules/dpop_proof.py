"""A DPoP proof: a JWT with which a client shows, at each request, that it holds the key of its token (RFC 9449 §4).

Only what the proof says of itself and of its request is checked here (§4.3). Whoever asks for it decides whether it
came in time, was used before, or needs a nonce.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from chalicelib import limits
from chalicelib.protocol.rules import public_keys, request_parameters, signed_tokens

TYPE = "dpop+jwt"
# What the FAPI 2.0 Security Profile allows (§5.4.1), for everybody. Ed25519 has two names (RFC 9864).
_KEY_TYPES = {"ES256": "EC", "PS256": "RSA", "EdDSA": "OKP", "Ed25519": "OKP"}
ALGORITHMS = tuple(_KEY_TYPES)
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_DEFAULT_PORTS = {"http": 80, "https": 443}


class ProofProblem(ValueError):
    """The proof is not acceptable. The message is a sentence for the client's developer."""


@dataclass(frozen=True)
class SentProof:
    """The header, and the request that it came with. urls: the spellings under which the client may have called us."""

    header: str
    method: str
    urls: Collection[str]


@dataclass(frozen=True)
class Proof:
    """A proof of this request, signed by the key with this thumbprint (RFC 7638).

    issued_at: by the client's clock, in seconds since the epoch. nonce: None if it has none. access_token_digest:
    `ath`; None if it has none.
    """

    thumbprint: str
    jti: str
    issued_at: int
    nonce: str | None
    access_token_digest: str | None

    def names(self, access_token: str) -> bool:
        """True if the proof was made for this access token (§4.3, 12)."""
        digest = base64.urlsafe_b64encode(hashlib.sha256(access_token.encode()).digest()).decode()
        return self.access_token_digest == digest.rstrip("=")


def is_thumbprint(text: str) -> bool:
    """True if `text` can be the thumbprint of a key: SHA-256 in base64url."""
    return _THUMBPRINT.fullmatch(text) is not None


def read(sent: SentProof) -> Proof:
    """Return the proof if it is one of this request. Raises ProofProblem."""
    if len(sent.header) > limits.DPOP_PROOF_LIMIT_CHARACTERS:
        raise ProofProblem("The DPoP proof is too long.")
    try:
        head = signed_tokens.header(sent.header)
        key = _key(head)
        claims = signed_tokens.signed_by(sent.header, key)
    except signed_tokens.NotSigned as error:
        raise ProofProblem(f"The header DPoP must be one JWT, signed by its own key: it {error}.") from error
    jti, issued_at, nonce = claims.get("jti"), claims.get("iat"), claims.get("nonce")
    if not isinstance(jti, str) or not request_parameters.is_id(jti, limit=limits.DPOP_JTI_LIMIT_CHARACTERS):
        most = limits.DPOP_JTI_LIMIT_CHARACTERS
        raise ProofProblem(f"jti of the DPoP proof must be printable ASCII, of at most {most} characters.")
    if isinstance(issued_at, bool) or not isinstance(issued_at, int):
        raise ProofProblem("iat of the DPoP proof must be a whole number of seconds.")
    if nonce is not None and not isinstance(nonce, str):
        raise ProofProblem("nonce of the DPoP proof must be a string.")
    _check_request(claims, sent)
    digest = claims.get("ath")
    return Proof(public_keys.thumbprint(key), jti, issued_at, nonce, digest if isinstance(digest, str) else None)


def _key(head: dict[str, Any]) -> dict[str, Any]:
    """The public key in the header, with the algorithm that the header names. Raises ProofProblem."""
    algorithm, key = head.get("alg"), head.get("jwk")
    if head.get("typ") != TYPE:
        raise ProofProblem(f"typ of the DPoP proof must be {TYPE}.")
    if not isinstance(algorithm, str) or algorithm not in _KEY_TYPES:
        raise ProofProblem(f"alg of the DPoP proof must be one of: {', '.join(ALGORITHMS)}.")
    if "crit" in head:
        raise ProofProblem("The DPoP proof has a critical header that is not known here.")
    if not isinstance(key, dict) or not public_keys.is_public(key):
        raise ProofProblem("jwk of the DPoP proof must be the public key alone.")
    try:
        is_fit = key.get("kty") == _KEY_TYPES[algorithm] and public_keys.is_fit(key)
    except public_keys.Unreadable as error:
        raise ProofProblem("jwk of the DPoP proof cannot be read.") from error
    if not is_fit:
        raise ProofProblem(
            "jwk of the DPoP proof must be a key for its alg: RSA of 2048 bits or more, P-256 or Ed25519."
        )
    return {**key, "alg": algorithm}


def _check_request(claims: dict[str, Any], sent: SentProof) -> None:
    if claims.get("htm") != sent.method:
        raise ProofProblem(f"htm of the DPoP proof must be {sent.method}.")
    htu = claims.get("htu")
    if not isinstance(htu, str) or _normalized(htu) not in map(_normalized, sent.urls):
        url = quote(next(iter(sent.urls)), safe="%/:?#[]@!$&'()*+,;=")  # it goes into a header, and may come decoded
        raise ProofProblem(f"htu of the DPoP proof must be {url}.")


def _normalized(url: str) -> tuple[str, str, int | None, str] | None:
    """What identifies a URL without its query and fragment (§4.3, 9; RFC 3986 §6.2). None if it is none.

    The gateway passes the paths of some requests decoded, so paths are compared decoded.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    if not parts.hostname or "@" in parts.netloc:
        return None
    return parts.scheme, parts.hostname, port, unquote(parts.path) or "/"
