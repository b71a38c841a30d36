"""The authorization endpoint accepts valid requests and answers invalid ones with an error that says why."""

from __future__ import annotations

from urllib.parse import parse_qs, quote, urlsplit

import pytest

from chalicelib.models import application_edit
from tests.actors import Browser, ClientApp

WITH_QUERY = "https://shop.example.com/cb?tenant=7&x=%2F+a"
LOOPBACK = "http://127.0.0.1:8000/cb"


@pytest.fixture
def shop(john: Browser) -> ClientApp:
    """John's own application, which gets its errors at once; test_open_redirects.py covers those of others."""
    return john.register_application("A shop", "https://shop.example.com/Callback", WITH_QUERY, LOOPBACK)


def refused(browser: Browser, path: str) -> dict[str, str]:
    """The error sent to the application's redirect URI."""
    page = browser.open(path)
    assert page.status == 303
    assert page.left_to is not None
    assert "code" not in page.answer
    return page.answer


@pytest.mark.spec("RFC 6749 §4.1.2.1", "RFC 9700 §2.1", "RFC 9700 §4.1.3", "CVE-2026-44681", "CVE-2020-15234")
@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/",
        "https://shop.example.com/callback",
        "https://SHOP.example.com/Callback",
        "https://shop.example.com/Callback/",
        "https://shop.example.com/Callback?x=1",
        "https://shop.example.com/Callback#x",
        "https://shop.example.com/Callback/../evil",
        "https://shop.example.com/C%61llback",
        "https://shop.example.com:443/Callback",
        "https://shop.example.com:8443/Callback",
        "https://shop.example.com@evil.example/Callback",
        "https://shop.example.com.evil.example/Callback",
        "http://shop.example.com/Callback",
        "https://shop.example.com/Callback ",
        "https://shop.example.com/cb?tenant=7",
        "https://shop.example.com/cb?tenant=7&x=%2f+a",
        "https://shop.example.com/cb?x=%2F+a&tenant=7",
        "//shop.example.com/Callback",
        "/settings/authorized",
        "shop.example.com/Callback",
        "javascript:alert(1)",
        "https://[::1",
        "https://[evil/Callback",
        "https://shop.example.com/Callback\r\nX-Injected: 1",
    ],
)
def test_redirect_uri_that_is_not_registered_byte_for_byte_is_refused(john: Browser, shop: ClientApp, uri: str) -> None:
    for browser in (john, Browser(john.base_url)):
        page = browser.open(shop.authorize_path(redirect_uri=uri))
        assert (page.status, page.left_to) == (400, None)
        assert page.path == "/api/v1/oauth/authorize", "refused before signing in"
        assert "redirect_uri is not registered" in page.text
        assert "Location" not in page.response.headers


@pytest.mark.spec("RFC 9700 §2.1", "RFC 8252 §7.3", "CVE-2020-15233")
@pytest.mark.parametrize(
    "uri", ["http://127.0.0.1:8001/cb", "http://127.0.0.1/cb", "http://localhost:8000/cb", "http://[::1]:8000/cb"]
)
def test_host_and_port_of_a_web_applications_loopback_address_must_match(
    john: Browser, shop: ClientApp, uri: str
) -> None:
    assert john.open(shop.authorize_path(redirect_uri=uri)).status == 400
    assert john.open(shop.authorize_path(redirect_uri=LOOPBACK)).title == "Authorize A shop?"


@pytest.mark.spec("RFC 6749 §4.1.2.1")
@pytest.mark.parametrize(
    ("client_id", "reason"),
    [
        ("AAAAAAAAAAAAAAAA", "No application with this client_id"),
        ("x" * 3000, "No application with this client_id"),
        ("\N{SNOWMAN}", "No application with this client_id"),
        ("", "client_id is missing"),
        (None, "client_id is missing"),
    ],
)
def test_request_of_an_unknown_application_redirects_nowhere(
    john: Browser, shop: ClientApp, client_id: str | None, reason: str
) -> None:
    for browser in (john, Browser(john.base_url)):
        page = browser.open(shop.authorize_path(client_id=client_id))
        assert (page.status, page.left_to) == (400, None)
        assert reason in page.text
        assert page.path == "/api/v1/oauth/authorize"


