"""People sign in at an OpenID provider that the operator chose (OpenID Connect Core §3.1)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from joserfc.jwk import ECKey, RSAKey

from chalicelib import credentials, limits
from chalicelib.models import organizer, security_event, user, user_organizers
from chalicelib.models.linked_identity import Identity
from tests.actors import Browser, ClientApp
from tests.conftest import Clock
from tests.mailbox import Mailbox
from tests.openid_provider import SECRET, OpenIDProvider
from tests.openid_sign_in import account, led, sign_in, somebody

pytestmark = pytest.mark.spec("OpenID Connect Core §3.1")


@pytest.fixture
def browser(base_url: str) -> Browser:
    """A browser in which nobody is signed in."""
    return Browser(base_url)


def test_newcomer_gets_an_account_and_comes_back_to_it(browser: Browser, provider: OpenIDProvider) -> None:
    claims = somebody(locale="de-AT", zoneinfo="Europe/Vienna")
    page = sign_in(browser, provider, claims)
    assert (page.status, page.path) == (200, "/settings/profile")
    made = account(claims, provider)
    assert (made.email, made.fullname, made.locale, made.timezone) == (
        claims["email"],
        "Ann Other",
        "de",
        "Europe/Vienna",
    )
    assert not made.has_password
    again = Browser(browser.base_url)
    assert sign_in(again, provider, {**claims, "email": "changed@example.org", "email_verified": False}).status == 200
    assert account(claims, provider).user_id == made.user_id


def test_request_has_state_nonce_pkce_and_the_language(browser: Browser, provider: OpenIDProvider) -> None:
    first, second = (dict(parse_qs(urlsplit(led(browser)).query)) for _ in range(2))
    assert first["response_type"] == ["code"]
    assert first["scope"] == ["openid email profile"]
    assert first["code_challenge_method"] == ["S256"]
    assert first["ui_locales"] == ["en"]
    assert first["redirect_uri"] == [f"{browser.base_url}/login/with/staff/back"]
    for name in ("state", "nonce", "code_challenge"):
        assert first[name] != second[name]


def test_user_connects_an_application_with_an_account_elsewhere(
    browser: Browser, provider: OpenIDProvider, shop: ClientApp
) -> None:
    claims = somebody()
    slug = organizer.create(credentials.new_serial().lower(), "Ann's Shows").slug
    sign_in(browser, provider, claims)
    user.add_member(account(claims, provider).user_id, slug)
    fresh = Browser(browser.base_url)
    page = sign_in(fresh, provider, claims, next_path=shop.authorize_path())
    assert page.title == "Authorize A shop?"
    tokens = shop.exchange(fresh.allow(page, "Ann's Shows").code).json()
    assert shop.me(tokens["access_token"]).json()["email"] == claims["email"]


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://other.example.com"},
        {"aud": "another client"},
        {"aud": ["lanyard", "another client"]},
        {"azp": "another client"},
        {"exp": 1000},
        {"exp": None},
        {"iat": 9_999_999_999},
        {"nbf": 9_999_999_999},
        {"nonce": "of another sign-in"},
        {"nonce": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 256},
        {"sub": 17},
    ],
    ids=str,
)
def test_id_token_that_is_not_for_this_sign_in_is_refused(
    browser: Browser, provider: OpenIDProvider, changed: dict[str, Any]
) -> None:
    claims = somebody()
    provider.claims = changed
    page = sign_in(browser, provider, claims)
    assert page.status == 400
    assert "cannot be accepted" in page.text
    assert user.find_by_email(claims["email"]) is None
    assert browser.open("/settings/profile").path == "/login"


def test_id_token_signed_by_another_key_is_refused(browser: Browser, provider: OpenIDProvider) -> None:
    provider.key = RSAKey.generate_key(2048, {"kid": "first", "use": "sig"})
    assert sign_in(browser, provider, somebody()).status == 400


def test_key_that_the_provider_changed_to_is_fetched(browser: Browser, provider: OpenIDProvider, clock: Clock) -> None:
    claims = somebody()
    sign_in(browser, provider, claims)
    provider.key = ECKey.generate_key("P-256", {"kid": "second", "use": "sig"})
    provider.published = [provider.key, RSAKey.generate_key(2048, {"kid": "enc", "use": "enc"})]
    assert sign_in(Browser(browser.base_url), provider, claims).status == 400  # the keys were fetched just now
    clock.take(limits.PROVIDER_KEYS_RETRY_SECONDS)
    assert sign_in(Browser(browser.base_url), provider, claims).status == 200
    assert provider.asked.count("/keys") == 2


def test_documents_of_a_provider_are_kept(browser: Browser, provider: OpenIDProvider, clock: Clock) -> None:
    for _ in range(2):
        sign_in(Browser(browser.base_url), provider, somebody())
    assert [provider.asked.count(path) for path in ("/.well-known/openid-configuration", "/keys")] == [1, 1]
    clock.take(limits.PROVIDER_DOCUMENT_KEPT_SECONDS)
    sign_in(browser, provider, somebody())
    assert [provider.asked.count(path) for path in ("/.well-known/openid-configuration", "/keys")] == [2, 2]


@pytest.mark.spec("RFC 9207 §2.4")
@pytest.mark.parametrize("issuer", ["https://other.example.com", None])
def test_answer_of_another_issuer_is_refused(browser: Browser, provider: OpenIDProvider, issuer: str | None) -> None:
    back = provider.signed_in(led(browser), **somebody())
    query = {name: value for name, (value,) in parse_qs(urlsplit(back).query).items() if name != "iss"}
    page = browser.open(back.partition("?")[0] + "?" + urlencode({**query, **({"iss": issuer} if issuer else {})}))
    assert page.status == 400
    assert "/token" not in provider.asked


@pytest.mark.spec("RFC 9700 §4.7")
def test_answer_works_once_in_the_browser_that_began_and_for_ten_minutes(
    browser: Browser, provider: OpenIDProvider, clock: Clock
) -> None:
    claims = somebody()
    back = provider.signed_in(led(browser), **claims)
    for other in (Browser(browser.base_url), a_browser_that_began(browser.base_url)):
        assert other.open(back).status == 400
        assert other.open("/settings/profile").path == "/login"
    assert browser.open(back).path == "/settings/profile"
    assert browser.open(back).status == 400
    late = provider.signed_in(led(Browser(browser.base_url)), **claims)
    clock.advance(limits.SIGN_IN_REQUEST_LIFETIME_SECONDS)
    assert browser.open(late).status == 400


def a_browser_that_began(base_url: str) -> Browser:
    made = Browser(base_url)
    led(made)
    return made


def test_two_tabs_can_sign_in_at_once(browser: Browser, provider: OpenIDProvider) -> None:
    claims = somebody()
    addresses = [led(browser), led(browser, "/device")]
    assert [browser.open(provider.signed_in(one, **claims)).path for one in addresses] == [
        "/settings/profile",
        "/device",
    ]


@pytest.mark.parametrize("query", [{}, {"error": "access_denied"}, {"code": "of-somebody-else"}])
def test_answer_without_a_good_code_signs_nobody_in(
    browser: Browser, provider: OpenIDProvider, query: dict[str, str]
) -> None:
    state = dict(parse_qs(urlsplit(led(browser)).query))["state"][0]
    page = browser.open("/login/with/staff/back", state=state, iss=provider.issuer, **query)
    assert page.status in (400, 403)
    assert page.title == "Sign in"
    assert page.link("Sign in with Staff account")
    assert browser.open("/settings/profile").path == "/login"


@pytest.mark.parametrize(
    "claims", [{"email": None}, {"email_verified": False}, {"email_verified": "true"}, {"email": "no address"}], ids=str
)
def test_address_that_is_not_verified_makes_no_account(
    browser: Browser, provider: OpenIDProvider, claims: dict[str, Any]
) -> None:
    said = {**somebody(), **claims}
    provider.user_info = {"sub": said["sub"]}
    page = sign_in(browser, provider, said)
    assert page.status == 403
    assert "has not confirmed an email address" in page.text


def test_claims_that_the_id_token_lacks_come_from_userinfo(browser: Browser, provider: OpenIDProvider) -> None:
    claims = somebody()
    provider.user_info = claims
    assert sign_in(browser, provider, {"sub": claims["sub"]}).path == "/settings/profile"
    provider.user_info = {**claims, "sub": "somebody else"}
    assert sign_in(Browser(browser.base_url), provider, {"sub": claims["sub"]}).status == 400


def test_address_that_has_an_account_is_linked_only_by_its_owner(
    browser: Browser, provider: OpenIDProvider, john: Browser, eve: Browser
) -> None:
    claims = somebody(email=john.user.email)
    page = sign_in(browser, provider, claims)
    assert page.status == 409
    assert "Sign in to it once, to link the two" in page.text
    assert user.find_by_identity(Identity(provider.issuer, claims["sub"])) is None
    page = browser.press(page, "Sign in", email=john.user.email, password=john.user.password)
    assert page.title == "Link your accounts"
    assert john.user.email in page.text
    page = browser.press(page, "Link")
    assert (page.path, "You can sign in with either" in page.text) == ("/settings/profile", True)
    assert account(claims, provider).email == john.user.email
    assert sign_in(Browser(browser.base_url), provider, claims).path == "/settings/profile"
    # Nobody else's browser can finish what this one began.
    link = f"/login/link?request={credentials.mint(credentials.Kind.SIGN_IN_REQUEST)}"
    assert eve.open(link).status == 400


def test_operator_can_trust_a_provider_with_addresses(
    browser: Browser, provider: OpenIDProvider, john: Browser, use: Callable[..., None]
) -> None:
    use(provider, more="links_by_email = true")
    claims = somebody(email=john.user.email.upper())
    assert sign_in(browser, provider, {**claims, "email_verified": False}).status == 403
    assert sign_in(browser, provider, claims).path == "/settings/profile"
    assert account(claims, provider).email == john.user.email


def test_only_people_with_accounts_sign_in_where_no_new_ones_are_made(
    browser: Browser, provider: OpenIDProvider, use: Callable[..., None]
) -> None:
    use(provider, more="new_accounts = false")
    page = sign_in(browser, provider, claims := somebody())
    assert page.status == 403
    assert "no account for you" in page.text
    assert user.find_by_email(claims["email"]) is None


def test_disabled_account_stays_out(browser: Browser, provider: OpenIDProvider) -> None:
    claims = somebody()
    sign_in(browser, provider, claims)
    user.disable(account(claims, provider).user_id)
    page = sign_in(Browser(browser.base_url), provider, claims)
    assert page.status == 403
    assert "This account is disabled." in page.text


def test_disabled_account_is_not_linked_by_its_address(
    browser: Browser, provider: OpenIDProvider, john: Browser, use: Callable[..., None]
) -> None:
    use(provider, more="links_by_email = true")
    owner = user.find_by_email(john.user.email)
    assert owner
    user.disable(owner.user_id)
    claims = somebody(email=john.user.email)
    page = sign_in(browser, provider, claims)
    assert (page.status, "This account is disabled." in page.text) == (403, True)
    assert user.find_by_identity(Identity(provider.issuer, claims["sub"])) is None


def test_organizers_from_a_claim_are_compared_at_each_sign_in(
    browser: Browser, provider: OpenIDProvider, use: Callable[..., None]
) -> None:
    mapped, other, own = (organizer.create(credentials.new_serial().lower(), "An organizer").slug for _ in range(3))
    use(provider, more=f'organizers_claim = "groups"\norganizers = {{ "team a" = "{mapped}", "team b" = "{other}" }}')
    claims = somebody()
    sign_in(browser, provider, {**claims, "groups": ["team a", "unknown", 7]})
    assert user_organizers.of(account(claims, provider)) == {mapped}
    user.add_member(account(claims, provider).user_id, own)
    sign_in(Browser(browser.base_url), provider, {**claims, "groups": "team b"})
    assert user_organizers.of(account(claims, provider)) == {other, own}
    provider.user_info = {"sub": claims["sub"]}
    sign_in(Browser(browser.base_url), provider, claims)  # a claim that is missing says that there are none
    assert user_organizers.of(account(claims, provider)) == {own}


def test_organizers_from_a_claim_are_compared_with_those_in_shards_too(
    browser: Browser, provider: OpenIDProvider, use: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MEMBERSHIPS_ON_USER_LIMIT", 1)
    first, mapped, other, own = (organizer.create(credentials.new_serial().lower(), "Hall").slug for _ in range(4))
    use(provider, more=f'organizers_claim = "groups"\norganizers = {{ "team a" = "{mapped}", "team b" = "{other}" }}')
    claims = somebody()
    sign_in(browser, provider, {**claims, "groups": []})
    for slug in (first, own):
        user.add_member(account(claims, provider).user_id, slug)
    for told, belongs in (
        (["team a", "team b"], {mapped, other}),
        (["team b"], {other}),
        (["team b", "team a"], {mapped, other}),
        ([], set()),
    ):
        sign_in(Browser(browser.base_url), provider, {**claims, "groups": told})
        assert user_organizers.of(account(claims, provider)) == {first, own, *belongs}
    use(provider, more='organizers_claim = "groups"')  # which then tells all of them
    sign_in(Browser(browser.base_url), provider, {**claims, "groups": [own, other]})
    assert user_organizers.of(account(claims, provider)) == {own, other}


def test_claim_that_is_only_referred_to_changes_no_organizers(
    browser: Browser, provider: OpenIDProvider, use: Callable[..., None]
) -> None:
    slug = organizer.create(credentials.new_serial().lower(), "An organizer").slug
    use(provider, more='organizers_claim = "groups"')
    claims = somebody()
    sign_in(browser, provider, {**claims, "groups": [slug]})
    provider.user_info = {"sub": claims["sub"]}
    sign_in(Browser(browser.base_url), provider, {**claims, "_claim_names": {"groups": "src1"}})
    assert user_organizers.of(account(claims, provider)) == {slug}


def test_values_of_the_claim_are_slugs_where_no_map_is_given(
    browser: Browser, provider: OpenIDProvider, use: Callable[..., None]
) -> None:
    first, second = (organizer.create(credentials.new_serial().lower(), "An organizer").slug for _ in range(2))
    use(provider, more='organizers_claim = "groups"')
    claims = somebody()
    sign_in(browser, provider, {**claims, "groups": [first, "never-heard-of", "NO SLUG"]})
    assert user_organizers.of(account(claims, provider)) == {first}
    sign_in(Browser(browser.base_url), provider, {**claims, "groups": [second]})
    assert user_organizers.of(account(claims, provider)) == {second}


def test_without_passwords_the_one_provider_is_led_to_at_once(
    browser: Browser, provider: OpenIDProvider, use: Callable[..., None], shop: ClientApp
) -> None:
    use(provider, passwords=False)
    left = browser.open(shop.authorize_path()).left_to
    assert left
    assert left.startswith(provider.issuer)
    page = browser.open("/login")
    assert page.html.find(id="password") is None
    assert page.link("Sign in with Staff account")
    for path in ("/password/reset", "/password/new", "/sign-up", "/settings/password"):
        assert browser.open(path).status == 403
    assert browser.http.post(f"{browser.base_url}/login", data={"email": "a", "password": "b"}).status_code == 403


@pytest.mark.spec("OpenID Connect Core §3.1.2.1")
def test_application_that_wants_a_fresh_sign_in_gets_one_there_too(
    browser: Browser, provider: OpenIDProvider, shop: ClientApp
) -> None:
    claims = somebody()
    sign_in(browser, provider, claims)
    page = browser.open(shop.authorize_path(prompt="login"))
    link = page.link("Sign in with Staff account")
    assert link
    left = browser.open(link).left_to
    assert left
    asked = dict(parse_qs(urlsplit(left).query))
    assert (asked["prompt"], asked["login_hint"]) == (["login"], [claims["email"]])


def test_user_links_a_provider_and_removes_it(provider: OpenIDProvider, john: Browser) -> None:
    security = john.open("/settings/security")
    link = security.link("Link Staff account")
    assert link
    claims = somebody()
    left = john.open(link).left_to
    assert left
    page = john.open(provider.signed_in(left, **claims))
    assert page.title == "Link your accounts"
    page = john.press(page, "Link")
    assert page.path == "/settings/security"
    assert account(claims, provider).email == john.user.email
    page = john.press(john.open("/settings/security"), "Remove")
    assert "The link has been removed" in page.text
    assert user.find_by_identity(Identity(provider.issuer, claims["sub"])) is None


def test_only_way_to_sign_in_cannot_be_removed(browser: Browser, provider: OpenIDProvider) -> None:
    claims = somebody()
    sign_in(browser, provider, claims)
    page = browser.open("/settings/security")
    assert "This is your only way to sign in." in page.text
    assert page.html.find("button", string="Remove") is None


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://other.example.com"},
        {"token_endpoint": None},
        {"jwks_uri": 7},
        {"authorization_endpoint": ""},
    ],
    ids=str,
)
def test_provider_whose_metadata_cannot_be_used_is_an_error_of_the_page(
    browser: Browser, provider: OpenIDProvider, metadata: dict[str, Any]
) -> None:
    provider.metadata = metadata
    page = browser.open("/login/with/staff")
    assert page.status == 503
    assert "cannot be reached" in page.text


def test_provider_that_cannot_be_reached_is_an_error_of_the_page(
    browser: Browser, provider: OpenIDProvider, use: Callable[..., None]
) -> None:
    gone = OpenIDProvider()
    gone.stop()
    use(gone)
    page = browser.open("/login/with/staff")
    assert (page.status, page.response.headers["Retry-After"]) == (503, "2")


def test_unknown_provider_has_no_page(browser: Browser, provider: OpenIDProvider) -> None:
    for path in ("/login/with/nobody", "/login/with/nobody/back"):
        assert browser.open(path).status == 404


def test_secret_and_code_are_in_no_log(
    browser: Browser, provider: OpenIDProvider, caplog: pytest.LogCaptureFixture
) -> None:
    claims = somebody()
    back = provider.signed_in(led(browser), **claims)
    browser.open(back)
    query = {name: value for name, (value,) in parse_qs(urlsplit(back).query).items()}
    text = json.dumps(caplog.messages)
    assert "signed in" in text
    for secret in (SECRET, query["code"], query["state"], claims["email"], claims["sub"]):
        assert secret not in text


@pytest.mark.spec("docs/security.md")
@pytest.mark.parametrize(("locale", "title"), [("en", "Staff account"), ("de", "Mitarbeiterkonto")])
def test_owner_is_told_by_mail_that_an_identity_was_linked_to_their_account(
    john: Browser, provider: OpenIDProvider, mailbox: Mailbox, locale: str, title: str
) -> None:
    user.edit(john.user.user_id, fullname="John Doe", locale=locale, timezone="UTC")
    label, button = ("Link Staff account", "Link") if locale == "en" else (f"„{title}“ verknüpfen", "Verknüpfen")
    link = john.open("/settings/security").link(label)
    assert link
    left = john.open(link).left_to
    assert left
    page = john.open(provider.signed_in(left, **somebody()))
    assert mailbox.of(john.user.email) == [], "not before they agreed"
    john.press(page, button)
    (mail,) = mailbox.of(john.user.email)
    assert title in mail.get_content()
    assert f"{john.base_url}/settings/security" in mail.get_content()
    assert {event.kind for event in security_event.recent(john.user.user_id, limit=3)} >= {"identity_linked"}


@pytest.mark.spec("docs/security.md")
def test_owner_is_told_by_mail_that_somebody_got_into_their_account_by_its_address(
    browser: Browser, provider: OpenIDProvider, use: Callable[..., None], mailbox: Mailbox, john: Browser
) -> None:
    use(provider, more="links_by_email = true")
    claims = somebody(email=john.user.email)
    for _ in range(2):
        assert sign_in(Browser(browser.base_url), provider, claims).status == 200
    (mail,) = mailbox.of(john.user.email)
    assert "Staff account" in mail.get_content()
    newcomer = somebody()
    assert sign_in(browser, provider, newcomer).status == 200
    assert mailbox.of(newcomer["email"]) == [], "a new account is nobody else's"
