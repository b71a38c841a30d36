"""Deleting an organizer closes our own API at once; other APIs learn of it when `organizers delete` succeeds."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
from click.testing import CliRunner, Result

from chalicelib.models import user, user_erasure
from infra.commands import Operator
from infra.commands.organizers import organizers
from tests.actors import Browser, ClientApp
from tests.flows.test_introspection import introspect
from tests.store_proxy import Fault, StoreProxy

pytestmark = [pytest.mark.spec("docs/architecture.md", "docs/security.md"), pytest.mark.usefixtures("impatient_client")]
CHANGES = "TransactWriteItems"


@pytest.fixture
def slug(john: Browser) -> str:
    """The slug of Big Events LLC, to which john belongs."""
    return next(iter(john.user.organizers))


def delete(slug: str) -> Result:
    command: Any = organizers
    return CliRunner().invoke(command, ["delete", slug, "--yes"], obj=Operator())


def told(app: ClientApp, token: str) -> list[str]:
    """The organizers that introspection reports to another API."""
    return list(introspect(app, token=token).json()["organizers"])


def test_interrupted_deletion_says_to_run_it_again_until_no_member_is_left(
    john: Browser, a_browser: Callable[..., Browser], shop: ClientApp, slug: str, store: StoreProxy
) -> None:
    other = a_browser()
    user.add_member(other.user.user_id, slug)
    tokens = [shop.connect(member, "Big Events LLC")["access_token"] for member in (john, other)]
    with store.fault(Fault.INTERNAL_ERROR, CHANGES, table="users", passed=1):
        ended = delete(slug)
    assert ended.exit_code != 0
    assert f"Not finished: users may still belong to {slug}" in ended.output
    assert "Run this command again." in ended.output
    assert [shop.organizers(token).json()["results"] for token in tokens] == [[], []], "our own API shows no organizer"
    assert sorted(told(shop, token) for token in tokens) == [[], [slug]], (
        "other APIs still see the members that are left"
    )
    again = delete(slug)
    assert (again.exit_code, again.output) == (0, f"Deleted {slug}, which had 1 members.\n")
    assert [told(shop, token) for token in tokens] == [[], []]


def test_deletion_stopped_by_its_operator_says_to_run_it_again(
    john: Browser, shop: ClientApp, slug: str, store: StoreProxy
) -> None:
    token = shop.connect(john, "Big Events LLC")["access_token"]
    with store.before(CHANGES, lambda: os.kill(os.getpid(), signal.SIGINT)):  # Ctrl-C
        ended = delete(slug)
    assert ended.exit_code != 0
    assert "Run this command again." in ended.output
    assert delete(slug).exit_code == 0
    assert told(shop, token) == []


def test_member_erased_during_the_deletion_does_not_stop_it(
    john: Browser, eve: Browser, shop: ClientApp, slug: str, store: StoreProxy
) -> None:
    user.add_member(eve.user.user_id, slug)
    token = shop.connect(eve, "Big Events LLC")["access_token"]
    erased = user.find_by_email(john.user.email)
    assert erased is not None
    with ExitStack() as second:

        def when_all_members_are_known() -> None:
            second.enter_context(store.before(CHANGES, lambda: user_erasure.erase(erased)))

        with store.before(CHANGES, when_all_members_are_known):
            assert delete(slug).exit_code == 0
    assert told(shop, token) == []