@pytest.mark.spec("RFC 6749 §4.1.2.1", "docs/architecture.md")
def test_request_of_a_disabled_application_redirects_nowhere(john: Browser, shop: ClientApp) -> None:
    page = john.open(shop.authorize_path())
    application_edit.disable(shop.client_id)
    assert john.open(shop.authorize_path()).status == 400
    assert john.allow(page, "Small Shows").status == 400


@pytest.mark.spec("RFC 6749 §3.1", "CVE-2026-9689")
@pytest.mark.parametrize(
    "name",
    [
        "response_type",
        "response_mode",
        "scope",
        "state",
        "code_challenge",
        "code_challenge_method",
        "prompt",
        "approval_prompt",
        "request",
    ],
)
@pytest.mark.parametrize("second", ["same", "other", ""])
def test_repeated_parameter_is_an_invalid_request(john: Browser, shop: ClientApp, name: str, second: str) -> None:
    asked = {name: "same"} if name not in ("response_type", "scope") else {}
    answer = refused(john, shop.authorize_path(**asked) + f"&{name}={second}")
    assert answer["error"] == "invalid_request"
    assert name in answer["error_description"]
    assert answer.get("state") == (None if name == "state" else "xyz")


@pytest.mark.spec("RFC 6749 §4.1.2.1", "RFC 6749 §3.1", "CVE-2026-9689")
@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_repeated_client_id_or_redirect_uri_redirects_nowhere(
    john: Browser, shop: ClientApp, other_shop: ClientApp, name: str
) -> None:
    for second in (getattr(shop, name), getattr(other_shop, name)):
        page = john.open(f"{shop.authorize_path()}&{name}={quote(second, safe='')}")
        assert (page.status, page.left_to) == (400, None)
        assert f"{name} was sent more than once" in page.text


@pytest.mark.spec("RFC 6749 §3.1")
def test_empty_parameter_counts_as_missing(john: Browser, shop: ClientApp) -> None:
    empty = dict.fromkeys(("redirect_uri", "scope", "state", "code_challenge", "code_challenge_method"), "")
    page = john.allow(john.open(shop.authorize_path(approval_prompt="", **empty)), "Small Shows")
    assert page.left_to is not None
    assert page.left_to.startswith("https://shop.example.com/Callback?code=")
    assert "state" not in page.answer
    tokens = shop.exchange(page.code, redirect_uri=None)
    assert tokens.status_code == 200
    assert tokens.json()["scope"] == "read write"


@pytest.mark.spec("RFC 6749 §3.1", "RFC 6749 §3.1.1", "RFC 6749 §4.1.2.1")
@pytest.mark.parametrize("left_out", ["", None])
def test_response_type_is_required(john: Browser, shop: ClientApp, left_out: str | None) -> None:
    assert refused(john, shop.authorize_path(response_type=left_out))["error"] == "invalid_request"


@pytest.mark.spec("RFC 6749 §3.1")
def test_unknown_parameters_of_an_authorization_request_are_ignored(
    john: Browser, eve: Browser, shop: ClientApp
) -> None:
    slug = next(iter(eve.user.organizers))
    names = ("user", "organizers", "client", "scopes", "repeated", "redirect_uri_given", "_params", "body", "headers")
    sent = "".join(f"&{name}={slug}&{name}=again" for name in names)
    page = john.open(shop.authorize_path(scope="read") + sent)
    assert page.choices() == {"Big Events LLC": False, "Small Shows": False}
    tokens = shop.exchange(john.allow(page, "Small Shows").code).json()
    assert shop.me(tokens["access_token"]).json()["email"] == john.user.email
    assert [found["name"] for found in shop.organizers(tokens["access_token"]).json()["results"]] == ["Small Shows"]
    assert tokens["scope"] == "read"


@pytest.mark.spec("RFC 6749 §3.1.1")
@pytest.mark.parametrize("response_type", ["token", "code token", "token code", "xcode", "Code", "code ", "id_token"])
def test_response_type_other_than_code_is_refused(john: Browser, shop: ClientApp, response_type: str) -> None:
    answer = refused(john, shop.authorize_path(response_type=response_type))
    assert answer["error"] == "unsupported_response_type"


