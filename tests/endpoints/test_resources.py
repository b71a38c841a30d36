"""A valid bearer token gives access to the API, and an invalid one is refused as RFC 6750 says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.request import parse_http_list, parse_keqv_list

import pytest

from chalicelib import credentials
from chalicelib.credentials import Kind
from tests.actors import Browser, ClientApp
from tests.store_proxy import StoreProxy

PATHS = ["/api/v1/me", "/api/v1/organizers/", "/api/v1/organizers/some-org/"]
METADATA = "/.well-known/oauth-protected-resource"


@pytest.fixture
def tokens(john: Browser, shop: ClientApp) -> dict[str, Any]:
    return shop.connect(john, "Big Events LLC")


@pytest.mark.spec("RFC 6750 §3.1", "RFC 6750 §3")
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("header", [None, "", "Basic eDp5"])
def test_request_without_a_token_gets_a_challenge_without_an_error(
    base_url: str, shop: ClientApp, path: str, header: str | None
) -> None:
    headers = {} if header is None else {"Authorization": header}
    refused = shop.http.get(base_url + path, headers=headers)
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == f'Bearer resource_metadata="{base_url}{METADATA}"'
    assert refused.headers["Cache-Control"] == "no-store"


@pytest.mark.spec("RFC 6750 §3.1")
@pytest.mark.parametrize("path", PATHS)
def test_invalid_token_gets_invalid_token(shop: ClientApp, tokens: dict[str, Any], path: str) -> None:
    token = tokens["access_token"]
    for bad in (
        "x",
        token[:-1],
        token + "x",
        token.swapcase(),
        token + "=",
        tokens["refresh_token"],
        tokens["refresh_token"].replace("lyrt_", "lyat_"),
        shop.secret,
        credentials.mint(Kind.ACCESS_TOKEN, token[5:48]),
        credentials.mint(Kind.ACCESS_TOKEN, credentials.new_id() * 2 + credentials.new_serial()),
    ):
        refused = shop.call(path, bad)
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_token")
        assert refused.headers["WWW-Authenticate"].startswith('Bearer realm="Lanyard", error="invalid_token"')
        assert bad not in refused.text + str(refused.headers) or len(bad) == 1
    assert shop.me(token).status_code == 200


@pytest.mark.spec("RFC 9728 §5.1")
@pytest.mark.parametrize("path", PATHS)
def test_every_challenge_leads_to_the_metadata_of_the_resource(john: Browser, shop: ClientApp, path: str) -> None:
    """A client that starts with nothing but the address of the API finds the provider."""
    token = shop.connect(john, scope="profile")["access_token"]
    challenged = [shop.call(path, None), shop.call(path, "x"), shop.call(path, "a b")]
    challenged += [shop.call(path, token)] if "organizers" in path else []
    assert [answer.status_code for answer in challenged] == [401, 401, 400, 403][: len(challenged)]
    for answer in challenged:
        parameters = parse_keqv_list(parse_http_list(answer.headers["WWW-Authenticate"].removeprefix("Bearer ")))
        assert parameters["resource_metadata"] == shop.base_url + METADATA
        described = shop.http.get(parameters["resource_metadata"]).json()
        assert described["resource"] == shop.base_url
        assert described["authorization_servers"] == [shop.base_url]


@pytest.mark.spec("RFC 6750 §3.1")
def test_mistyped_token_costs_no_read(shop: ClientApp, tokens: dict[str, Any], store: StoreProxy) -> None:
    with store.count() as calls:
        assert shop.me(tokens["access_token"][:-2] + "00").status_code == 401
    assert calls == []


@pytest.mark.spec("RFC 6750 §3.1")
@pytest.mark.parametrize("value", ["Bearer", "Bearer ", "Bearer a b", "Bearer a,b", "Bearer a, Bearer b"])
def test_malformed_authorization_header_is_an_invalid_request(shop: ClientApp, value: str) -> None:
    refused = shop.http.get(shop.base_url + "/api/v1/me", headers={"Authorization": value})
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")


@pytest.mark.spec("RFC 6750 §3.1", "RFC 9110 §5.6.3")
def test_only_spaces_and_tabs_may_follow_a_token(shop: ClientApp, tokens: dict[str, Any]) -> None:
    def status(value: str) -> int:
        return shop.http.get(shop.base_url + "/api/v1/me", headers={"Authorization": value}).status_code

    bearer = f"Bearer {tokens['access_token']}"
    assert status(f"{bearer} \t") == 200
    assert status(f"{bearer}\xa0") == 400


@pytest.mark.spec("RFC 6750 §3.1", "RFC 7235 §2.1")
@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
def test_bearer_scheme_is_case_insensitive(shop: ClientApp, tokens: dict[str, Any], scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {tokens['access_token']}"}
    assert shop.http.get(shop.base_url + "/api/v1/me", headers=headers).status_code == 200


@pytest.mark.spec("RFC 6750 §3.1")
@pytest.mark.parametrize(
    ("scope", "missing", "method", "one"),
    [
        ("profile", "read", "GET", False),
        ("profile", "read", "GET", True),
        ("profile", "write", "PATCH", True),
        ("write", "read", "GET", False),
        ("write", "read", "GET", True),
        ("read", "write", "PATCH", True),
    ],
)
def test_token_with_too_little_scope_gets_403_and_the_missing_scope(
    john: Browser, shop: ClientApp, scope: str, missing: str, method: str, one: bool
) -> None:
    assert john.person
    organizers = [] if scope == "profile" else ["Big Events LLC"]
    token = shop.connect(john, *organizers, scope=scope)["access_token"]
    path = f"/api/v1/organizers/{next(iter(john.person.organizers))}/" if one else "/api/v1/organizers/"
    refused = shop.call(path, token, method, json={"name": "Mine"})
    assert (refused.status_code, refused.json()["error"]) == (403, "insufficient_scope")
    assert 'error="insufficient_scope"' in refused.headers["WWW-Authenticate"]
    assert f'scope="{missing}"' in refused.headers["WWW-Authenticate"]
    asked = " ".join(name for name in ("read", "write", "profile") if name in (scope, missing))
    assert refused.json()["error_description"] == (
        f"This requires the scope {missing}. Request it with the others: {asked}."
    )
    assert shop.me(token).status_code == 200


@pytest.mark.spec("RFC 6750 §2.3", "RFC 6750 §2.2")
@pytest.mark.parametrize("path", PATHS)
def test_token_in_the_query_or_in_a_form_is_not_accepted(shop: ClientApp, tokens: dict[str, Any], path: str) -> None:
    sent = {"access_token": tokens["access_token"]}
    for answer in (
        shop.call(path, None, params=sent),
        shop.call(path, None, data=sent),
        shop.call(path, None, "PATCH", data=sent),
        shop.call(path, None, "POST", data=sent),
    ):
        assert answer.status_code in (401, 405)
        assert "error=" not in answer.headers.get("WWW-Authenticate", "")
        assert "email" not in answer.text


@pytest.mark.spec("RFC 6750 §3.1")
def test_nonexistent_organizer_gets_the_same_answer_as_an_inaccessible_one(
    eve: Browser, shop: ClientApp, tokens: dict[str, Any]
) -> None:
    assert eve.person
    hers = shop.call(f"/api/v1/organizers/{next(iter(eve.person.organizers))}/", tokens["access_token"])
    nobodys = shop.call("/api/v1/organizers/never-was/", tokens["access_token"])
    assert hers.status_code == nobodys.status_code == 403
    assert hers.json() == nobodys.json()


@pytest.mark.spec("docs/architecture.md", "RFC 6749 §4.1")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"{}",
        b'{"name": ""}',
        b'{"name": "  "}',
        b'{"name": 1}',
        b'{"name": null}',
        b'{"name": "A", "slug": "b"}',
        b'{"name": "\\ud800"}',
        b'{"name": "a\\u0000"}',
        b"\xff",
        b"[" * 16_000,
        b'{"name": "' + b"x" * 256 + b'"}',
    ],
    ids=lambda body: repr(body[:30]),
)
def test_invalid_change_of_an_organizer_is_an_invalid_request(
    john: Browser, shop: ClientApp, tokens: dict[str, Any], body: bytes
) -> None:
    assert john.person
    path = f"/api/v1/organizers/{next(iter(john.person.organizers))}/"
    refused = shop.call(path, tokens["access_token"], "PATCH", data=body)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert shop.call(path, tokens["access_token"]).json()["name"] == "Big Events LLC"


@pytest.mark.spec("docs/architecture.md", "RFC 6749 §4.1")
def test_organizers_are_listed_page_by_page(a_browser: Callable[..., Browser], shop: ClientApp) -> None:
    names = [f"Org {number}" for number in range(5)]
    token = shop.connect(a_browser(*names), *names)["access_token"]
    seen, address = [], f"{shop.base_url}/api/v1/organizers/?page_size=2"
    while address:
        page = shop.call(address.removeprefix(shop.base_url), token).json()
        assert page["count"] == 5
        seen += [one["name"] for one in page["results"]]
        address = page["next"]
    assert seen == names
    assert shop.organizers(token, page=4, page_size=2).status_code == 404
    assert len(shop.organizers(token, page_size=1000).json()["results"]) == 5


@pytest.mark.spec("docs/architecture.md", "RFC 6749 §4.1")
@pytest.mark.parametrize("page", ["0", "-1", "x", "1.5", "²", "9" * 30, "1" * 5000])
def test_invalid_page_number_is_an_invalid_request(shop: ClientApp, tokens: dict[str, Any], page: str) -> None:
    refused = shop.organizers(tokens["access_token"], page=page)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
