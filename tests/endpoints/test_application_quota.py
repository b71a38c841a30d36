"""A user may own a limited number of applications, counted without an index and without a gap."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib import limits
from chalicelib.models import application, application_deletion, registration_form, store, user, user_erasure
from chalicelib.models.user import User
from tests.actors import CALLBACK, Browser, Page
from tests.conftest import Clock
from tests.store_proxy import Fault, StoreProxy

pytestmark = pytest.mark.spec("docs/security.md")
NEW = "/settings/applications/new"
LIMIT = 3


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "APPLICATIONS_PER_OWNER_LIMIT", LIMIT)


def register(browser: Browser, name: str = "Mine") -> Page:
    return browser.press(browser.open(NEW), "Register", name=name, redirect_uris=CALLBACK)


def count_of(browser: Browser) -> int | None:
    found = store.read(User.key(browser.user.user_id))[0]
    assert found is not None
    return found.application_count


def test_user_cannot_register_more_applications_than_the_limit(john: Browser, eve: Browser) -> None:
    for _ in range(LIMIT):
        assert register(john).status == 200
    page = register(john, name="One more")
    assert page.status == 409
    assert f"You have {LIMIT} applications, which is the limit. Delete one first." in page.text
    assert page.field("name") == "One more"
    assert len(application.owned_by(john.user.user_id)) == LIMIT
    assert register(eve).status == 200


def test_deleted_application_frees_one_place(john: Browser) -> None:
    clients = [john.register_application() for _ in range(LIMIT)]
    application_deletion.delete(clients[0].client_id)
    application_deletion.delete(clients[0].client_id)
    assert count_of(john) == LIMIT - 1
    assert register(john).status == 200
    assert register(john).status == 409


@pytest.fixture
def few_a_day(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    clock.advance(limits.DAY_SECONDS - clock.now() % limits.DAY_SECONDS)
    monkeypatch.setattr(limits, "REGISTRATIONS_PER_OWNER", 2)


def register_and_delete(browser: Browser) -> None:
    application_deletion.delete(browser.register_application().client_id)


@pytest.mark.usefixtures("few_a_day")
def test_user_who_keeps_registering_and_deleting_is_stopped_until_the_next_day(
    john: Browser, eve: Browser, clock: Clock
) -> None:
    for _ in range(2):
        register_and_delete(john)
    page = register(john, name="One more")
    assert page.status == 429
    assert "You have registered 2 applications in one day, which is the limit. Try again tomorrow." in page.text
    assert page.field("name") == "One more"
    seconds = int(page.response.headers["Retry-After"])
    assert 0 < seconds <= limits.DAY_SECONDS
    assert application.owned_by(john.user.user_id) == []
    assert register(eve).status == 200
    clock.advance(seconds)
    john.sign_in()
    assert register(john).status == 200


@pytest.mark.usefixtures("few_a_day")
def test_second_click_or_failed_registration_does_not_count_toward_the_daily_limit(
    john: Browser, store: StoreProxy
) -> None:
    def press(page: Page, name: str = "Mine") -> Page:
        return john.press(page, "Register", name=name, redirect_uris=CALLBACK)

    first, second = john.open(NEW), john.open(NEW)
    with store.fault(Fault.CONFLICT, "TransactWriteItems"):
        assert [press(first).status for _ in range(3)] == [503] * 3
    assert press(first, name="").status == 400
    assert press(first).title == "Mine: client secret"
    assert [press(first).title for _ in range(3)] == ["Mine"] * 3
    assert press(second, name="The last").title == "The last: client secret"
    assert press(second, name="The last").title == "The last"
    assert press(john.open(NEW)).status == 429


def test_registrations_at_once_do_not_exceed_the_limit(john: Browser) -> None:
    pages = [john.open(NEW) for _ in range(8)]
    gate = threading.Barrier(len(pages))

    def press(page: Page) -> int:
        browser = Browser(john.base_url)
        browser.http.cookies.update(john.http.cookies)
        gate.wait()
        return browser.press(page, "Register", name="Mine", redirect_uris=CALLBACK).status

    with ThreadPoolExecutor(len(pages)) as pool:
        statuses = list(pool.map(press, pages))
    assert sorted(statuses) == [200] * LIMIT + [409] * (len(pages) - LIMIT)
    assert len(application.owned_by(john.user.user_id)) == LIMIT == count_of(john)


def test_second_click_at_the_limit_leads_to_the_application_that_the_first_one_registered(john: Browser) -> None:
    for _ in range(LIMIT - 1):
        register(john)
    page = john.open(NEW)
    first = john.press(page, "Register", name="The last", redirect_uris=CALLBACK)
    second = john.press(page, "Register", name="The last", redirect_uris=CALLBACK)
    assert (first.title, second.title) == ("The last: client secret", "The last")


@pytest.mark.parametrize("had", [0, LIMIT - 1, LIMIT])
def test_user_who_was_never_counted_starts_with_the_applications_they_own(john: Browser, had: int) -> None:
    for _ in range(had):
        john.register_application()
    store.change(User.key(john.user.user_id), [User.application_count.remove()])
    assert register(john).status == (200 if had < LIMIT else 409)
    assert count_of(john) == (had + 1 if had < LIMIT else None)


def test_deleting_an_application_of_an_owner_who_was_never_counted_counts_nothing(john: Browser) -> None:
    mine = john.register_application()
    store.change(User.key(john.user.user_id), [User.application_count.remove()])
    application_deletion.delete(mine.client_id)
    assert application.get(mine.client_id) is None
    assert count_of(john) is None


def test_operator_may_exceed_the_limit_and_these_applications_count(john: Browser) -> None:
    found = user.find_by_email(john.user.email)
    assert found is not None
    for _ in range(LIMIT + 1):
        registration_form.register(found, name="Theirs", redirect_uris=[CALLBACK])
    assert count_of(john) == LIMIT + 1
    assert register(john).status == 409


def test_nobody_registers_an_application_for_an_account_erased_in_the_meantime(
    john: Browser, store: StoreProxy
) -> None:
    found = user.find_by_email(john.user.email)
    assert found is not None
    page = john.open(NEW)
    with store.before("TransactWriteItems", lambda: user_erasure.erase(found)):
        page = john.press(page, "Register", name="Mine", redirect_uris=CALLBACK)
    assert page.status == 409
    assert application.owned_by(found.user_id) == []
    assert user.find_by_email(john.user.email) is None


@pytest.mark.spec("docs/operations.md")
def test_list_of_applications_costs_the_same_for_one_as_for_many(john: Browser, store: StoreProxy) -> None:
    john.register_application()
    with store.count() as calls:
        john.open("/settings/applications")
    one = [call.operation for call in calls]
    for _ in range(LIMIT - 1):
        john.register_application()
    with store.count() as calls:
        john.open("/settings/applications")
    assert [call.operation for call in calls] == one == ["BatchGetItem", "Query"]


def test_application_whose_redirect_urls_are_too_long_together_is_refused(john: Browser) -> None:
    uris = "\n".join(f"https://shop.example.com/{number}/{'x' * 900}" for number in range(10))
    page = john.press(john.open(NEW), "Register", name="Mine", redirect_uris=uris)
    assert page.status == 400
    assert "All redirect URLs together must not be longer than 8192 characters." in page.text
