"""A user who allowed an application is not asked again unless there is something new to decide."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from chalicelib import limits
from chalicelib.models import application, application_edit, organizer, user
from chalicelib.models import store as store_verbs
from chalicelib.models.application import Application, Profile
from chalicelib.models.consent import Consent
from tests.actors import Browser, ClientApp, Page
from tests.conftest import Clock
from tests.store_proxy import StoreProxy

pytestmark = pytest.mark.spec("docs/architecture.md")


def is_asked(page: Page) -> bool:
    return page.left_to is None and page.title == "Authorize A shop?"


def organizers_of(shop: ClientApp, code: str) -> list[str]:
    token = shop.exchange(code).json()["access_token"]
    return [found["name"] for found in shop.organizers(token).json()["results"]]


def test_remembered_consent_gives_a_new_code_for_the_same_organizers(john: Browser, shop: ClientApp) -> None:
    first = john.allow(john.open(shop.authorize_path()), "Small Shows").code
    page = john.open(shop.authorize_path(state="second"))
    assert page.status == 303
    assert page.answer["state"] == "second"
    assert page.code != first
    assert organizers_of(shop, page.code) == ["Small Shows"]
    assert organizers_of(shop, first) == ["Small Shows"]


@pytest.mark.parametrize(
    ("before", "after", "asked"),
    [
        ("read write", "read", False),
        ("read write", None, False),
        ("read", "read profile", False),
        ("read", "profile", False),
        ("read", "read write", True),
        ("read", None, True),
        ("read", "write", True),
        ("profile", "read", True),
        ("profile", "profile", False),
    ],
)
def test_user_is_asked_again_only_about_new_scopes(
    john: Browser, shop: ClientApp, before: str, after: str | None, asked: bool
) -> None:
    tick = [] if before == "profile" else ["Small Shows"]
    shop.connect(john, *tick, scope=before)
    page = john.open(shop.authorize_path(scope=after))
    assert is_asked(page) == asked
    if not asked:
        assert set(shop.exchange(page.code).json()["scope"].split()) == set((after or "read write").split())


def test_remembered_scopes_add_up_if_the_organizers_stay_the_same(john: Browser, shop: ClientApp) -> None:
    shop.connect(john, "Small Shows", scope="read")
    shop.connect(john, "Small Shows", scope="write")
    assert not is_asked(john.open(shop.authorize_path(scope="read write")))


def test_scope_is_not_extended_to_organizers_it_was_not_allowed_for(john: Browser, shop: ClientApp) -> None:
    shop.connect(john, "Small Shows", scope="write")
    shop.connect(john, "Big Events LLC", scope="read")
    assert is_asked(john.open(shop.authorize_path(scope="write")))
    page = john.open(shop.authorize_path(scope="read"))
    assert organizers_of(shop, page.code) == ["Big Events LLC"]


def test_approval_prompt_force_always_asks_and_the_last_answer_counts(john: Browser, shop: ClientApp) -> None:
    shop.connect(john, "Small Shows")
    page = john.open(shop.authorize_path(approval_prompt="force"))
    assert is_asked(page)
    assert organizers_of(shop, john.allow(page, "Big Events LLC").code) == ["Big Events LLC"]
    assert not is_asked(john.open(shop.authorize_path(approval_prompt="auto")))
    assert organizers_of(shop, john.open(shop.authorize_path()).code) == ["Big Events LLC"]


@pytest.mark.spec("docs/security.md", "RFC 9700 §2.1")
def test_redirect_uri_at_a_new_origin_is_asked_about(a_browser: Callable[..., Browser], john: Browser) -> None:
    developer = a_browser()
    shop = developer.register_application("A shop", "https://shop.example.com/a", "https://shop.example.com/b")
    shop.connect(john, "Small Shows")
    assert not is_asked(john.open(shop.authorize_path(redirect_uri="https://shop.example.com/b"))), "the same origin"
    application_edit.edit(shop.client_id, name="A shop", redirect_uris=[shop.redirect_uri, "https://evil.example/"])
    page = john.open(shop.authorize_path(redirect_uri="https://evil.example/"))
    assert is_asked(page)
    assert "New: your answer goes to evil.example" in page.text
    assert not is_asked(john.open(shop.authorize_path())), "the earlier redirect URI is still remembered"
    assert john.allow(page, "Small Shows").code
    for uri in (shop.redirect_uri, "https://evil.example/"):
        page = john.open(shop.authorize_path(redirect_uri=uri))
        assert not is_asked(page), "the user has allowed both now"
        assert "New" not in page.text


@pytest.mark.spec("docs/security.md")
def test_consent_at_one_origin_is_not_remembered_at_another(a_browser: Callable[..., Browser], john: Browser) -> None:
    first, second = "https://one.example.com/", "https://two.example.com/"
    shop = a_browser().register_application("A shop", first, second)
    for uri, scope in ((first, "read"), (second, "write")):
        shop.exchange(john.allow(john.open(shop.authorize_path(redirect_uri=uri, scope=scope)), "Small Shows").code)
    assert not is_asked(john.open(shop.authorize_path(redirect_uri=first, scope="read")))
    assert not is_asked(john.open(shop.authorize_path(redirect_uri=second, scope="write")))
    assert is_asked(john.open(shop.authorize_path(redirect_uri=first, scope="write")))
    assert is_asked(john.open(shop.authorize_path(redirect_uri=second, scope="read write")))
    john.allow(john.open(shop.authorize_path(redirect_uri=second, scope="read write")), "Big Events LLC")
    assert is_asked(john.open(shop.authorize_path(redirect_uri=first, scope="read"))), (
        "read was not allowed here for this organizer"
    )


@pytest.mark.spec("docs/security.md")
def test_consent_stored_without_origins_is_asked_about_once_and_its_tokens_keep_working(
    john: Browser, shop: ClientApp
) -> None:
    tokens = shop.connect(john, "Small Shows")
    store_verbs.change(Consent.key(john.user.user_id, shop.client_id), [Consent.remembered_at.remove()])
    page = john.open(shop.authorize_path())
    assert is_asked(page)
    assert "New:" not in page.text, "Lanyard cannot know whether the origin is new"
    assert shop.me(tokens["access_token"]).status_code == 200
    assert shop.exchange(john.allow(page, "Small Shows").code).status_code == 200
    assert not is_asked(john.open(shop.authorize_path()))
    assert shop.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.spec("docs/security.md", "RFC 8628 §5.4")
def test_device_consent_is_not_remembered_for_a_redirect_uri(john: Browser, shop: ClientApp) -> None:
    profile = Profile(device_grant=True)
    application_edit.edit(shop.client_id, name="A shop", redirect_uris=[shop.redirect_uri], profile=profile)
    url, auth = shop.base_url + "/api/v1/oauth/device_authorization", (shop.client_id, shop.secret)
    started = requests.post(url, data={"scope": "read"}, auth=auth, timeout=30).json()
    john.allow(john.open(started["verification_uri_complete"]), "Small Shows")
    page = john.open(shop.authorize_path(scope="read"))
    assert is_asked(page)
    john.allow(page, "Small Shows")
    started = requests.post(url, data={"scope": "read write"}, auth=auth, timeout=30).json()
    john.allow(john.open(started["verification_uri_complete"]), "Small Shows")
    assert not is_asked(john.open(shop.authorize_path(scope="read")))
    assert is_asked(john.open(shop.authorize_path(scope="read write")))


def test_denying_revokes_nothing_that_was_allowed_before(john: Browser, shop: ClientApp) -> None:
    tokens = shop.connect(john, "Small Shows")
    john.press(john.open(shop.authorize_path(approval_prompt="force")), "Deny")
    assert shop.me(tokens["access_token"]).status_code == 200
    assert not is_asked(john.open(shop.authorize_path()))


def test_consent_is_remembered_only_for_this_user_and_this_application(
    john: Browser, eve: Browser, shop: ClientApp, other_shop: ClientApp
) -> None:
    shop.connect(john, "Small Shows")
    assert is_asked(eve.open(shop.authorize_path()))
    assert john.open(other_shop.authorize_path()).title == "Authorize Another shop?"
    again = Browser(john.base_url, john.user)
    page = again.open(shop.authorize_path())
    assert page.title == "Sign in"
    page = again.press(page, "Sign in", email=john.user.email, password=john.user.password)
    assert page.code, "the consent is remembered in every browser of this user"


def test_organizer_that_the_user_left_is_not_included_again(john: Browser, shop: ClientApp) -> None:
    big, small = john.user.organizers
    shop.connect(john, "Small Shows", "Big Events LLC")
    user.remove_member(john.user.user_id, big)
    assert organizers_of(shop, john.open(shop.authorize_path()).code) == ["Small Shows"]
    user.remove_member(john.user.user_id, small)
    assert john.open(shop.authorize_path()).title == "You have no organizer yet", "the user has no organizer left"


def test_organizer_that_the_user_joined_later_is_not_included_unasked(
    john: Browser, eve: Browser, shop: ClientApp
) -> None:
    shop.connect(john, "Small Shows", "Big Events LLC")
    slug = next(iter(eve.user.organizers))
    assert organizer.get(slug)
    user.add_member(john.user.user_id, slug)
    assert organizers_of(shop, john.open(shop.authorize_path()).code) == ["Big Events LLC", "Small Shows"]


@pytest.mark.spec("RFC 9700 §4.14.2", "RFC 8252 §8.6", "CVE-2023-34246")
def test_public_application_asks_every_time(john: Browser, shop: ClientApp) -> None:
    store_verbs.change(Application.key(shop.client_id), [Application.client_type.set(application.PUBLIC)])
    asked = shop.authorize_path(code_challenge="c" * 43, code_challenge_method="S256")
    for _ in range(2):
        page = john.open(asked)
        assert is_asked(page)
        assert john.allow(page, "Small Shows").code


@pytest.mark.spec("RFC 6749 §4.1.2.1", "CVE-2026-44681", "CVE-2025-4143")
def test_remembered_consent_never_redirects_to_an_unregistered_uri(john: Browser, shop: ClientApp) -> None:
    shop.connect(john, "Small Shows")
    page = john.open(shop.authorize_path(redirect_uri="https://evil.example/"))
    assert (page.status, page.left_to) == (400, None)


def test_later_answer_in_another_tab_is_not_overwritten_by_an_older_form(
    john: Browser, shop: ClientApp, store: StoreProxy
) -> None:
    shop.connect(john, "Small Shows")
    known = john.open(shop.authorize_path(scope="read", approval_prompt="force"))
    narrower = john.open(shop.authorize_path(scope="read", approval_prompt="force"))
    with store.before("TransactWriteItems", lambda: john.allow(narrower, "Big Events LLC")):
        john.allow(known, "Small Shows")
    assert is_asked(john.open(shop.authorize_path())), "write is not remembered: the later answers allowed only read"


def test_connecting_repeatedly_keeps_the_most_recently_used_grants(
    john: Browser, shop: ClientApp, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "GRANTS_PER_APPLICATION_LIMIT", 3)
    tokens = []
    for _ in range(5):
        tokens.append(shop.connect(john, "Small Shows")["access_token"])
        clock.advance(1)
    assert [shop.me(token).status_code for token in tokens] == [401, 401, 200, 200, 200]
