"""Check Lanyard's signed access tokens (RFC 9068) without asking Lanyard about each. One file to copy, for any Python.

    lanyard = Verifier("https://connect.example.com", "https://api.example.com/")
    access = lanyard.check(headers.get("authorization"), scope="write")

It needs PyJWT with cryptography (`pip install "pyjwt[crypto]"`), and an API that has `token_format = "jwt"` in
Lanyard's permission catalogue. Make one Verifier per process. It keeps Lanyard's keys, and the list of tokens that
ended before they expire, which it fetches again every few seconds while there are requests. So what a user takes back
counts here after `list_seconds` and the few seconds for which Lanyard's answer may be cached.

Tokens that are bound to a key (DPoP) are refused: an API for them uses Lanyard's authorizer.
"""

import hashlib
import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field

import jwt

ALGORITHMS = ("RS256", "ES256", "EdDSA")
_REQUIRED = ["iss", "aud", "sub", "client_id", "jti", "iat", "exp"]
_CLOCKS_APART_SECONDS = 30
_KEYS_SECONDS = 300
_UNKNOWN_KEY_SECONDS = 10  # before the keys are fetched again for a key that is not among them
_TIMEOUT_SECONDS = 5
_PAGES_LIMIT = 100


@dataclass(frozen=True)
class Access:
    """What a valid token gives access to. organizers: None if they are too many for a token: introspect it to learn
    them."""

    subject: str
    client_id: str
    scopes: frozenset
    organizers: frozenset | None
    claims: dict


@dataclass(frozen=True)
class Refused(Exception):
    """The token is refused. Answer the request with this (RFC 6750 §3.1)."""

    status: int
    error: str
    description: str
    challenge: str = "Bearer"
    headers: dict = field(default_factory=dict)


