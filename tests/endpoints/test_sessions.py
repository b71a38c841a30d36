"""A session lasts a limited time, ends when it should, and is carried by cookies that cannot be planted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from http.cookies import Morsel, SimpleCookie
from typing import Any

import pytest
import requests

from chalicelib import settings
from chalicelib.models import user
from tests.actors import Browser, Person
from tests.conftest import Clock
from tests.gateway import Gateway

SESSION, LOGIN = "lanyard-session", "lanyard-login"
HOUR, MINUTE = 3600, 60


def is_signed_in(browser: Browser) -> bool:
    return browser.open("/settings/authorized").title == "Authorized applications"


def cookie_set(response: requests.Response, name: str) -> Morsel[str]:
    return next(
        morsel for line in response.raw.headers.getlist("Set-Cookie") if (morsel := SimpleCookie(line).get(name))
    )


@pytest.mark.spec("docs/security.md")
def test_session_ends_after_three_idle_hours(john: Browser, clock: Clock) -> None:
    clock.advance(3 * HOUR - MINUTE)
    assert is_signed_in(john)
    clock.advance(3 * HOUR - MINUTE)
    assert is_signed_in(john), "the session was used in between"
    clock.advance(3 * HOUR + MINUTE)
    assert not is_signed_in(john)


@pytest.mark.spec("docs/security.md")
def test_session_ends_after_twelve_hours_of_use(john: Browser, clock: Clock) -> None:
    for _ in range(11):
        clock.advance(HOUR)
        assert is_signed_in(john)
    clock.advance(HOUR - MINUTE)
    assert is_signed_in(john)
    clock.advance(MINUTE)
    assert not is_signed_in(john)


@pytest.mark.spec("docs/security.md")
def test_signing_out_ends_the_session_itself_and_not_only_its_cookie(john: Browser) -> None:
    kept = john.http.cookies[SESSION]
    other = Browser(john.base_url, john.user)
    other.sign_in()
    john.sign_out()
    assert SESSION not in john.http.cookies
    john.http.cookies.set(SESSION, kept)
    assert not is_signed_in(john)
    assert is_signed_in(other), "the other browser has its own session"


@pytest.mark.spec("docs/security.md")
def test_signing_in_creates_a_new_session_and_ends_the_previous_one(john: Browser) -> None:
    page = Browser(john.base_url).open("/login")
    before = john.http.cookies[SESSION]
    john.http.cookies.set(LOGIN, page.response.cookies[LOGIN])
    john.send(page, "", {**page.fields("Sign in"), "email": john.user.email, "password": john.user.password})
    after = john.http.cookies[SESSION]
    assert after != before
    assert is_signed_in(john)
    replay = Browser(john.base_url)
    replay.http.cookies.set(SESSION, before)
    assert not is_signed_in(replay)


@pytest.mark.spec("docs/security.md")
def test_session_planted_by_an_attacker_is_not_adopted(eve: Browser, john: Browser) -> None:
    planted = eve.http.cookies[SESSION]
    victim = Browser(john.base_url, john.user)
    victim.http.cookies.set(SESSION, planted, domain="127.0.0.1", path="/")
    eve.sign_out()
    victim.sign_in()
    assert victim.http.cookies.get(SESSION, domain="127.0.0.1", path="/") != planted
    assert not is_signed_in(eve)


@pytest.mark.spec("docs/security.md", "docs/architecture.md")
def test_disabled_user_is_signed_out_at_the_next_request(john: Browser) -> None:
    user.disable(john.user.user_id)
    assert not is_signed_in(john)


@pytest.mark.spec("docs/security.md", "RFC 6749 §10.10")
@pytest.mark.parametrize("forge", ["user", "secret", "checksum", "empty", "quoted"])
def test_forged_session_cookie_signs_nobody_in(john: Browser, eve: Browser, forge: str) -> None:
    mine, other = john.http.cookies[SESSION], eve.http.cookies[SESSION]
    forged = {
        "user": mine[:5] + other[5:21] + mine[21:],
        "secret": mine[:21] + other[21:],
        "checksum": mine[:-1] + ("a" if mine[-1] != "a" else "b"),
        "empty": "",
        "quoted": f'"{mine[:30]}\\012{mine[30:]}"',
    }[forge]
    headers = {"Cookie": f"{SESSION}={forged}"}
    response = requests.get(john.base_url + "/settings/authorized", headers=headers, allow_redirects=False, timeout=9)
    assert response.status_code == 303
    assert response.headers["Location"].startswith("/login?next=")


def status_with(application: Any, *cookies: str) -> int:
    """The settings page's status over https for these Cookie headers; 303 redirects to the sign-in page."""
    session = requests.Session()
    session.mount("https://", Gateway(application, "", repeated={"Cookie": ["first=1", *cookies]}))
    url = "https://abc.example/settings/authorized"
    return session.get(url, allow_redirects=False).status_code


