"""One user has a limited number of grants per application, and grants left behind by lost requests are cleaned up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from chalicelib import limits
from chalicelib.models import grant, store
from chalicelib.models.consent import Consent
from chalicelib.models.grant import Grant
from tests.actors import Browser, ClientApp, Page
from tests.flows.test_device import registered as registered_device
from tests.store_proxy import Fault, StoreProxy

pytestmark = pytest.mark.spec("docs/storage.md")
LIMIT = 5


@pytest.fixture
def low_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "GRANTS_PER_APPLICATION_LIMIT", LIMIT)


def held_by(john: Browser) -> list[Grant]:
    return list(grant.held_by(john.user.user_id))


def the_consent(john: Browser, shop: ClientApp) -> Consent:
    found = store.read(Consent.key(john.user.user_id, shop.client_id))[0]
    assert found is not None
    return found


@pytest.mark.usefixtures("low_limit")
def test_grant_limit_holds_when_many_connect_at_once(john: Browser, shop: ClientApp) -> None:
    given = [shop.connect(john, "Big Events LLC")["access_token"]]
    for _ in range(2):
        with ThreadPoolExecutor(8) as pool:
            codes = [page.code for page in pool.map(lambda _: john.open(shop.authorize_path()), range(8))]
            answers = list(pool.map(shop.exchange, codes))
        assert Counter(answer.status_code for answer in answers) == {200: 8}, [answer.text for answer in answers]
        held = held_by(john)
        assert len(held) == LIMIT
        assert sorted(grant.serial_of(one.grant_id) for one in held) == sorted(the_consent(john, shop).grant_serials)
        given += [answer.json()["access_token"] for answer in answers]
        assert len([token for token in given if shop.me(token).status_code == 200]) == LIMIT


@pytest.mark.usefixtures("low_limit")
def test_exchange_below_the_grant_limit_costs_no_extra_call(john: Browser, shop: ClientApp, store: StoreProxy) -> None:
    for number in range(LIMIT + 1):
        code = john.allow(john.open(shop.authorize_path(approval_prompt="force")), "Big Events LLC").code
        with store.count() as calls:
            assert shop.exchange(code).status_code == 200
        assert (len(calls) == 2) is (number < LIMIT)


@pytest.mark.usefixtures("low_limit")
def test_ended_grants_do_not_count_toward_the_limit(john: Browser, shop: ClientApp) -> None:
    kept = shop.connect(john, "Big Events LLC")
    for _ in range(2 * LIMIT):
        shop.revoke(shop.connect(john)["refresh_token"])
    assert shop.me(kept["access_token"]).status_code == 200
    assert len(held_by(john)) == 1


@pytest.mark.usefixtures("low_limit")
def test_grants_of_devices_count_toward_the_limit(john: Browser, a_browser: Callable[..., Browser]) -> None:
    tv = registered_device(a_browser())
    for _ in range(LIMIT + 2):
        started = tv.start()
        john.allow(john.open(started["verification_uri_complete"]), "Big Events LLC")
        assert tv.poll(started["device_code"]).status_code == 200
    assert len(held_by(john)) == LIMIT


@pytest.mark.usefixtures("low_limit")
def test_consent_stored_without_a_list_of_grants_gets_one(john: Browser, shop: ClientApp) -> None:
    tokens = [shop.connect(john, "Big Events LLC")["access_token"] for _ in range(2)]
    store.change(Consent.key(john.user.user_id, shop.client_id), [Consent.grant_serials.remove()])
    tokens.append(shop.connect(john)["access_token"])
    assert [shop.me(token).status_code for token in tokens] == [200, 200, 200]
    assert len(the_consent(john, shop).grant_serials) == 3


@pytest.mark.usefixtures("low_limit")
def test_answering_again_keeps_the_list_of_grants_and_a_new_consent_starts_one(john: Browser, shop: ClientApp) -> None:
    shop.connect(john, "Big Events LLC", scope="read")
    shop.connect(john, "Big Events LLC", scope="read write")
    assert len(the_consent(john, shop).grant_serials) == 2
    john.press(john.open("/settings/authorized"), "Revoke")
    shop.connect(john, "Big Events LLC")
    assert len(the_consent(john, shop).grant_serials) == 1
    assert len(held_by(john)) == 1


@pytest.mark.usefixtures("impatient_client")
@pytest.mark.parametrize("cut_off_at", ["Query", "BatchWriteItem"])
def test_grant_left_by_an_interrupted_revocation_is_void_and_deleted_when_its_user_looks(
    john: Browser, shop: ClientApp, store: StoreProxy, cut_off_at: str
) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    page = john.open("/settings/authorized")
    with store.fault(Fault.INTERNAL_ERROR, cut_off_at, table="grants" if cut_off_at == "Query" else None):
        john.press(page, "Revoke")
    assert shop.me(tokens["access_token"]).status_code == 401
    assert len(held_by(john)) == 1, "the revocation was interrupted"
    john.open("/settings/authorized")
    assert held_by(john) == []


@pytest.mark.usefixtures("low_limit")
def test_grant_left_by_an_interrupted_revocation_is_deleted_when_the_limit_is_reached(
    john: Browser, shop: ClientApp, store: StoreProxy
) -> None:
    shop.connect(john, "Big Events LLC")
    page = john.open("/settings/authorized")
    with store.fault(Fault.THROTTLED, "BatchWriteItem"):
        john.press(page, "Revoke")
        shop.connect(john, "Big Events LLC")
    assert len({held.consent_id for held in held_by(john)}) == 2
    for _ in range(LIMIT):
        shop.connect(john)
    assert {held.consent_id for held in held_by(john)} == {the_consent(john, shop).consent_id}


@pytest.mark.usefixtures("store")  # in this process: a local Lambda runs out of concurrency
@pytest.mark.spec("docs/architecture.md")
def test_as_many_answers_at_once_as_tabs_can_send_all_succeed(john: Browser, shop: ClientApp) -> None:
    pages = [john.open(shop.authorize_path(scope=scope, approval_prompt="force")) for scope in ("read", "write")]

    def answer(page: Page, *organizers: str) -> Page:
        return john.allow(page, *organizers)

    for organizers in (("Big Events LLC",), ("Small Shows",)):
        with ThreadPoolExecutor(32) as pool:
            answers = list(pool.map(lambda page, ticked=organizers: answer(page, *ticked), pages * 16))
        assert Counter(page.left_to is not None and "code" in page.answer for page in answers) == {True: 32}
    assert the_consent(john, shop).scopes == {"read", "write"}
    assert shop.exchange(answers[-1].code).status_code == 200


@pytest.mark.usefixtures("store")  # in this process: a local Lambda runs out of concurrency
@pytest.mark.spec("docs/architecture.md")
def test_different_answers_from_two_tabs_at_once_all_succeed(john: Browser, shop: ClientApp) -> None:
    """Only the last answer counts, so each one overwrites the consent of the one before."""
    pages = [john.open(shop.authorize_path(approval_prompt="force")) for _ in range(2)]
    answers = [
        partial(john.allow, page, name) for page, name in zip(pages, ("Big Events LLC", "Small Shows"), strict=True)
    ]
    with ThreadPoolExecutor(32) as pool:
        left = [one.result() for one in [pool.submit(answer) for answer in answers * 16]]
    assert Counter(page.left_to is not None and "code" in page.answer for page in left) == {True: 32}


def test_devices_allowed_at_the_same_time_all_get_tokens(john: Browser, a_browser: Callable[..., Browser]) -> None:
    tv = registered_device(a_browser())
    started = [tv.start() for _ in range(4)]
    pages = [john.open(one["verification_uri_complete"]) for one in started]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda page: john.allow(page, "Big Events LLC"), pages))
        assert {page.status for page in answers} == {200}
        tokens = list(pool.map(lambda one: tv.poll(one["device_code"]), started))
    assert Counter(answer.status_code for answer in tokens) == {200: 4}


@pytest.mark.usefixtures("store")  # in this process: a local Lambda runs out of concurrency
def test_exchanges_and_answers_at_once_lose_no_grant_from_the_list(john: Browser, shop: ClientApp) -> None:
    page = john.open(shop.authorize_path(approval_prompt="force"))
    codes = [john.allow(page, "Big Events LLC").code for _ in range(8)]
    with ThreadPoolExecutor(16) as pool:
        exchanges = [pool.submit(partial(shop.exchange, code)) for code in codes]
        answers = [pool.submit(partial(john.allow, page, "Big Events LLC")) for _ in range(8)]
    assert {one.result().status_code for one in exchanges} == {200}
    assert all(one.result().left_to for one in answers)
    listed = sorted(the_consent(john, shop).grant_serials)
    assert listed == sorted(grant.serial_of(one.grant_id) for one in held_by(john))
