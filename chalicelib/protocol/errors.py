"""Errors that are not an OAuth2Error, because the browser must not be redirected with them."""

from __future__ import annotations


class NotThisApplication(Exception):
    """The client or its redirect URI is unknown: shown as a 400 page, never as a redirect (RFC 6749 §4.1.2.1).

    problem: "client", "redirect_uri" or "request". detail: a sentence for the application's developer.
    """

    def __init__(self, problem: str, detail: str) -> None:
        super().__init__(detail)
        self.problem = problem
        self.detail = detail
