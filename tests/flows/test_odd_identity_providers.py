"""Identity providers that say odd things, and people who try to get into somebody else's account through one."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib import credentials, limits
from chalicelib.models import organizer, user, user_organizers
from chalicelib.models.linked_identity import Identity
from tests.actors import Browser, ClientApp
from tests.conftest import Clock
from tests.openid_provider import OpenIDProvider
from tests.openid_sign_in import account, led, sign_in, somebody
from tests.store_proxy import StoreProxy

pytestmark = pytest.mark.spec("OpenID Connect Core §3.1")


@pytest.fixture
def browser(base_url: str) -> Browser:
    return Browser(base_url)


def test_address_that_becomes_another_in_lowercase_is_not_that_one(
    browser: Browser, provider: OpenIDProvider, use: Callable[..., None]
) -> None:
    use(provider, more="links_by_email = true")
    name = credentials.new_id().lower()
    victim = user.create(
        email=f"k{name}@example.org", password="a password", fullname="Victim", locale="en", timezone="UTC"
    )
    claims = somebody(email=f"\N{KELVIN SIGN}{name}@example.org")
    page = sign_in(browser, provider, claims)
    assert page.status == 403
    assert user.find_by_identity(Identity(provider.issuer, claims["sub"])) is None
    assert user.find_by_email(victim.email).identities == ()  # type: ignore[union-attr] # it is there


def test_address_counts_as_verified_only_where_the_same_document_says_so(
    browser: Browser, provider: OpenIDProvider, use: Callable[..., None], john: Browser
) -> None:
    use(provider, more='links_by_email = true\norganizers_claim = "groups"')
    claims = somebody(email=john.user.email)
    del claims["email_verified"]
    provider.user_info = {"sub": claims["sub"], "email": "mine@example.org", "email_verified": True}
    page = sign_in(browser, provider, claims)
    assert page.status == 403
    assert user.find_by_identity(Identity(provider.issuer, claims["sub"])) is None


@pytest.mark.parametrize(
    "claims", [{"nbf": "soon"}, {"nbf": []}, {"exp": True}, {"iat": "1"}, {"exp": "9999999999"}], ids=str
)
def test_odd_times_in_the_id_token_are_refused(
    browser: Browser, provider: OpenIDProvider, claims: dict[str, Any]
) -> None:
    provider.claims = claims
    assert sign_in(browser, provider, somebody()).status == 400


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        "5",
        "null",
        '["scope"]',
        '{"access_token": "a", "id_token": "b", "scope": 5}',
        '{"access_token": "a", "id_token": "b", "scope": {}}',
        '{"access_token": "a", "id_token": "b", "expires_in": 1e400}',
        '{"error": null}',
        '{"error": {"a": 1}}',
        "[" * 60_000,
        "access_token=a&id_token=b",
        "\xff",
    ],
    ids=lambda body: body[:40],
)
def test_answer_of_the_token_endpoint_that_cannot_be_read_is_not_accepted(
    browser: Browser, provider: OpenIDProvider, body: str
) -> None:
    provider.token_response = lambda _: body.encode("latin-1")
    page = sign_in(browser, provider, somebody())
    assert (page.status, "cannot be accepted" in page.text) == (400, True)


@pytest.mark.parametrize(
    "access_token", [None, 5, "with\r\nX-A: line break", "é", "\N{SNOWMAN}", "x" * 50_000], ids=lambda t: str(t)[:9]
)
def test_odd_access_token_does_no_harm(browser: Browser, provider: OpenIDProvider, access_token: Any) -> None:
    provider.token_response = lambda answer: json.dumps({**answer, "access_token": access_token}).encode()
    claims = somebody()
    assert sign_in(browser, provider, {"sub": claims["sub"]}).status in (400, 503)


ODD: list[Any] = [None, True, 0, 1.5, 10**400, "", " ", "\u202e", "x" * 5000, [], ["a"], {}, {"a": {"b": []}}, "\x00"]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: str(odd)[:9])
@pytest.mark.parametrize("name", ["name", "locale", "zoneinfo", "groups"])
def test_odd_claim_keeps_nobody_out(
    browser: Browser, provider: OpenIDProvider, use: Callable[..., None], name: str, odd: Any
) -> None:
    use(provider, more='organizers_claim = "groups"')
    claims = somebody(**{name: odd})
    provider.user_info = {"sub": claims["sub"]}
    assert sign_in(browser, provider, claims).status == 200


def test_organizer_that_is_deleted_during_the_sign_in_keeps_nobody_out(
    browser: Browser, provider: OpenIDProvider, use: Callable[..., None], store: StoreProxy
) -> None:
    use(provider, more='organizers_claim = "groups"')
    claims = somebody()
    sign_in(browser, provider, {**claims, "groups": []})
    slug = organizer.create(credentials.new_serial().lower(), "An organizer").slug
    fresh = Browser(browser.base_url)
    back = provider.signed_in(led(fresh), **{**claims, "groups": [slug]})
    with ExitStack() as later:
        # The first write uses the request up, the second makes them a member.
        second = partial(later.enter_context, store.before("TransactWriteItems", lambda: organizer.delete(slug)))
        with store.before("TransactWriteItems", second):
            page = fresh.open(back)
    assert page.status == 200
    assert user_organizers.of(account(claims, provider)) == frozenset()


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: str(odd)[:9])
@pytest.mark.parametrize("name", ["email", "email_verified", "aud", "iss", "azp", "nonce", "sub"])
def test_odd_claim_that_matters_is_refused(browser: Browser, provider: OpenIDProvider, name: str, odd: Any) -> None:
    claims = somebody()
    provider.user_info = {"sub": claims["sub"]}
    provider.claims = {name: odd}
    is_fine = (name, odd) in (("email_verified", True), ("azp", None))
    assert sign_in(browser, provider, claims).status in ((200,) if is_fine else (400, 403))


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://[",
        "https://login.example.com/\u00e9",
        "https://login.example.com/a b",
        "https://",
        "javascript:alert()",
    ],
)
def test_address_in_the_metadata_that_is_no_address_is_an_error_of_the_page(
    browser: Browser, provider: OpenIDProvider, endpoint: str
) -> None:
    provider.metadata = {"authorization_endpoint": endpoint}
    assert browser.open("/login/with/staff").status == 503


def test_session_that_ended_does_not_make_a_second_account_of_a_link(john: Browser, provider: OpenIDProvider) -> None:
    link = john.open("/settings/security").link("Link Staff account")
    assert link
    del john.http.cookies["lanyard-session"]
    page = john.open(link)
    assert (page.left_to, page.path) == (None, "/login")
    page = john.press(page, "Sign in", email=john.user.email, password=john.user.password)
    assert page.left_to
    claims = somebody()
    page = john.open(provider.signed_in(page.left_to, **claims))
    assert page.title == "Link your accounts"


def test_each_of_two_links_to_one_provider_is_removed_by_its_own_button(
    john: Browser, provider: OpenIDProvider
) -> None:
    first, second = (Identity(provider.issuer, f"{number}-{credentials.new_id()}") for number in range(2))
    for identity in (first, second):
        user.link(john.user.user_id, identity)
    page = john.open("/settings/security")
    john.press(page, "Remove")
    john.press(page, "Remove")  # the same button again
    assert user.find_by_identity(first) is None
    assert user.find_by_identity(second)


def test_person_who_reloads_after_a_failure_keeps_their_place(
    browser: Browser, provider: OpenIDProvider, shop: ClientApp
) -> None:
    back = provider.signed_in(led(browser, shop.authorize_path()), **somebody())
    provider.token_response = lambda _: b"x" * (limits.PROVIDER_DOCUMENT_LIMIT_BYTES + 1)
    for status in (503, 400):
        page = browser.open(back)
        assert page.status == status
        link = page.link("Sign in with Staff account") or ""
        assert parse_qs(urlsplit(link).query)["next"] == [shop.authorize_path()]


def test_place_of_a_sign_in_is_not_shown_to_another_browser(
    browser: Browser, provider: OpenIDProvider, shop: ClientApp
) -> None:
    back = provider.signed_in(led(browser, shop.authorize_path()), **somebody())
    other = Browser(browser.base_url)
    led(other)
    page = other.open(back)
    assert page.status == 400
    assert shop.client_id not in page.response.text


def test_provider_that_takes_all_the_time_is_one_that_cannot_be_reached(
    browser: Browser, provider: OpenIDProvider, clock: Clock
) -> None:
    back = provider.signed_in(led(browser), **somebody())

    def takes(answer: Any) -> bytes:
        clock.take(limits.REQUEST_SECONDS)
        return json.dumps(answer).encode()

    provider.token_response = takes
    page = browser.open(back)
    assert (page.status, "cannot be reached" in page.text) == (503, True)


def test_refusal_with_tokens_in_it_is_a_refusal(browser: Browser, provider: OpenIDProvider) -> None:
    provider.token_status = 400
    assert sign_in(browser, provider, somebody()).status == 400


def test_person_who_has_no_way_into_their_account_is_told_whom_to_ask(
    browser: Browser, provider: OpenIDProvider, use: Callable[..., None], john: Browser
) -> None:
    use(provider, passwords=False)
    left = browser.open("/login/with/staff").left_to
    assert left
    page = browser.open(provider.signed_in(left, **somebody(email=john.user.email)))
    assert (page.status, "Ask the administrator" in page.text, "Sign in to it once" in page.text) == (409, True, False)


def test_provider_that_hangs_is_not_asked_again_at_once(
    browser: Browser, provider: OpenIDProvider, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "DOCUMENT_FETCH_SECONDS", 0.2)
    metadata = "/.well-known/openid-configuration"
    provider.hangs = [metadata]
    for _ in range(3):
        page = browser.open("/login/with/staff")
        assert (page.status, "cannot be reached" in page.text) == (503, True)
    assert provider.asked == [metadata]
    provider.hangs = []
    assert browser.open("/login/with/staff").status == 503, "too soon"
    clock.take(limits.PROVIDER_RETRY_SECONDS)
    assert led(browser)


def test_token_endpoint_that_hangs_is_not_asked_again_at_once(
    browser: Browser, provider: OpenIDProvider, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "DOCUMENT_FETCH_SECONDS", 0.2)
    provider.hangs = ["/token"]
    for _ in range(3):
        assert sign_in(browser, provider, somebody()).status == 503
    assert provider.asked.count("/token") == 1
    provider.hangs = []
    clock.take(limits.PROVIDER_RETRY_SECONDS)
    assert sign_in(browser, provider, somebody()).status == 200


def test_provider_that_fails_fast_is_asked_again(browser: Browser, provider: OpenIDProvider) -> None:
    provider.metadata = {"issuer": "https://other.example.com"}
    assert browser.open("/login/with/staff").status == 503
    provider.metadata = {}
    assert led(browser)


def test_sign_ins_begun_from_one_network_are_limited(
    browser: Browser, provider: OpenIDProvider, clock: Clock, store: StoreProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.stop()
    monkeypatch.setattr(limits, "SIGN_INS_PER_ADDRESS", 2)
    assert [browser.open("/login/with/staff").left_to is not None for _ in range(2)] == [True, True]
    with store.count() as calls:
        page = browser.open("/login/with/staff")
    assert (page.status, page.response.headers["Retry-After"]) == (429, str(limits.SIGN_IN_WINDOW_SECONDS))
    assert [call.operation for call in calls] == ["UpdateItem"], "counted, and nothing stored"
    clock.advance(limits.SIGN_IN_WINDOW_SECONDS)
    assert led(browser)


def test_sign_in_at_a_provider_that_cannot_be_reached_stores_nothing(
    browser: Browser, provider: OpenIDProvider, store: StoreProxy
) -> None:
    provider.metadata = {"issuer": "https://other.example.com"}
    with store.count() as calls:
        assert browser.open("/login/with/staff").status == 503
    assert [call.operation for call in calls] == []