@pytest.mark.spec("RFC 6749 §4.1.2", "RFC 9700 §4.3.1")
@pytest.mark.parametrize("mode", ["fragment", "form_post", "query.jwt", "QUERY", "query fragment", " "])
def test_response_mode_other_than_query_is_refused_by_query(john: Browser, shop: ClientApp, mode: str) -> None:
    john.allow(john.open(shop.authorize_path()), "Small Shows")
    answer = refused(john, shop.authorize_path(response_mode=mode))
    assert answer["error"] == "invalid_request"
    assert answer["error_description"] == "response_mode must be query."
    assert (answer["state"], answer["iss"]) == ("xyz", john.base_url)


@pytest.mark.spec("RFC 6749 §4.1.2")
@pytest.mark.parametrize("mode", ["query", ""])
def test_response_mode_query_is_the_default(john: Browser, shop: ClientApp, mode: str) -> None:
    page = john.allow(john.open(shop.authorize_path(response_mode=mode)), "Small Shows")
    assert page.left_to is not None
    assert page.left_to.startswith(shop.redirect_uri + "?code=")


@pytest.mark.spec("RFC 9101 §6", "OpenID Connect Core §6.1")
@pytest.mark.parametrize("left_out", [{}, {"response_type": None, "scope": None, "redirect_uri": None}])
def test_request_object_is_refused_and_not_ignored(
    john: Browser, shop: ClientApp, left_out: dict[str, str | None]
) -> None:
    shop.connect(john, "Small Shows")
    answer = refused(john, shop.authorize_path(request="eyJhbGciOiJub25lIn0.e30.", **left_out))
    assert answer["error"] == "request_not_supported"
    assert "Send each parameter by itself" in answer["error_description"]
    assert answer["state"] == "xyz"
    assert john.open(shop.authorize_path(request="")).code, "an empty parameter counts as missing"


@pytest.mark.spec("RFC 9101 §5.2", "OpenID Connect Core §6.2")
@pytest.mark.parametrize("uri", ["https://shop.example.com/request.jwt", "urn:ietf:params:oauth:request_uri:x"])
def test_request_uri_that_is_not_a_pushed_request_is_refused_and_never_fetched(
    john: Browser, shop: ClientApp, uri: str
) -> None:
    shop.connect(john, "Small Shows")
    page = john.open(shop.authorize_path(request_uri=uri))
    assert (page.status, page.left_to) == (400, None)
    assert "request_uri is unknown" in page.text


@pytest.mark.spec("docs/architecture.md", "RFC 6749 §4.1.2.1")
@pytest.mark.parametrize(
    "scope", ["admin", "read admin", "READ", "read,write", "read  write", " ", "reаd", "\N{SNOWMAN}"]
)
def test_unknown_scope_is_an_invalid_scope(john: Browser, shop: ClientApp, scope: str) -> None:
    answer = refused(john, shop.authorize_path(scope=scope))
    assert answer["error"] == "invalid_scope"
    assert answer["state"] == "xyz"


@pytest.mark.spec("RFC 6749 §4.1.2", "docs/architecture.md")
@pytest.mark.parametrize(
    "state",
    [
        "a b+c&d=e%20#f?/:",
        "ünï✓",
        '"><script>alert(1)</script>',
        "a\nb\r\nc\td",
        "{'x': [1]}",
        " ",
        "0",
        "%ff",
        "s" * 2000,
    ],
)
def test_state_is_returned_byte_for_byte(john: Browser, shop: ClientApp, state: str) -> None:
    page = john.open(shop.authorize_path(state=state))
    answers = [
        john.allow(page, "Small Shows"),
        john.open(shop.authorize_path(state=state)),
        john.press(john.open(shop.authorize_path(state=state, approval_prompt="force")), "Deny"),
        john.open(shop.authorize_path(state=state, scope="admin")),
    ]
    assert [answer.answer["state"] for answer in answers] == [state] * 4
    assert [answer.answer.get("error") for answer in answers] == [None, None, "access_denied", "invalid_scope"]


