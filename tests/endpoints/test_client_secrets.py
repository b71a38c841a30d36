"""A client secret can be replaced without ending one that is in use."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib import limits
from chalicelib.models import application, client_secret
from chalicelib.models.application import Application
from chalicelib.models.store import ConditionFailed, change
from tests import people
from tests.actors import Browser, ClientApp, Page
from tests.conftest import Clock
from tests.store_proxy import Fault, StoreProxy

pytestmark = pytest.mark.spec("docs/architecture.md")
DAY = "86400"
ROUNDS = 50


@pytest.fixture
def developer(a_browser: Callable[..., Browser]) -> Browser:
    return a_browser()


@pytest.fixture
def running(developer: Browser) -> ClientApp:
    """An application with the secret that its servers use."""
    return developer.register_application("Mine")


def form_of(developer: Browser, app: ClientApp) -> Page:
    return developer.open(f"/settings/applications/{app.client_id}/secret")


def press(developer: Browser, page: Page, keep: str = DAY) -> Page:
    return developer.press(page, "Regenerate secret", keep_old_seconds=keep)


def regenerated(developer: Browser, app: ClientApp, keep: str = DAY) -> ClientApp:
    return holder(app, press(developer, form_of(developer, app), keep))


def holder(app: ClientApp, page: Page) -> ClientApp:
    """The application, with the secret that this page shows."""
    secret = page.html.find(id="client-secret")
    assert secret is not None, page.text
    return ClientApp(app.base_url, app.client_id, secret.get_text(), app.redirect_uri)


def works(app: ClientApp) -> bool:
    error = app.exchange("lyac_x").json()["error"]
    assert error in ("invalid_grant", "invalid_client")
    return bool(error == "invalid_grant")


def test_second_press_of_the_same_secret_form_changes_nothing_and_says_so(
    developer: Browser, running: ClientApp
) -> None:
    page = form_of(developer, running)
    new = holder(running, press(developer, page))
    again = press(developer, page)
    assert again.status == 409
    assert again.title == "Regenerate the secret of Mine?"
    assert "This secret was already regenerated on" in again.text
    assert "If you did not copy the new secret, regenerate it again." in again.text
    assert [works(running), works(new)] == [True, True]
    third = holder(running, press(developer, again))
    assert [works(running), works(new), works(third)] == [True, True, True], "the page that came back is a new form"


def test_presses_at_once_regenerate_the_secret_once_and_keep_the_one_in_use(
    developer: Browser, running: ClientApp
) -> None:
    """Before the form was bound to the secrets it showed, every round of fifty ended the secret in use."""
    known, gate = running, threading.Barrier(2)

    def click(page: Page) -> Page:
        browser = Browser(developer.base_url)
        browser.http.cookies.update(developer.http.cookies)
        gate.wait()
        return press(browser, page)

    with ThreadPoolExecutor(2) as pool:
        for _ in range(ROUNDS):
            form = form_of(developer, known)
            pages = list(pool.map(click, [form, form]))
            shown = [page for page in pages if page.html.find(id="client-secret")]
            assert [page.status for page in pages if page not in shown] == [409]
            assert works(known)
            known = holder(running, shown[0])
            assert works(known)
            client_secret.end_older(running.client_id)


def test_unused_new_secret_does_not_push_out_the_one_in_use(developer: Browser, running: ClientApp) -> None:
    press(developer, form_of(developer, running))  # and the page with it is lost
    seen = regenerated(developer, running)
    assert [works(running), works(seen)] == [True, True]
    full = press(developer, form_of(developer, running))
    assert full.status == 409
    assert "Two previous secrets still work" in full.text
    assert [works(running), works(seen)] == [True, True]


def test_each_previous_secret_ends_on_its_own_date(developer: Browser, running: ClientApp, clock: Clock) -> None:
    second = regenerated(developer, running, "604800")
    clock.advance(3600)
    third = regenerated(developer, running, DAY)
    assert [works(app) for app in (running, second, third)] == [True, True, True]
    clock.advance(86400)
    assert [works(app) for app in (running, second, third)] == [True, False, True]
    clock.advance(6 * 86400)
    assert [works(app) for app in (running, second, third)] == [False, False, True]
    developer.sign_in()
    fourth = regenerated(developer, running, DAY)
    assert [works(app) for app in (running, second, third, fourth)] == [False, False, True, True]


def test_choosing_to_stop_at_once_ends_all_previous_secrets(developer: Browser, running: ClientApp) -> None:
    second = regenerated(developer, running)
    third = regenerated(developer, running)
    last = regenerated(developer, running, "0")
    assert [works(app) for app in (running, second, third, last)] == [False, False, False, True]


def test_each_previous_secret_can_be_ended_by_itself(developer: Browser, running: ClientApp) -> None:
    second = regenerated(developer, running)
    third = regenerated(developer, running)
    path = f"/settings/applications/{running.client_id}"
    page = developer.open(path)
    forms = page.html.select('form[action$="/previous-secret"]')
    assert len(forms) == 2
    newest = {str(field["name"]): str(field["value"]) for field in forms[0].select("input")}
    developer.send(page, path + "/previous-secret", newest)
    assert [works(app) for app in (running, second, third)] == [True, False, True]
    developer.send(page, path + "/previous-secret", newest)
    assert [works(app) for app in (running, second, third)] == [True, False, True]
    fourth = regenerated(developer, running)
    assert [works(app) for app in (running, third, fourth)] == [True, True, True]
    forged = {**newest, "secret": client_secret.mark(application.get(running.client_id).secret_digest)}  # type: ignore[union-attr]
    assert "This form was out of date" in developer.send(page, path + "/previous-secret", forged).text


def test_secret_that_was_ended_in_the_meantime_does_not_come_back(developer: Browser, running: ClientApp) -> None:
    second = regenerated(developer, running)
    known = application.get(running.client_id)
    assert known is not None
    client_secret.end_older(running.client_id)
    with pytest.raises(ConditionFailed):
        client_secret.rotate(known, keep_old_seconds=60)
    assert [works(running), works(second)] == [False, True]


def test_secrets_stored_by_an_earlier_version_keep_working(developer: Browser, running: ClientApp) -> None:
    """The previous version stored no time for the current secret, and one slot for the previous one."""
    second = regenerated(developer, running)
    change(Application.key(running.client_id), [Application.secret_made_at.remove()])
    page = form_of(developer, running)
    third = holder(running, press(developer, page))
    assert [works(app) for app in (running, second, third)] == [True, True, True]


@pytest.mark.parametrize("fault", [Fault.LOSES_ANSWER, Fault.IN_PROGRESS])
def test_regeneration_whose_write_is_not_confirmed_shows_the_working_secret(
    developer: Browser, running: ClientApp, store: StoreProxy, fault: Fault
) -> None:
    form = form_of(developer, running)
    with store.fault(fault, "TransactWriteItems", times=1):
        page = press(developer, form)
    assert [works(running), works(holder(running, page))] == [True, True]


@pytest.mark.parametrize("keep", ["0", DAY])
def test_new_secret_is_shown_even_if_the_store_fails_right_after_the_write(
    developer: Browser, running: ClientApp, store: StoreProxy, keep: str
) -> None:
    form = form_of(developer, running)
    with store.fault(Fault.INTERNAL_ERROR, "GetItem", passed=1), store.fault(Fault.INTERNAL_ERROR, "PutItem"):
        page = press(developer, form, keep)
    assert works(holder(running, page))
    assert ("The previous secret keeps working until" in page.text) is works(running) is (keep == DAY)


def test_nothing_is_read_after_a_secret_was_stored(developer: Browser, running: ClientApp, store: StoreProxy) -> None:
    form = form_of(developer, running)
    with store.count() as calls:
        press(developer, form)
    signed_in, application, secret, history = "BatchGetItem", "GetItem", "TransactWriteItems", "PutItem"
    assert [call.operation for call in calls] == [signed_in, application, secret, history]
    with store.count() as calls:
        developer.register_application("Another")
    assert [call.operation for call in calls][-1] == "TransactWriteItems"


def last_use(developer: Browser, app: ClientApp) -> list[str]:
    """When the secret was last used, and then the older ones, as the application's page says."""
    page = developer.open(f"/settings/applications/{app.client_id}")
    terms = [term for term in page.html.find_all("dt") if "ast used" in term.get_text()]
    return [" ".join(found.get_text().split()) for term in terms if (found := term.find_next("dd"))]