class Verifier:
    """Checks the tokens of one provider for one API. Threads may share it.

    issuer: Lanyard's URL. audience: the API's address, as the permission catalogue spells it. list_seconds: how old the
    list of ended tokens may be. stale_seconds: how old, while Lanyard cannot be reached; after that every token is
    refused with 503.
    """

    def __init__(self, issuer, audience, *, algorithms=ALGORITHMS, list_seconds=10, stale_seconds=120):
        self._issuer, self._audience, self._algorithms = issuer, audience, tuple(algorithms)
        self._list_seconds, self._stale_seconds = list_seconds, stale_seconds
        self._lock = threading.Lock()
        self._keys, self._keys_at = {}, float("-inf")
        self._ended, self._ended_at, self._ended_tried_at = {}, float("-inf"), float("-inf")
        self._etag = None

    def check(self, authorization, *, scope=None):
        """Who is calling, as an Access.

        authorization: the header, or None. scope: one that the token must have, or None. Raises Refused: 401 for an
        invalid token, 403 for a missing scope, 503 if Lanyard could not be reached for too long.
        """
        if not (authorization or "").lower().startswith("bearer "):
            raise Refused(401, "unauthorized", "Send an access token: Authorization: Bearer ...")
        claims = self._verified(authorization[7:].strip(), "at+jwt", audience=self._audience, required=_REQUIRED)
        if "cnf" in claims:  # whoever checks no proofs must not take it for a bearer token (RFC 9449 §7.2)
            raise _invalid("The access token is bound to a key (DPoP), and this API checks no proofs.")
        ended = self._list()
        handles = claims.get("ends_with") or []
        if any(ended.get(handle, 0) >= claims["iat"] for handle in ["*", *handles]):
            raise _invalid("The access token was revoked, or its permission has ended.")
        scopes = frozenset(str(claims.get("scope", "")).split())
        if scope is not None and scope not in scopes:
            challenge = f'Bearer error="insufficient_scope", scope="{scope}"'
            raise Refused(403, "insufficient_scope", f"This requires the scope {scope}.", challenge)
        organizers = None
        if "organizers_count" not in claims:
            organizers = frozenset(
                slug
                for slug in claims.get("organizers", ())
                if ended.get(_membership(handles, slug), 0) < claims["iat"]
            )
        return Access(claims["sub"], claims["client_id"], scopes, organizers, claims)

    def _verified(self, token, expected_type, *, audience=None, required=()):
        """The claims of a JWT of this type that our provider signed."""
        try:
            head = jwt.get_unverified_header(token)
            if str(head.get("typ", "")).lower().removeprefix("application/") != expected_type:
                raise _invalid("The token is of another type.")
            key = self._key(head.get("kid"))
            if key["alg"] not in self._algorithms:
                raise _invalid("The token is signed with an algorithm that is not accepted.")
            return jwt.decode(
                token,
                jwt.PyJWK(key).key,
                algorithms=[key["alg"]],  # the key's own, and never what the token says
                issuer=self._issuer,
                audience=audience,
                leeway=_CLOCKS_APART_SECONDS,
                options={"require": list(required), "verify_aud": audience is not None},
            )
        except jwt.PyJWTError as error:
            raise _invalid(f"The access token is not valid: {error}.") from error

    def _key(self, key_id):
        now = time.monotonic()
        with self._lock:
            age = now - self._keys_at
            if age > _KEYS_SECONDS or (key_id not in self._keys and age > _UNKNOWN_KEY_SECONDS):
                self._keys_at = now
                try:
                    found = json.loads(self._get("/.well-known/jwks.json")[0])["keys"]
                    self._keys = {key["kid"]: key for key in found if key.get("use", "sig") == "sig" and "alg" in key}
                except (OSError, ValueError, KeyError):
                    self._keys_at = now - _KEYS_SECONDS + _UNKNOWN_KEY_SECONDS  # keep the keys, and try again soon
                    if not self._keys:
                        raise _unreachable() from None
            if key_id not in self._keys:
                raise _invalid("The token is signed with an unknown key.")
            return self._keys[key_id]

    def _list(self):
        """Handle -> the last moment at which a token with it was issued that has ended."""
        now = time.monotonic()
        if now - max(self._ended_at, self._ended_tried_at) > self._list_seconds:
            self._ended_tried_at = now
            try:
                self._fetch_list()
                self._ended_at = now
            except (OSError, ValueError, KeyError, Refused):
                pass  # as long as the list is not too old, it is better than none
        if now - self._ended_at > self._stale_seconds:
            self._ended_tried_at = float("-inf")
            raise _unreachable()
        return self._ended

    def _fetch_list(self):
        path = "/.well-known/ended-tokens"
        body, etag = self._get(path, {"If-None-Match": self._etag} if self._etag else {})
        if body is None:  # as it was
            return
        ended = {}
        for number in range(_PAGES_LIMIT):
            page = self._verified(body.decode(), "ended-tokens+jwt", required=["iss", "iat"])
            for handle, before in page["ended"]:
                ended[handle] = max(before, ended.get(handle, 0))
            if "next" not in page:
                self._ended, self._etag = ended, etag if number == 0 else None  # the first page's says only that
                return
            body, _ = self._get(f"{path}?after={urllib.parse.quote(page['next'])}")
        raise ValueError("the list does not end")

    def _get(self, path, headers=()):
        """The body and the ETag; no body if it has not changed."""
        request = urllib.request.Request(self._issuer + path, headers=dict(headers))  # noqa: S310 - our own issuer
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310
                return response.read(), response.headers.get("ETag")
        except urllib.error.HTTPError as error:
            if error.code == 304:
                return None, None
            raise


def _membership(handles, slug):
    """The handle of the user's membership in an organizer: the first handle of a token is its user's."""
    return hashlib.sha256(f"{handles[0]} {slug}".encode()).hexdigest()[:32] if handles else None


def _invalid(description):
    challenge = 'Bearer error="invalid_token"'
    return Refused(401, "invalid_token", description, challenge)


def _unreachable():
    return Refused(503, "temporarily_unavailable", "Lanyard cannot be reached.", headers={"Retry-After": "5"})