@pytest.mark.spec("RFC 9207 §2")
def test_every_answer_names_the_issuer_and_keeps_the_redirect_uris_query(john: Browser, shop: ClientApp) -> None:
    asked = shop.authorize_path(redirect_uri=WITH_QUERY)
    for page in (
        john.press(john.open(asked), "Deny"),
        john.allow(john.open(asked), "Small Shows"),
        john.open(asked),
        john.open(asked + "&scope=read"),
    ):
        assert page.left_to is not None
        assert page.left_to.startswith(WITH_QUERY + "&")
        query = parse_qs(urlsplit(page.left_to).query)
        assert query["iss"] == [john.base_url]
        assert query["state"] == ["xyz"]


@pytest.mark.spec("docs/architecture.md")
def test_unknown_approval_prompt_is_an_invalid_request(john: Browser, shop: ClientApp) -> None:
    assert refused(john, shop.authorize_path(approval_prompt="never"))["error"] == "invalid_request"


@pytest.mark.spec("RFC 6749 §3.1", "RFC 6749 §4.1.2.1")
@pytest.mark.parametrize("broken", ["%ff", "%C3%28", "%ED%A0%80", "a%80b"])
@pytest.mark.parametrize("name", ["state", "client_id", "unknown"])
def test_authorization_request_with_an_undecodable_query_is_refused(
    john: Browser, shop: ClientApp, name: str, broken: str
) -> None:
    for browser in (john, Browser(john.base_url)):
        page = browser.open(f"{shop.authorize_path(**{name: None})}&{name}={broken}")
        assert (page.status, page.left_to) == (400, None)
        assert page.title == "This request was refused"


@pytest.mark.spec("RFC 6749 §3.1", "RFC 6749 §4.1.2.1")
@pytest.mark.parametrize("body", [b"\xff", b"csrf_token=%ff", b"a=" + b"&a=" * 10_000, b"%00=%C3%28"])
def test_authorization_request_with_an_undecodable_form_is_refused(john: Browser, shop: ClientApp, body: bytes) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    response = john.http.post(john.base_url + shop.authorize_path(), data=body, headers=headers, allow_redirects=False)
    assert response.status_code in (400, 413)
    assert "Location" not in response.headers


@pytest.mark.spec("RFC 9700 §4.12", "docs/security.md", "RFC 6749 §3.1")
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_other_methods_at_the_authorization_endpoint_get_405_with_an_allow_header(
    john: Browser, shop: ClientApp, method: str
) -> None:
    response = john.http.request(method, john.base_url + shop.authorize_path())
    assert response.status_code == 405
    assert response.headers["Allow"] == "HEAD, GET, POST"


@pytest.mark.spec("RFC 6749 §3.1")
def test_authorization_request_may_be_posted(john: Browser, shop: ClientApp) -> None:
    page = john.send(john.open("/"), "/api/v1/oauth/authorize", dict(shop.parameters()))
    assert page.title == "Authorize A shop?"
    assert john.allow(page, "Big Events LLC").answer["state"] == "xyz"


def test_head_request_makes_no_code(john: Browser, shop: ClientApp) -> None:
    shop.connect(john, "Big Events LLC")
    response = john.http.head(john.base_url + shop.authorize_path(), allow_redirects=False)
    assert response.status_code == 405
    assert "Location" not in response.headers


def test_request_too_long_to_survive_signing_in_is_told_to_be_pushed(base_url: str, shop: ClientApp) -> None:
    page = Browser(base_url).open(shop.authorize_path(state="=" * 2000))
    assert page.status == 400
    assert "The request is too long. Send it as a pushed authorization request (RFC 9126)." in page.text
    assert Browser(base_url).open(shop.authorize_path(state="x" * 2000)).title == "Sign in"


def test_request_too_long_to_be_pushed_is_told_to_shorten_its_state(base_url: str, shop: ClientApp) -> None:
    page = Browser(base_url).open(shop.authorize_path(state="=" * 3000))
    assert page.status == 400
    assert "The request is longer than 8192 characters, URL-encoded. Shorten its state." in page.text
