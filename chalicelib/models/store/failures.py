"""The meaning of a failed call to DynamoDB: whether another try can help, and what the caller is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pynamodb.connection.base import BOTOCORE_EXCEPTIONS
from pynamodb.exceptions import CancellationReason, PynamoDBException, VerboseClientError

from chalicelib import deadline

# Codes for an invalid request. Those are our bugs, so they surface as a 500 and never as "try again".
_OUR_FAULT = {
    "ValidationException",
    "ValidationError",
    "IdempotentParameterMismatchException",
    "SerializationException",
}
_CONFLICTS = {
    "TransactionConflict",
    "TransactionConflictException",
    "TransactionInProgressException",
    "ReplicatedWriteConflictException",
}
_THROTTLED = {
    "ProvisionedThroughputExceeded",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "Throttling",
    "ThrottlingError",
    "ThrottlingException",
}
# Errors after which the request cannot have been carried out, because it was never sent.
_NOT_SENT = {
    "ConnectTimeoutError",
    "CredentialRetrievalError",
    "DeadlineExceeded",
    "EndpointConnectionError",
    "NoCredentialsError",
    "PartialCredentialsError",
    "ProxyConnectionError",
}


class StoreUnavailable(Exception):
    """DynamoDB did not answer, throttled or failed; nothing was half-written. code: DynamoDB's word for it."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class CorruptedReply(Exception):
    """The reply is not what DynamoDB sent. It says nothing about what is stored or was written."""


# Everything that a call to DynamoDB may raise: what PynamoDB wraps, what it does not wrap, and our own checks.
ERRORS = (PynamoDBException, *BOTOCORE_EXCEPTIONS, CorruptedReply, deadline.DeadlineExceeded)


@dataclass(frozen=True)
class Failure:
    """code: DynamoDB's, or the error's name if there was no answer. status: the HTTP status, or None.
    reasons: of a canceled transaction, one per change; None for a change that was not a reason."""

    code: str
    status: int | None
    reasons: Sequence[CancellationReason | None]
    is_in_passing: bool

    @property
    def is_ours(self) -> bool:
        return bool(self._codes & _OUR_FAULT)

    @property
    def is_conflict(self) -> bool:
        """True if the call conflicted with another write, or with an earlier try of the same one."""
        return bool(self._codes & _CONFLICTS)

    @property
    def is_throttled(self) -> bool:
        return bool(self._codes & _THROTTLED)

    @property
    def is_in_doubt(self) -> bool:
        """True if the call may have been carried out all the same. DynamoDB does not carry out what it refuses, but
        after an error of its own it cannot tell."""
        return self.code not in _NOT_SENT if self.status is None else self.status >= 500

    @property
    def first_code(self) -> str:
        return next((reason.code for reason in self.reasons if reason), self.code)

    @property
    def _codes(self) -> set[str]:
        return {self.code, *(reason.code for reason in self.reasons if reason)}

    def failed_conditions(self) -> list[int]:
        """The positions of the changes whose conditions did not hold. A single change has position 0."""
        if self.code == "ConditionalCheckFailedException":
            return [0]
        return [
            place for place, reason in enumerate(self.reasons) if reason and reason.code == "ConditionalCheckFailed"
        ]


def meaning(error: Exception) -> Failure:
    """The meaning of one of ERRORS."""
    if isinstance(error, PynamoDBException):
        error = error.cause or error
    if isinstance(error, VerboseClientError):
        answer = getattr(error.__cause__, "response", {})  # PynamoDB's own error drops it
        code, status = str(error.response["Error"]["Code"]), answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return Failure(code, status, error.cancellation_reasons, is_in_passing=status is not None and status >= 500)
    # There was no answer, or no readable one: whether the call was carried out is not known.
    return Failure(type(error).__name__, None, (), is_in_passing=not isinstance(error, deadline.DeadlineExceeded))
