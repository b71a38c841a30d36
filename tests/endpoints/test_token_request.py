"""The token endpoint accepts only well-formed POST forms, and answers in JSON that is never stored."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.actors import Browser, ClientApp

TOKEN = "/api/v1/oauth/token"
REVOKE = "/api/v1/oauth/revoke_token"


def ask(shop: ClientApp, method: str = "POST", path: str = TOKEN, **more: Any) -> requests.Response:
    return shop.http.request(method, shop.base_url + path, auth=(shop.client_id, shop.secret), **more)


def error_of(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


@pytest.mark.spec("RFC 6749 §3.2")
@pytest.mark.parametrize("path", [TOKEN, REVOKE])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
def test_other_methods_at_the_token_endpoints_get_405_with_an_allow_header(
    shop: ClientApp, method: str, path: str
) -> None:
    refused = ask(shop, method, path)
    assert refused.status_code == 405
    assert refused.headers["Allow"] == "POST"
    assert refused.headers["Cache-Control"] == "no-store"


@pytest.mark.spec("RFC 6749 §3.2")
@pytest.mark.parametrize("path", [TOKEN, REVOKE])
@pytest.mark.parametrize(
    "sent",
    [
        {"json": {"grant_type": "refresh_token", "refresh_token": "x", "token": "x"}},
        {"data": "grant_type=refresh_token&refresh_token=x&token=x", "headers": {"Content-Type": "text/plain"}},
        {"data": b"grant_type=refresh_token&refresh_token=x&token=x", "headers": {}},
        {"files": {"grant_type": (None, "refresh_token"), "refresh_token": (None, "x"), "token": (None, "x")}},
        {"data": "grant_type=x&token=x", "headers": {"Content-Type": "application/x-www-form-urlencoded\xa0"}},
    ],
    ids=["json", "text", "no type", "multipart", "a blank that is none in HTTP"],
)
def test_request_body_that_is_not_a_form_is_refused(shop: ClientApp, path: str, sent: dict[str, Any]) -> None:
    assert error_of(ask(shop, path=path, **sent)) == (400, "invalid_request")


@pytest.mark.spec("RFC 6749 §3.2")
def test_form_with_a_charset_is_accepted(john: Browser, shop: ClientApp) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    body = f"grant_type=refresh_token&refresh_token={tokens['refresh_token']}"
    headers = {"Content-Type": "Application/X-WWW-Form-URLencoded; charset=UTF-8"}
    assert ask(shop, data=body, headers=headers).status_code == 200


@pytest.mark.spec("RFC 6749 §3.2", "RFC 6749 §2.3.1")
@pytest.mark.parametrize("in_query", ["client_secret", "client_id", "refresh_token", "grant_type"])
def test_parameters_in_the_query_are_ignored(john: Browser, shop: ClientApp, in_query: str) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    query = {"client_id": shop.client_id, "client_secret": shop.secret, **form}[in_query]
    form.pop(in_query, None)
    assert error_of(ask(shop, data=form, params={in_query: query})) == (400, "invalid_request")
    assert shop.me(tokens["access_token"]).status_code == 200


@pytest.mark.spec("RFC 6749 §5.1", "RFC 6749 §5.2")
def test_every_answer_is_json_that_is_never_stored(john: Browser, shop: ClientApp) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    answers = {
        200: shop.refresh(tokens["refresh_token"]),
        400: shop.refresh("unknown"),
        401: shop.refresh("unknown", auth=(shop.client_id, "wrong")),
        405: ask(shop, "GET"),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Pragma"] == "no-cache"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert isinstance(answer.json(), dict)
    assert shop.revoke("unknown").headers["Cache-Control"] == "no-store"
    assert shop.revoke("unknown").headers["Pragma"] == "no-cache"


@pytest.mark.spec("RFC 6749 §5.2", "RFC 9700 §2.4")
@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": ""}, "invalid_request"),
        ({"refresh_token": "x"}, "invalid_request"),
        ({"grant_type": "authorization_code"}, "invalid_request"),
        ({"grant_type": "authorization_code", "code": ""}, "invalid_request"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": ""}, "invalid_request"),
        ({"grant_type": "password", "username": "john@example.org", "password": "x"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, "unauthorized_client"),  # the operator allowed it no access of its own
        ({"grant_type": "implicit"}, "unsupported_grant_type"),
        ({"grant_type": "openid", "code": "x"}, "unsupported_grant_type"),
        ({"grant_type": "Refresh_Token", "refresh_token": "x"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token ", "refresh_token": "x"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": "\0"}, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": "lyrt_" + "ä" * 92}, "invalid_grant"),
        ({"grant_type": "authorization_code", "code": "x"}, "invalid_grant"),
    ],
)
def test_each_invalid_request_gets_its_own_error(shop: ClientApp, form: dict[str, str], error: str) -> None:
    answer = ask(shop, data=form or "", headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert error_of(answer) == (400, error)


@pytest.mark.spec("RFC 6749 §3.1", "RFC 6749 §3.2", "CVE-2026-9689")
@pytest.mark.parametrize("first", ["real", "other"])
@pytest.mark.parametrize("name", ["grant_type", "code", "redirect_uri", "client_id", "code_verifier"])
def test_repeated_parameter_is_refused_and_the_code_stays_valid(
    john: Browser, shop: ClientApp, name: str, first: str
) -> None:
    code = john.allow(john.open(shop.authorize_path()), "Big Events LLC").code
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": shop.redirect_uri,
        "client_id": shop.client_id,
    }
    pair = [(name, form.get(name, "a" * 43)), (name, "refresh_token")]
    rest = [(other, value) for other, value in form.items() if other != name]
    assert error_of(ask(shop, data=rest + (pair if first == "real" else pair[::-1]))) == (400, "invalid_request")
    assert shop.exchange(code).status_code == 200


@pytest.mark.spec("RFC 6749 §3.1", "CVE-2026-9689")
@pytest.mark.parametrize("name", ["refresh_token", "scope"])
def test_repeated_parameter_in_a_refresh_is_refused_even_if_both_values_are_the_same(
    john: Browser, shop: ClientApp, name: str
) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    form = [("grant_type", "refresh_token"), ("refresh_token", tokens["refresh_token"]), ("scope", "read")]
    twice = next(pair for pair in form if pair[0] == name)
    assert error_of(ask(shop, data=[*form, twice])) == (400, "invalid_request")
    assert shop.me(tokens["access_token"]).status_code == 200


@pytest.mark.spec("RFC 6749 §3.1", "RFC 6749 §3.2")
def test_unknown_parameters_of_a_token_request_are_ignored(john: Browser, shop: ClientApp) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    strange = dict.fromkeys(("user", "client", "scopes", "organizers", "new_grant_id", "standing_grant"), "x")
    answer = shop.refresh(tokens["refresh_token"], **strange, token="x", http_method="GET", body="x")
    assert answer.status_code == 200
    assert answer.json()["scope"] == "read write"
    assert shop.organizers(answer.json()["access_token"]).json()["count"] == 1


@pytest.mark.spec("RFC 6749 §3.1", "RFC 6749 §4.1.2.1")
@pytest.mark.parametrize("path", [TOKEN, REVOKE])
@pytest.mark.parametrize(
    "body",
    [b"grant_type=%FF%FE&token=%FF", b"grant_type=\xff\xfe", b"a=1&" * 1000, b"grant_type=%ED%A0%80&token=%ED%A0%80"],
)
def test_token_request_with_an_undecodable_form_gets_400(shop: ClientApp, path: str, body: bytes) -> None:
    answer = ask(shop, path=path, data=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert error_of(answer) == (400, "invalid_request")


@pytest.mark.spec("docs/reliability.md")
def test_request_body_over_16_kb_is_refused(shop: ClientApp) -> None:
    assert shop.refresh("x" * 17_000).status_code == 413
