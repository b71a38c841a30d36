"""Simultaneous requests with one code or one refresh token, on a store whose transactions hold under load."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import requests

from tests.actors import Browser, ClientApp

AT_ONCE = 16
ROUNDS = 4


def at_once(*calls: Callable[[], requests.Response]) -> list[requests.Response]:
    """Make these calls as close to the same moment as threads allow."""
    gate = threading.Barrier(len(calls))

    def go(call: Callable[[], requests.Response]) -> requests.Response:
        gate.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(go, calls))


def living(shop: ClientApp, answers: list[requests.Response]) -> list[str]:
    """The access tokens in these answers that still work."""
    given = [answer.json()["access_token"] for answer in answers if answer.status_code == 200]
    return [token for token in given if shop.me(token).status_code == 200]


@pytest.mark.spec("RFC 6749 §10.5", "RFC 6749 §4.1.2")
def test_of_many_exchanges_of_one_code_exactly_one_succeeds(john: Browser, shop: ClientApp) -> None:
    shop.connect(john, "Big Events LLC")
    for _ in range(ROUNDS):
        code = john.open(shop.authorize_path()).code
        answers = at_once(*[partial(shop.exchange, code)] * AT_ONCE)
        assert Counter(answer.status_code for answer in answers) == {200: 1, 400: AT_ONCE - 1}
        assert {answer.json()["error"] for answer in answers if answer.status_code == 400} == {"invalid_grant"}
        # The other requests were second uses, so the winner's tokens have ended too.
        assert living(shop, answers) == []


@pytest.mark.spec("docs/architecture.md", "CVE-2026-1035", "RFC 6749 §6")
def test_of_many_refreshes_at_once_exactly_one_access_token_survives(john: Browser, shop: ClientApp) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    for _ in range(ROUNDS):
        answers = at_once(*[partial(shop.refresh, tokens["refresh_token"])] * AT_ONCE)
        codes = Counter(answer.status_code for answer in answers)
        assert set(codes) <= {200, 503}, codes
        assert codes[200] > codes[503], "few requests give way, and those may try again"
        assert all(answer.headers["Retry-After"] for answer in answers if answer.status_code == 503)
        assert len(living(shop, answers)) == 1
        assert shop.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.spec("docs/architecture.md", "RFC 7009 §2.2", "CVE-2026-1035", "RFC 6749 §6")
def test_refresh_does_not_outlive_a_revocation_at_the_same_moment(john: Browser, shop: ClientApp) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    for _ in range(ROUNDS):
        refresh_token = tokens["refresh_token"]
        refreshes = [partial(shop.refresh, refresh_token)] * (AT_ONCE - 1)
        revocation, *answers = at_once(partial(shop.revoke, refresh_token), *refreshes)
        assert revocation.status_code == 200
        assert {answer.status_code for answer in answers} <= {200, 400}
        assert {answer.json()["error"] for answer in answers if answer.status_code == 400} <= {"invalid_grant"}
        assert living(shop, answers) == []
        assert shop.refresh(refresh_token).json()["error"] == "invalid_grant"
        tokens = shop.connect(john)


@pytest.mark.spec("docs/architecture.md", "RFC 7009 §2.1")
def test_access_token_revoked_during_a_refresh_is_dead_and_its_successor_may_live(
    john: Browser, shop: ClientApp
) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    for _ in range(ROUNDS):
        revocation, refreshed = at_once(
            partial(shop.revoke, tokens["access_token"]), partial(shop.refresh, tokens["refresh_token"])
        )
        assert (revocation.status_code, refreshed.status_code) == (200, 200)
        assert shop.me(tokens["access_token"]).status_code == 401
        assert shop.me(refreshed.json()["access_token"]).status_code == 200
        tokens = refreshed.json()
