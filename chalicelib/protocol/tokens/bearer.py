"""Access tokens at a protected resource (RFC 6750): whose they are and what they allow.

A token that is bound to a key is of no use without a proof of the key at each request (RFC 9449 §7). No nonce is asked
for here: API Gateway renames the header with which a client would learn that it is. So a proof counts by its own time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from chalicelib import clock, credentials, limits, logs
from chalicelib.credentials import Kind
from chalicelib.models import application_access, grant, used_assertion
from chalicelib.models.access_token import AccessToken
from chalicelib.models.application import Application
from chalicelib.models.application_access import ApplicationStanding
from chalicelib.models.grant import GrantStanding
from chalicelib.models.user import User
from chalicelib.protocol.rules import dpop_proof, given_scopes, resource_indicators, scopes, subjects
from chalicelib.protocol.rules.dpop_proof import Proof, SentProof
from chalicelib.protocol.rules.request_parameters import HTTP_BLANKS

_HEADER = re.compile(r"(?:bearer|dpop) +([A-Za-z0-9._~+/-]+=*) *", re.ASCII | re.IGNORECASE)
REALM = "Lanyard"
UNKNOWN = "The access token is unknown, was replaced or was revoked."


class BearerError(Exception):
    """Why a request is refused. status: the HTTP status. error: a code of RFC 6750 §3.1 or RFC 9449 §7.1; None if no
    token was sent. is_bound: the token is bound to a key, or was sent as one that is."""

    def __init__(self, status: int, error: str | None, description: str, scope: str | None = None) -> None:
        super().__init__(description)
        self.status = status
        self.error = error
        self.description = description
        self.scope = scope
        self.is_bound = False

    def challenge(self, metadata_url: str) -> str:
        """The value of WWW-Authenticate; without an error if no token was sent (RFC 6750 §3.1).

        metadata_url: of the resource's metadata, where a client finds its provider (RFC 9728 §5.1).
        """
        parts = [f'resource_metadata="{metadata_url}"']
        if self.error is not None:
            parts = [f'realm="{REALM}"', f'error="{self.error}"', f'error_description="{self.description}"', *parts]
        if self.scope:
            parts.append(f'scope="{self.scope}"')
        if self.is_bound:
            return "DPoP " + ", ".join([*parts, f'algs="{" ".join(dpop_proof.ALGORITHMS)}"'])
        return "Bearer " + ", ".join(parts)


@dataclass(frozen=True)
class Access:
    """What a valid token allows at this moment.

    scopes: those that it was given and all that they include. organizers: those that the user allowed and still belongs
    to; for an application's own token, those it still has.
    """

    standing: GrantStanding | ApplicationStanding
    access_token: AccessToken
    scopes: frozenset[str]
    organizers: frozenset[str]

    @property
    def application(self) -> Application:
        return self.standing.application

    @property
    def user(self) -> User | None:
        """The user that the token is for; None for an application's own token."""
        return self.standing.user

    @property
    def subject(self) -> str:
        """What the application knows the user by; for its own token, its client id."""
        application = self.application
        return subjects.of(application, self.access_token.user_id) if self.user else application.public_id

    @property
    def resource(self) -> str | None:
        """The one resource that the token is valid for; None if it is not limited to one."""
        return self.access_token.resource


def authenticate(
    authorization: str | None, *, scope: str | None, resource: str = "", proof: SentProof | None = None
) -> Access:
    """Return the access of a valid token that has `scope` (None: any scope will do).

    resource: the URL being called; a token for another resource is refused (RFC 8707). authorization: the header; a
    token in the query or in a form is ignored (RFC 6750 §2.1 only). proof: the DPoP header, if one was sent. Raises
    BearerError, StoreUnavailable. One round trip to the store, one more for a user with shards of memberships
    (`user_organizers`), and a write for a token that is bound to a key.
    """
    sent = (authorization or "").strip(HTTP_BLANKS)
    is_bound = sent.lower().startswith("dpop")
    if not (is_bound or sent.lower().startswith("bearer")):
        raise BearerError(401, None, "Send an access token: Authorization: Bearer ...")
    presented = _HEADER.fullmatch(sent)
    if presented is None:
        raise BearerError(400, "invalid_request", "The Authorization header must be Bearer and one token.")
    try:
        return _authenticated(presented.group(1), is_bound, proof, scope, resource)
    except BearerError as error:
        error.is_bound = error.is_bound or is_bound
        raise


def _authenticated(token: str, is_bound: bool, proof: SentProof | None, scope: str | None, resource: str) -> Access:
    proven = _proof_for(token, proof) if is_bound else None
    access = access_of(token)
    logs.note(client_id=access.standing.application.public_id)
    _check_key(access.access_token.jkt, proven)
    if not resource_indicators.is_good_at(access.resource, resource):
        raise BearerError(401, "invalid_token", "The access token is for another resource.")
    if scope is not None and scope not in access.scopes:
        raise _too_little(access, scope)
    if proven:
        _use(proven)
    if isinstance(access.standing, GrantStanding):
        grant.touch(access.standing.grant)
    return access


