"""No value that a browser sends, in any field, address or cookie, causes a 5xx page."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

import pytest

from chalicelib import credentials
from chalicelib.credentials import Kind
from tests.actors import Browser, ClientApp, Page
from tests.nasty import test_scim
from tests.nasty.conftest import BASE, Send, held
from tests.nasty.corpus import SEGMENTS, TEXTS

pytestmark = pytest.mark.spec("RFC 6749 §3.1", "RFC 6749 §10.12")

SESSION = "__Host-lanyard-session"
# A form's path and its button; {id} is one of the user's own applications.
FORMS = [
    ("/settings/profile", "Save"),
    ("/settings/applications/new", "Register"),
    ("/settings/applications/{id}", "Save"),
    ("/settings/applications/{id}/secret", "Regenerate"),
    ("/settings/applications/{id}/owners", "Invite"),
    ("/device", "Continue"),
]
PASSWORD_FORMS = [("/login?switch=1", "Sign in"), ("/settings/password", "Change")]


def sweep(browser: Browser, page: Page, button: str, values: list[str]) -> None:
    """Press the button with each value in each field in turn."""
    fields: dict[str, Any] = page.fields(button)
    action = urljoin(page.response.url, str(page.form_with(button).get("action", "")))
    for name in fields:
        for text in values:
            answer = browser.http.post(action, data={**fields, name: text}, allow_redirects=False)
            held(answer, f"{action} {name}={text!r}")


# The pages of one's own application.
OWN = (
    *("", "/connect", "/delete", "/disconnect", "/invitation", "/owners", "/owners/withdraw", "/owners/{user_id}"),
    *("/previous-secret", "/requests", "/secret"),
)


@pytest.mark.parametrize(("path", "button"), FORMS)
def test_no_field_of_a_page_causes_a_5xx(developer: Browser, client: ClientApp, path: str, button: str) -> None:
    sweep(developer, developer.open(path.format(id=client.client_id)), button, TEXTS)


@pytest.mark.parametrize(("path", "button"), PASSWORD_FORMS)
def test_no_email_or_password_causes_a_5xx(developer: Browser, path: str, button: str) -> None:
    sweep(developer, developer.open(path), button, TEXTS[::3])  # each one costs an argon2 hash


@pytest.mark.parametrize("path", ["/sign-up", "/password/reset"])
def test_no_email_address_causes_a_5xx_in_a_form_that_sends_a_link(developer: Browser, path: str) -> None:
    page = Browser(BASE, adapter=developer.http.adapters["https://"]).open(path)
    button = page.html.find("button", type=None) or page.html.find_all("button")[-1]
    sweep(developer, page, " ".join(button.get_text().split()), TEXTS)


def test_no_mailed_link_causes_a_5xx(send: Send) -> None:
    for path in ("/sign-up/finish", "/password/new"):
        for text in [*TEXTS, credentials.mint(Kind.MAIL_LINK)]:
            send("GET", path, params={"token": text})
            send("POST", path, data={"token": text, "csrf_token": text, "password": text})


def test_no_field_of_the_consent_page_causes_a_5xx(developer: Browser, client: ClientApp) -> None:
    page = developer.open(client.authorize_path())
    sweep(developer, page, "Authorize", [text for text in TEXTS if len(text) < 3000])


@pytest.mark.parametrize(
    ("path", "field", "purpose"),
    [
        ("/settings/authorized", "client_id", "revoke {}"),
        ("/settings/security", "session", "end session {}"),
    ],
)
def test_no_value_causes_a_5xx_in_a_form_whose_csrf_token_names_it(
    developer: Browser, path: str, field: str, purpose: str
) -> None:
    """Anyone with the cookie can compute the token of a form that was never shown."""
    cookie = developer.http.cookies[SESSION]
    for text in TEXTS:
        token = credentials.derive(cookie, purpose.format(text))
        answer = developer.http.post(BASE + path, data={field: text, "csrf_token": token}, allow_redirects=False)
        held(answer, f"{path} {text!r}")


@pytest.mark.parametrize("path", OWN)
def test_no_path_causes_a_5xx_on_an_applications_pages(developer: Browser, path: str) -> None:
    cookie = developer.http.cookies[SESSION]
    mark = developer.open("/settings/profile").field("csrf_token").partition(".")[0]
    for segment in SEGMENTS:
        url = f"{BASE}/settings/applications/{segment}{path.format(user_id=segment)}"
        held(developer.http.get(url, allow_redirects=False), url)
        token = f"{mark}.{credentials.derive(cookie, 'delete ' + segment)}"
        held(developer.http.post(url, data={"csrf_token": token}, allow_redirects=False), url)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/settings/applications/{id}/connect", "in"),
        ("/settings/applications/{id}/connect", "grant"),
        ("/login", "next"),
        ("/login", "switch"),
        ("/login", "again"),
        ("/login/with/tickets", "next"),
        ("/login/with/tickets", "again"),
        ("/login/with/tickets/back", "request"),
        ("/login/with/tickets/back", "answer"),
        ("/login/link", "request"),
        ("/settings/security", "before"),
        ("/settings/security", "done"),
        ("/settings/applications", "done"),
        ("/settings/authorized", "done"),
        ("/settings/profile", "saved"),
        ("/device", "user_code"),
        ("/sign-up", "next"),
        ("/password/reset", "next"),
        ("/", "x"),
    ],
)
def test_no_query_causes_a_5xx_on_a_page(developer: Browser, client: ClientApp, path: str, name: str) -> None:
    for text in TEXTS:
        answer = developer.http.get(BASE + path.format(id=client.client_id), params={name: text}, allow_redirects=False)
        held(answer, f"{path} {name}={text!r}")


def test_no_cookie_causes_a_5xx_on_a_page(send: Send) -> None:
    printable = [text for text in TEXTS if text.isascii() and text.isprintable()]
    for of in ("session", "login", "link", "place", "elsewhere"):
        for text in printable:
            for path in ("/login", "/sign-up/finish", "/password/new", "/", "/login/with/tickets"):
                send("GET", path, headers={"Cookie": f"__Host-lanyard-{of}={text}"})


def test_no_unknown_address_causes_a_5xx(send: Send) -> None:
    for path in ("/favicon.ico", "/robots.txt"):
        send("GET", path, params={"x": TEXTS[0]})
    for segment in SEGMENTS:
        for path in (f"/{segment}", f"/nowhere/{segment}", f"/api/v1/{segment}", f"/login/with/{segment}/back"):
            for accept in ("text/html", "application/json", segment.encode("ascii", "ignore").decode() or "*/*"):
                printable = "".join(character for character in accept if " " <= character <= "~")
                send("GET", path, headers={"Accept": printable})


def test_every_route_is_swept_with_nasty_values(application: Any) -> None:
    """A new route must be added to one of the sweeps, and then here."""
    programs = {"/api/v1/me", "/api/v1/organizers", "/api/v1/organizers/{slug}", "/api/v1/openapi.json"}
    oauth = {
        "authorize",
        "device_authorization",
        "end_session",
        "introspect",
        "par",
        "register",
        "register/{client_id}",
    }
    programs |= {f"/api/v1/oauth/{name}" for name in (*oauth, "revoke_token", "token")}
    for name in ("oauth-authorization-server", "openid-configuration", "oauth-protected-resource"):
        programs |= {f"/.well-known/{name}", f"/.well-known/{name}/{{path+}}"}
    account = {"/", "/device", "/login", "/logout", "/password/new", "/password/reset", "/sign-up", "/sign-up/finish"}
    settings = {"password", "profile", "security", "authorized", "authorized/all", "applications", "applications/new"}
    own = {f"/settings/applications/{{client_id}}{path}" for path in OWN}
    own |= {"/guide"}
    answers = {f"sign-in/requests/{{request_id}}{what}" for what in ("", "/accept", "/refuse")}
    programs |= {f"/api/v1/{one}" for one in answers} | {f"/api/v1/iam/{one}" for one in answers}
    account |= {"/login/with/{name}", "/login/with/{name}/back", "/login/link", "/settings/security/unlink"}
    programs |= test_scim.ROUTES
    programs |= {"/.well-known/jwks.json", "/.well-known/ended-tokens", "/api/v1/userinfo"}
    nowhere = {"/favicon.ico", "/robots.txt", "/{proxy+}"}
    known = programs | account | own | nowhere | {f"/settings/{name}" for name in settings}
    assert {route for route in application.routes if not route.startswith("/static/")} == known
