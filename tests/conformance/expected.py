"""Results other than "passed" that are meant to be so, each with our reason, by module and result."""

from __future__ import annotations

from tests.conformance.outcome import FAILED, REVIEW

_PAGE = (
    "A request_uri that is not valid says nothing of where its answer would go, so the user gets a page with the error "
    "and is not sent anywhere."
)
_ANSWERED = "The user answered this request before. Opened again, it is a page that says so, and sends nobody anywhere."
_FAPI = "fapi2-security-profile-final-par-attempt-to-"
_NO_TOKENS_IN_URLS = (
    "The profile demands the implicit grant, which puts tokens into addresses. Lanyard does not have it (RFC 9700 "
    "§2.1.2)."
)
_NO_REQUEST_URI = (
    "Lanyard takes no request objects from addresses of an application's choice. An application pushes its request "
    "(RFC 9126)."
)
WHY = {
    ("oidcc-discovery-endpoint-verification", FAILED): _NO_TOKENS_IN_URLS,
    ("oidcc-request-uri-unsigned", FAILED): _NO_REQUEST_URI,
    ("oidcc-request-uri-signed-rs256", FAILED): _NO_REQUEST_URI,
    ("fapi2-security-profile-final-par-attempt-reuse-request_uri", REVIEW): _ANSWERED,
    (f"{_FAPI}use-expired-request_uri", REVIEW): _PAGE,
    (f"{_FAPI}use-request_uri-for-different-client", REVIEW): _PAGE,
}