def _proof_for(token: str, sent: SentProof | None) -> Proof:
    """The proof that came with this token (RFC 9449 §7.1, §4.3). Raises BearerError."""
    if sent is None:
        raise _unproven("The header DPoP with a proof is missing.")
    try:
        proof = dpop_proof.read(sent)
    except dpop_proof.ProofProblem as error:
        raise _unproven(str(error)) from error
    if not proof.names(token):
        raise _unproven("ath of the DPoP proof must be the SHA-256 digest of the access token, base64url.")
    if not -limits.DPOP_PROOF_SKEW_SECONDS <= clock.now() - proof.issued_at <= limits.DPOP_PROOF_AGE_SECONDS:
        raise _unproven("iat of the DPoP proof must be the time of the request; check your clock.")
    return proof


def _check_key(bound_to: str | None, proof: Proof | None) -> None:
    """Raises BearerError for a bound token without a proof of its key, and for any other token with a proof."""
    if bound_to is None and proof is not None:
        raise BearerError(401, "invalid_token", "The access token is not bound to a key: send it as Bearer.")
    if bound_to is not None and (proof is None or proof.thumbprint != bound_to):
        error = BearerError(
            401, "invalid_token", "The access token is bound to a key: send it as DPoP, with a proof of it."
        )
        error.is_bound = True
        raise error


def _use(proof: Proof) -> None:
    """Use up the proof. Of concurrent requests with it, one succeeds. Raises BearerError (RFC 9449 §11.1)."""
    expires_at = clock.now() + limits.DPOP_PROOF_KEPT_SECONDS
    try:
        used_assertion.claim_proof(proof.thumbprint, proof.jti, expires_at=expires_at)
    except used_assertion.AlreadyUsed:
        logs.note(security_event="DPoP proof replayed")
        raise _unproven("The DPoP proof has been used; make a new one for each request.") from None


def _unproven(description: str) -> BearerError:
    return BearerError(401, "invalid_dpop_proof", description)


def access_of(token: str) -> Access:
    """Return the access of a token, whether or not it is bound to a key. Raises BearerError if it is not valid,
    StoreUnavailable. Round trips: see `authenticate`."""
    named = credentials.recognize(token, Kind.ACCESS_TOKEN)
    if named is None:
        raise BearerError(401, "invalid_token", UNKNOWN)
    return access(named.names, lambda live: not live.signed and credentials.matches(token, live.token_digest))


def access(grant_id: str, is_presented: Callable[[AccessToken], bool]) -> Access:
    """Return the access of a grant's live access token. is_presented: whether that is the token in the request.

    Raises as `access_of` does.
    """
    standing = _standing(grant_id)
    live = standing.access_token if standing else None
    if standing is None or live is None or not is_presented(live):
        raise BearerError(401, "invalid_token", UNKNOWN)
    if live.is_expired:
        raise BearerError(401, "invalid_token", "The access token has expired.")
    if not standing.is_good:
        raise BearerError(
            401, "invalid_token", "The permission was revoked, or the user or the application was disabled."
        )
    allowed = frozenset(scopes.narrowed(_allowed(standing, live.scope.split()), live.resource))
    if not allowed and isinstance(standing, GrantStanding):  # as a refresh answers then
        raise BearerError(401, "invalid_token", "What the user allowed has ended, has changed or no longer exists.")
    return Access(standing, live, allowed, standing.organizers_among(live.organizers or ()))


def _allowed(standing: GrantStanding | ApplicationStanding, scopes_: list[str]) -> frozenset[str]:
    """What these scopes allow at this moment. What the operator allows an application has no end."""
    if isinstance(standing, ApplicationStanding):
        return scopes.allowed_to_application(scopes_, standing.allowed_scopes)
    return scopes.with_implied(scopes_) & scopes.with_implied(_granted(standing))


def _granted(standing: GrantStanding) -> frozenset[str]:
    return given_scopes.in_force(standing.grant.scope.split())


def _too_little(access: Access, scope: str) -> BearerError:
    """The challenge names what this request requires (RFC 6750 §3.1), and not what the token has: clients add the two
    (MCP 2026-07-28, step-up authorization). The description says so to developers."""
    described = f"This requires the scope {scope}."
    if isinstance(access.standing, GrantStanding):
        described += f" Request it with the others: {scopes.as_text({*_granted(access.standing), scope})}."
    return BearerError(403, "insufficient_scope", described, scope)


def _standing(grant_id: str) -> GrantStanding | ApplicationStanding | None:
    return application_access.standing(grant_id) if application_access.is_own(grant_id) else grant.standing(grant_id)