@pytest.fixture
def over_https(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, public_url=None))


@pytest.mark.spec("docs/security.md", "RFC 9110 §5.6.3", "RFC 6265 §5.4")
@pytest.mark.parametrize("blank", ["\u2000", "\u00a0", "\u0085", "\u3000", "\ufeff", "\x0b", "\x1c"])
def test_cookie_name_with_added_whitespace_is_not_taken_for_the_protected_cookie(
    john: Browser, application: Any, over_https: None, blank: str
) -> None:
    """Browsers reserve `__Host-` names for this host, but anyone can set a name that starts with a blank."""
    mine, name = john.http.cookies[SESSION], f"__Host-{SESSION}"
    assert status_with(application, f"{name}={mine}") == 200
    assert status_with(application, f" \t{name}\t= {mine} ") == 200
    for planted in (f"{blank}{name}={mine}", f"{name}{blank}={mine}", f"{name}={mine}{blank}"):
        assert status_with(application, planted) == 303, repr(planted)


@pytest.mark.spec("docs/security.md", "RFC 6265 §5.4")
def test_two_different_cookies_with_one_name_both_count_as_missing(
    john: Browser, eve: Browser, application: Any, over_https: None
) -> None:
    """One of them was planted, and a user must not act as whoever planted it."""
    name, mine, planted = f"__Host-{SESSION}", john.http.cookies[SESSION], eve.http.cookies[SESSION]
    for first, second in ((mine, planted), (planted, mine), ("", mine)):
        assert status_with(application, f"{name}={first}; {name}={second}") == 303
        assert status_with(application, f"{name}={first}", f"{name}={second}") == 303
    assert status_with(application, f"{name}={mine}; {name}={mine}") == 200
    assert status_with(application, f"{name.lower()}={planted}; x{name}={planted}; {name}={mine}") == 200


@pytest.mark.spec("docs/security.md", "RFC 6265 §5.2")
def test_session_cookies_are_hidden_from_scripts_and_other_sites(
    base_url: str, a_person: Callable[..., Person]
) -> None:
    browser = Browser(base_url, a_person())
    page = browser.open("/login")
    fields = {**page.fields("Sign in"), "email": browser.user.email, "password": browser.user.password}
    response = browser.http.post(page.response.url, data=fields, allow_redirects=False)
    for cookie in (cookie_set(page.response, LOGIN), cookie_set(response, SESSION)):
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"
        assert cookie["path"] == "/"
        assert not cookie["domain"]
        assert int(cookie["max-age"]) == 12 * HOUR
    assert LOGIN not in browser.http.cookies, "the sign-in form's cookie is no longer needed"


@pytest.mark.spec("docs/security.md")
@pytest.mark.parametrize("foreign", ['prefs={"a":1, "b":[2]}', "a b=c d", "[x]=1", "novalue", "=x", 'q="half'])
def test_cookies_that_others_set_for_the_host_are_harmless(john: Browser, foreign: str) -> None:
    mine = f"{SESSION}={john.http.cookies[SESSION]}"
    for header in (f"{foreign}; {mine}", f"{mine};{foreign}"):
        response = requests.get(john.base_url + "/settings/authorized", headers={"Cookie": header}, timeout=9)
        assert "<h1>Authorized applications" in response.text


@pytest.mark.spec("docs/security.md")
@pytest.mark.parametrize("added", ["\\015\\012X-Injected: 1", "\\073 Domain=example.com", "; Domain=example.com", "é"])
def test_planted_cookie_adds_nothing_to_the_response(base_url: str, added: str) -> None:
    planted = f'{LOGIN}="{"a" * 43}{added}"'.encode()
    response = requests.get(base_url + "/login", headers={"Cookie": planted}, timeout=9)
    assert response.status_code == 200
    assert "X-Injected" not in response.headers
    assert "domain" not in response.headers["Set-Cookie"].lower()
    assert "a" * 43 not in response.headers["Set-Cookie"]
