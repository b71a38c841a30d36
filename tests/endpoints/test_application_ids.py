"""The server chooses every client id, and an id that was used once is never used again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib import credentials
from chalicelib.models import application, application_edit, consent, grant, user
from chalicelib.models.application import Application
from chalicelib.models.store import ConditionFailed, change, read
from infra.commands import erasure
from tests.actors import CALLBACK, Browser, ClientApp, Page
from tests.store_proxy import Fault, StoreProxy

pytestmark = pytest.mark.spec("docs/security.md")
NEW = "/settings/applications/new"
EVIL = "https://evil.example/callback"
AT_ONCE = 8


def listed(browser: Browser) -> list[str]:
    return [heading.get_text() for heading in browser.open("/settings/applications").html.select(".list h2")]


def shown_id(page: Page) -> str:
    found = page.html.find(id="client-id")
    assert found is not None, page.text
    return found.get_text()


def register_as(browser: Browser, chosen: str, *, name: str = "Mine") -> Page:
    """Send the registration form with an id of the user's choice, and the CSRF token that the cookie's owner can
    compute for it."""
    cookie = browser.http.cookies["lanyard-session"]
    page = browser.open(NEW)
    whose = page.field("csrf_token").partition(".")[0]
    token = f"{whose}.{credentials.derive(cookie, f'register {chosen}')}"
    fields = {"name": name, "redirect_uris": EVIL, "csrf_token": token, "client_id": chosen, "form_id": chosen}
    return browser.send(page, NEW, fields)


@pytest.mark.spec("RFC 9700 §4.15")
@pytest.mark.parametrize(
    "chosen",
    [
        "google-official",
        "{mine}",
        "{other}",
        credentials.derive_id("client", "https://app.example.com/client.json"),
        "https://app.example.com/client.json",
        "x" * 3000,
        "\u0000",
    ],
    ids=["a name", "one's own user id", "another's user id", "a derived id", "an address", "a long one", "a control"],
)
def test_developer_cannot_choose_the_client_id(john: Browser, eve: Browser, chosen: str) -> None:
    wanted = chosen.format(mine=john.user.user_id, other=eve.user.user_id)
    page = register_as(john, wanted)
    assert page.status == 200, page.text
    made = shown_id(page)
    assert len(made) == credentials.ID_LENGTH
    assert made not in (wanted, john.user.user_id, eve.user.user_id)
    if len(wanted) < 1000:
        assert application.get(wanted) is None


def test_client_id_of_an_erased_developer_works_for_nobody(
    john: Browser, eve: Browser, a_browser: Callable[..., Browser]
) -> None:
    developer = a_browser()
    shop = developer.register_application()
    tokens = shop.connect(john, "Big Events LLC")
    assert john.open(shop.authorize_path()).code, "the consent is remembered"
    code = john.open(shop.authorize_path()).code
    found = user.find_by_email(developer.user.email)
    assert found is not None
    for _, step in erasure.steps(found):
        step()
    thief = register_as(eve, shop.client_id, name="A shop")
    assert shown_id(thief) != shop.client_id
    for path in (shop.authorize_path(), shop.authorize_path(redirect_uri=EVIL), shop.authorize_path(redirect_uri=None)):
        page = john.open(path)
        assert (page.status, page.left_to) == (400, None)
    assert shop.me(tokens["access_token"]).status_code == 401
    assert shop.refresh(tokens["refresh_token"]).json()["error"] == "invalid_client"
    assert shop.exchange(code).json()["error"] == "invalid_client"
    shop.secret = str(thief.html.select_one("#client-secret").get_text())  # type: ignore[union-attr]
    assert shop.refresh(tokens["refresh_token"]).json()["error"] == "invalid_client"


def test_erased_developers_application_leaves_its_id_and_no_data(
    john: Browser, a_browser: Callable[..., Browser]
) -> None:
    developer = a_browser()
    shop = developer.register_application("Jane Doe’s shop", "https://jane.example/callback")
    shop.connect(john, "Big Events LLC")
    found = user.find_by_email(developer.user.email)
    assert found is not None
    for _, step in erasure.steps(found):
        step()
    left = read(Application.key(shop.client_id))[0]
    assert left is not None
    assert left.is_deleted
    text = str(left.to_simple_dict())
    for personal in ("Jane", "jane.example", developer.user.user_id):
        assert personal not in text
    assert not any((left.secret_digest, left.jwks, left.active))
    assert grant.users_of(shop.client_id) == set()
    assert consent.given_by(john.user.user_id) == []


def test_erasure_finds_an_application_that_the_index_does_not_list_yet(
    a_browser: Callable[..., Browser],
) -> None:
    developer = a_browser()
    shop = developer.register_application()
    found = user.find_by_email(developer.user.email)
    assert found is not None
    # The index lists it under another owner, so not under this one. Just after a write, it lists it nowhere.
    key = Application.key(shop.client_id)
    change(key, [Application.owner_id.set("somebody else")])
    assert application.owned_by(developer.user.user_id) == []
    for _, step in erasure.steps(found):
        step()
    assert application.get(shop.client_id) is None


def test_erasure_also_deletes_an_application_registered_while_it_started(a_browser: Callable[..., Browser]) -> None:
    developer = a_browser()
    found = user.find_by_email(developer.user.email)
    assert found is not None
    steps = erasure.steps(found)
    shop = developer.register_application()
    for _, step in steps:
        step()
    assert application.get(shop.client_id) is None


def test_deleted_application_keeps_only_its_id(john: Browser) -> None:
    uris = [f"https://shop.example.com/{'x' * 300}/{number}" for number in range(20)]
    mine = john.register_application("Mine", *uris)
    assert len(str(read(Application.key(mine.client_id))[0].to_simple_dict())) > 6000  # type: ignore[union-attr]
    john.press(john.open(f"/settings/applications/{mine.client_id}/delete"), "Delete application")
    left = read(Application.key(mine.client_id))[0]
    assert left is not None
    assert len(str(left.to_simple_dict())) < 500
    for bring_back in (application_edit.enable, application_edit.disable):
        with pytest.raises(ConditionFailed):
            bring_back(mine.client_id)


def test_many_clicks_at_once_register_one_application(john: Browser) -> None:
    page = john.open(NEW)
    fields = {**page.fields("Register"), "name": "Mine", "redirect_uris": CALLBACK}
    browsers = [Browser(john.base_url) for _ in range(AT_ONCE)]
    gate = threading.Barrier(AT_ONCE)

    def click(browser: Browser) -> Page:
        browser.http.cookies.update(john.http.cookies)
        gate.wait()
        return browser.send(page, NEW, fields)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        pages = list(pool.map(click, browsers))
    assert sum(page.html.find(id="client-secret") is not None for page in pages) == 1
    assert {page.title for page in pages} == {"Mine: client secret", "Mine"}
    assert listed(john) == ["Mine"]


@pytest.mark.parametrize("fault", [Fault.LOSES_ANSWER, Fault.IN_PROGRESS, Fault.CONFLICT])
def test_registration_whose_write_is_not_confirmed_happens_once_and_shows_its_secret(
    john: Browser, store: StoreProxy, fault: Fault
) -> None:
    page = john.open(NEW)
    with store.fault(fault, "TransactWriteItems", times=1):
        page = john.press(page, "Register", name="Mine", redirect_uris=CALLBACK)
    secret = page.html.find(id="client-secret")
    assert secret is not None, page.text
    assert listed(john) == ["Mine"]
    app = ClientApp(john.base_url, shown_id(page), secret.get_text(), CALLBACK)
    assert app.exchange("lyac_x").json()["error"] != "invalid_client"


def test_two_registration_forms_register_two_applications(john: Browser) -> None:
    first, second = john.open(NEW), john.open(NEW)
    ids = {shown_id(john.press(page, "Register", name="Mine", redirect_uris=CALLBACK)) for page in (first, second)}
    assert len(ids) == 2
    assert listed(john) == ["Mine", "Mine"]


def test_registration_form_of_one_user_does_not_name_another_users_application(john: Browser, eve: Browser) -> None:
    first = register_as(john, "the same form")
    second = register_as(eve, "the same form")
    assert shown_id(first) != shown_id(second)
    assert listed(john) == listed(eve) == ["Mine"]