def test_the_page_says_when_each_secret_was_last_used(developer: Browser, running: ClientApp, clock: Clock) -> None:
    assert last_use(developer, running) == ["Not seen yet"]
    assert works(running)
    (today,) = last_use(developer, running)
    assert today != "Not seen yet"
    clock.advance(limits.SECRET_TOUCH_SECONDS)
    people.sign_in(developer)
    new = regenerated(developer, running)
    assert last_use(developer, running) == ["Not seen yet", today]
    assert works(running)
    none, later = last_use(developer, running)
    assert (none, later != today) == ("Not seen yet", True)
    newest = regenerated(developer, running)
    assert works(new)
    assert last_use(developer, running) == ["Not seen yet", later, later]
    assert works(newest)
    assert last_use(developer, running) == [later, later, later]


def test_a_wrong_secret_is_not_a_use(developer: Browser, running: ClientApp) -> None:
    assert not works(ClientApp(running.base_url, running.client_id, running.secret + "x", running.redirect_uri))
    assert last_use(developer, running) == ["Not seen yet"]


def test_a_days_uses_of_a_secret_are_one_write(running: ClientApp, store: StoreProxy, clock: Clock) -> None:
    def writes() -> int:
        seen = len(store.calls)
        assert works(running)
        return sum(call.operation == "UpdateItem" for call in store.calls[seen:])

    assert [writes(), writes()] == [1, 0]
    clock.advance(limits.SECRET_TOUCH_SECONDS)
    assert [writes(), writes()] == [1, 0]


def test_a_use_that_cannot_be_recorded_is_no_reason_to_refuse(
    developer: Browser, running: ClientApp, store: StoreProxy
) -> None:
    with store.fault(Fault.UNAVAILABLE, "UpdateItem", table="applications"):
        assert works(running)
    assert last_use(developer, running) == ["Not seen yet"]


def test_a_secret_that_ends_while_it_is_used_leaves_no_trace_on_the_next(
    developer: Browser, running: ClientApp, store: StoreProxy
) -> None:
    found = application.get(running.client_id)
    assert found is not None
    with store.before("UpdateItem", lambda: client_secret.rotate(found)):
        works(running)
    assert last_use(developer, running) == ["Not seen yet"]
