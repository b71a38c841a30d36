"""Scopes as users allowed them: what is stored in a form that this version does not know allows nothing."""

from __future__ import annotations

import pytest

from chalicelib import clock as clock_module
from chalicelib.protocol.rules import given_scopes
from tests.catalogues import scope, use

pytestmark = pytest.mark.spec("docs/storage.md")
NOW = 1_790_000_000


@pytest.fixture(autouse=True)
def _catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    pay = scope("pay", "implies = ['list']", "version = 2", "lasts = '1 hour'")
    use(monkeypatch, scope("see") + scope("list") + pay)
    monkeypatch.setattr(clock_module, "now", lambda: NOW)


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "gone",
        "pay",
        "pay#pay=2",
        f"pay@{NOW}+3600",
        f"pay#pay=1@{NOW}+3600",
        f"pay#pay=2@{NOW - 3600}+3600",
        f"pay#pay=2@{NOW - 3600}+7200",
        f"pay#pay=2@{NOW}",
        f"pay@{NOW}+3600#pay=2",
        f"pay#pay@{NOW}+3600",
        f"pay#pay=2@{NOW}+3600!later",
        "see!later",
        "see@x+1",
    ],
)
def test_what_does_not_count_allows_nothing(stored: str) -> None:
    assert given_scopes.in_force([stored]) == frozenset()
    assert not given_scopes.are_covered(["see"], [stored])


@pytest.mark.parametrize(
    ("stored", "allowed"),
    [
        ("see", "see"),
        (f"pay#pay=2@{NOW}+3600", "pay"),
        (f"pay#pay=2@{NOW - 3599}+3600", "pay"),
        (f"pay#list=4,pay=3@{NOW}+3600", "pay"),
        (f"list@{NOW}+10", "list"),
    ],
)
def test_what_counts_is_read_as_it_was_written(stored: str, allowed: str) -> None:
    assert given_scopes.in_force([stored, "gone"]) == {allowed}
    assert given_scopes.merged([stored], []) == {stored}


def test_what_is_allowed_now_takes_the_place_of_what_was_allowed_before() -> None:
    before = ["see", f"pay#pay=2@{NOW - 60}+3600", "list"]
    now = given_scopes.given_now(["pay"])
    assert now == [f"pay#pay=2@{NOW}+3600"]
    assert given_scopes.merged(before, now) == {"see", "list", *now}
    assert given_scopes.ends([*before, *now]) == {"pay": NOW + 3600}, "list was allowed by itself too"


def test_what_comes_with_a_scope_is_given_again_until_that_one_ends() -> None:
    assert given_scopes.given_again(["see", "list"], ["see", f"pay#pay=2@{NOW - 60}+3600"]) == [
        "see",
        f"list@{NOW - 60}+3600",
    ]
