"""DPoP at the endpoints that issue tokens: the client proves which key they are to be bound to (RFC 9449 §5, §10.1).

A proof must contain a nonce of ours (§8). So one that was made in advance, by somebody who could use the key for a
moment, is worth nothing minutes later. And it works once: it is claimed before anything is issued for it.

A stage without a SERVER_KEY makes no nonces, so it has no DPoP: the header is ignored there, like any that is unknown.
"""

from __future__ import annotations

from dataclasses import replace

from oauthlib.oauth2 import OAuth2Error

from chalicelib import clock, limits, logs
from chalicelib.keys import server_key
from chalicelib.models import used_assertion
from chalicelib.models.application import Application
from chalicelib.protocol.clients import dpop_nonce
from chalicelib.protocol.clients.client_request import ClientRequest, ProtocolAnswer
from chalicelib.protocol.rules import dpop_proof
from chalicelib.protocol.rules.dpop_proof import Proof, SentProof

NONCE_HEADER = "DPoP-Nonce"
_USED = "The DPoP proof has been used; make a new one for each request."


class InvalidProofError(OAuth2Error):  # type: ignore[misc] # oauthlib has no types and lacks these (RFC 9449 §5, §8)
    error = "invalid_dpop_proof"


class UseNonceError(OAuth2Error):  # type: ignore[misc]
    error = "use_dpop_nonce"


def is_on() -> bool:
    """True if this stage binds tokens to keys. Reads nothing from AWS."""
    return server_key.is_set()


def read(header: str | None, url: str) -> Proof | None:
    """The proof in a POST of this URL; None if none was sent. header: DPoP.

    Raises InvalidProofError, UseNonceError, ServerKeyUnavailable. Reads no store.
    """
    if header is None or not is_on():
        return None
    try:
        proof = dpop_proof.read(SentProof(header, "POST", (url,)))
    except dpop_proof.ProofProblem as error:
        raise InvalidProofError(str(error)) from error
    if proof.nonce is None or not dpop_nonce.is_fresh(proof.nonce):
        raise UseNonceError(f"The DPoP proof must contain the nonce from the header {NONCE_HEADER} of this response.")
    return proof


def check_required(proof: Proof | None, client: Application) -> None:
    """Raises InvalidProofError if the client's tokens have to be bound and no proof was sent (§5.2)."""
    if proof is None and client.needs_proofs:
        if not is_on():
            raise server_key.ServerKeyMissing
        raise InvalidProofError("This application's tokens are bound to a key: send a proof of it in the header DPoP.")


def claim(proof: Proof | None) -> None:
    """Use the proof for this request, if there is one. Raises InvalidProofError if it was used before (§11.1)."""
    if proof is None:
        return
    try:
        used_assertion.claim_proof(proof.thumbprint, proof.jti, expires_at=clock.now() + limits.DPOP_PROOF_KEPT_SECONDS)
    except used_assertion.AlreadyUsed:
        logs.note(security_event="DPoP proof replayed")
        raise InvalidProofError(_USED) from None


def with_nonce(answer: ProtocolAnswer, request: ClientRequest) -> ProtocolAnswer:
    """The answer with the nonce for the next proof, for a client that sends proofs (§8.2)."""
    if request.dpop is None or not is_on():
        return answer
    return replace(answer, headers={**answer.headers, NONCE_HEADER: dpop_nonce.current()})
