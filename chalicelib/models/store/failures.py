"""What it means that a call to DynamoDB failed: whether another try can help, and what the caller is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pynamodb.connection.base import BOTOCORE_EXCEPTIONS
from pynamodb.exceptions import CancellationReason, PynamoDBException, VerboseClientError

from chalicelib import deadline

# Codes that say "the request was wrong": ours to mend, so they surface as a 500 and never as "try again".
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
# Where the request never left, so that nothing can have come of it.
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
    """DynamoDB did not answer, was throttled or failed; nothing was half-written. `code` is its word for it."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class CorruptedReply(Exception):
    """What came back is not what DynamoDB sent. It says nothing about what is stored, nor about what was written."""


# All that a call to DynamoDB may raise: what PynamoDB wraps, what it does not, and what we refuse.
ERRORS = (PynamoDBException, *BOTOCORE_EXCEPTIONS, CorruptedReply, deadline.DeadlineExceeded)


@dataclass(frozen=True)
class Failure:
    """code: DynamoDB's word for it, or the error's name where it did not answer. status: HTTP's, if it answered.
    reasons: of a cancelled transaction, one for each of its changes; None for one that was not a reason."""

    code: str
    status: int | None
    reasons: Sequence[CancellationReason | None]
    is_in_passing: bool

    @property
    def is_ours(self) -> bool:
        return bool(self._codes & _OUR_FAULT)

    @property
    def is_conflict(self) -> bool:
        """Was another write in its way, or the first try of this one?"""
        return bool(self._codes & _CONFLICTS)

    @property
    def is_throttled(self) -> bool:
        return bool(self._codes & _THROTTLED)

    @property
    def is_in_doubt(self) -> bool:
        """May the call have been done all the same? DynamoDB says no of what it refuses, and cannot tell of its own
        errors."""
        return self.code not in _NOT_SENT if self.status is None else self.status >= 500

    @property
    def first_code(self) -> str:
        return next((reason.code for reason in self.reasons if reason), self.code)

    @property
    def _codes(self) -> set[str]:
        return {self.code, *(reason.code for reason in self.reasons if reason)}

    def failed_conditions(self) -> list[int]:
        """Which of the changes had a condition that did not hold, by their place. Of a single one the place is 0."""
        if self.code == "ConditionalCheckFailedException":
            return [0]
        return [
            place for place, reason in enumerate(self.reasons) if reason and reason.code == "ConditionalCheckFailed"
        ]


def meaning(error: Exception) -> Failure:
    """What one of ERRORS means."""
    if isinstance(error, PynamoDBException):
        error = error.cause or error
    if isinstance(error, VerboseClientError):
        answer = getattr(error.__cause__, "response", {})  # PynamoDB's own error does not keep it
        code, status = str(error.response["Error"]["Code"]), answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return Failure(code, status, error.cancellation_reasons, is_in_passing=status is not None and status >= 500)
    # There was no answer, or none that can be read: what became of the call is not known.
    return Failure(type(error).__name__, None, (), is_in_passing=not isinstance(error, deadline.DeadlineExceeded))
