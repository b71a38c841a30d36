"""Counts round trips to the store and capacity units for each kind of request. The counts are the same everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks import capacity, world
from benchmarks.capacity import Units
from benchmarks.world import World
from chalicelib.endpoints.api.lambda_authorizer import authorizer

# The design's budget: at most this many round trips.
BUDGET = {
    "validate a token (authorizer)": 2,
    "introspect a token": 2,
    "GET /me": 2,
    "GET /organizers/": 2,
    "token: code": 3,
    "token: refresh": 3,
    "revoke": 3,
    "authorize, GET, signed in": 4,
    "authorize, POST, signed in": 4,
}


@dataclass(frozen=True)
class Counted:
    name: str
    round_trips: int
    units: Units


def run() -> list[Counted]:
    found: list[Counted] = []
    with world.made() as here:
        for name, calls in _requests(here):
            sizes = here.sizes()
            total = sum((capacity.of_call(call, sizes) for call in calls), Units())
            found.append(Counted(name, len(calls), total))
    return found


def report(rows: list[Counted]) -> list[str]:
    """Lines of a table in Markdown."""
    lines = ["| request | round trips | budget | read units | write units |", "|---|---|---|---|---|"]
    for row in rows:
        budget = str(BUDGET.get(row.name, "–"))
        lines.append(f"| {row.name} | {row.round_trips} | {budget} | {row.units.read} | {row.units.write} |")
    return lines


def over_budget(rows: list[Counted]) -> list[str]:
    return [row.name for row in rows if row.round_trips > BUDGET.get(row.name, row.round_trips)]


def _requests(here: World) -> Iterator[tuple[str, list[Any]]]:
    """Each kind of request, with the store calls that one such request makes."""
    made: list[tuple[str, list[Any]]] = []

    @contextmanager
    def counted(name: str) -> Iterator[None]:
        with here.proxy.count() as calls:
            yield
        made.append((name, calls))

    shop = world.application(here)
    browser = here.browser()
    with counted("sign-in page"):
        page = browser.open("/login")
    email, password = here.person.email, here.person.password
    with counted("sign-in"):
        _post_only(browser, lambda: browser.press(page, "Sign in", email=email, password=password))
    browser.sign_out()
    page = browser.open("/login")
    with counted("sign-in, known browser"):
        _post_only(browser, lambda: browser.press(page, "Sign in", email=email, password=password))
    with counted("authorize, GET, signed in"):
        page = browser.open(shop.authorize_path())
    with counted("authorize, POST, signed in"):
        code = browser.allow(page, "Big Events LLC").code
    with counted("token: code"):
        tokens = shop.exchange(code).json()
    with counted("authorize, GET, remembered"):
        again = browser.open(shop.authorize_path()).code
    shop.exchange(again)
    with counted("GET /me"):
        assert shop.me(tokens["access_token"]).status_code == 200
    with counted("GET /organizers/"):
        assert shop.organizers(tokens["access_token"]).status_code == 200
    event = {
        "type": "TOKEN",
        "authorizationToken": f"Bearer {tokens['access_token']}",
        "methodArn": "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/GET/tickets",
    }
    with counted("validate a token (authorizer)"):
        authorizer(event, {})
    with counted("introspect a token"):
        answer = shop.http.post(
            f"{shop.base_url}/api/v1/oauth/introspect",
            data={"token": tokens["access_token"]},
            auth=(shop.client_id, shop.secret),
        )
        assert answer.json()["active"]
    with counted("token: refresh"):
        fresh = shop.refresh(tokens["refresh_token"])
        assert fresh.status_code == 200
    with counted("revoke"):
        assert shop.revoke(tokens["refresh_token"]).status_code == 200
    yield from made


def _post_only(browser: Any, press: Callable[[], Any]) -> None:
    """Send the form without following the redirect."""
    follow = browser._follow
    browser._follow = lambda response: response
    try:
        assert press().status_code == 303
    finally:
        browser._follow = follow
