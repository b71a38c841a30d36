"""PKCE: proof that the client that redeems a code is the one that requested it (RFC 7636). S256 only."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

METHOD = "S256"
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)


def problem_with(challenge: str | None, method: str | None) -> str | None:
    """What is wrong with an authorization request's challenge; None if it is valid or absent."""
    if challenge is None:
        return "code_challenge_method was sent without a code_challenge." if method else None
    if method is None:
        return "code_challenge_method is missing; it must be S256."
    if method != METHOD:
        return "code_challenge_method must be S256."
    if not _CHALLENGE.fullmatch(challenge):
        return "code_challenge must be 43 characters of base64url, the SHA-256 of the verifier."
    return None


def is_proven(challenge: str, verifier: str | None) -> bool:
    """True if `verifier` matches `challenge` (RFC 7636 §4.6)."""
    if verifier is None or not _VERIFIER.fullmatch(verifier):
        return False
    made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).decode("ascii").rstrip("=")
    return hmac.compare_digest(made, challenge)
