"""Errors that are no OAuth2Error: nobody may be redirected with them."""

from __future__ import annotations


class NotThisApplication(Exception):
    """Nobody may be redirected: the client or its redirect URI is not known (RFC 6749 §4.1.2.1). For a 400 page.

    problem: "client", "redirect_uri" or "request"; detail: a sentence for the application's developer.
    """

    def __init__(self, problem: str, detail: str) -> None:
        super().__init__(detail)
        self.problem = problem
        self.detail = detail
