"""Results other than "passed" that are meant to be so, each with our reason, by module and result."""

from __future__ import annotations

from tests.conformance.outcome import REVIEW

_PAGE = (
    "A request_uri that is not valid says nothing of where its answer would go, so the user gets a page with the error "
    "and is not sent anywhere."
)
_ANSWERED = "The user answered this request before. Opened again, it is a page that says so, and sends nobody anywhere."
_FAPI = "fapi2-security-profile-final-par-attempt-to-"
WHY = {
    ("fapi2-security-profile-final-par-attempt-reuse-request_uri", REVIEW): _ANSWERED,
    (f"{_FAPI}use-expired-request_uri", REVIEW): _PAGE,
    (f"{_FAPI}use-request_uri-for-different-client", REVIEW): _PAGE,
}
