"""Each request writes one log line, and no secret is ever logged, whatever level the operator sets."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from chalice.app import Chalice

from chalicelib import credentials
from tests.actors import Browser, Person
from tests.gateway import Gateway
from tests.store_proxy import Fault, StoreProxy

HERE = "https://connect.example.com"
Flow = Callable[[], set[str]]


@pytest.fixture
def flow(a_person: Callable[..., Person], application: Chalice, store: StoreProxy) -> Flow:
    """Run everything that involves a secret through the gateway, and return all the secrets used."""
    person = a_person("Big Events LLC")
    adapter = Gateway(application, "")

    def run() -> set[str]:
        browser = Browser(HERE, person, adapter=adapter)
        mistyped = credentials.new_serial()
        secrets = {mistyped, person.password, person.email, "state-of-the-shop", "verifier-" + "v" * 40}
        assert browser.sign_in(password=mistyped).status == 401
        assert browser.sign_in().status == 200
        shop = browser.register_application("A shop")
        page = browser.open(shop.authorize_path(state="state-of-the-shop"))
        secrets.add(page.field("csrf_token"))
        code = browser.allow(page, "Big Events LLC").code
        tokens = shop.exchange(code).json()
        refreshed = shop.refresh(tokens["refresh_token"]).json()
        secrets |= {shop.secret, code, tokens["access_token"], tokens["refresh_token"], refreshed["access_token"]}
        live = refreshed["access_token"]
        assert shop.me(live).status_code == 200
        assert shop.organizers(None, access_token=live).status_code == 401
        # Secrets in the wrong places.
        wrong = credentials.mint(credentials.Kind.CLIENT_SECRET)
        secrets.add(wrong)
        assert shop.refresh(live, auth=(shop.client_id, wrong)).status_code == 401
        assert shop.refresh(live, auth=(shop.secret, shop.client_id)).status_code == 401
        assert shop.refresh(live).status_code == 400
        assert shop.exchange(code, grant_type=shop.secret).status_code == 400
        assert shop.exchange("x", code_verifier="verifier-" + "v" * 40).status_code == 400
        assert shop.call("/api/v1/oauth/token", None, "POST", params={"client_secret": shop.secret}).status_code == 400
        assert browser.open("/login", next=f"/?code={code}").status
        assert browser.open(shop.authorize_path(client_id=shop.secret)).status == 400
        with store.fault(Fault.INTERNAL_ERROR):
            assert shop.me(live).status_code == 503
            assert shop.exchange(code).status_code == 503
        assert shop.exchange(code).status_code == 400  # a replay, which ends the grant
        assert shop.revoke(live).status_code == 200
        assert shop.revoke(tokens["refresh_token"]).status_code == 200
        secrets |= {str(cookie.value) for cookie in browser.http.cookies}
        assert browser.sign_out().status == 200
        return {secret for secret in secrets if secret}

    return run


@pytest.fixture
def everything_at_debug(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Make every logger print everything, as an operator looking for an error might."""
    names = ["oauthlib", "pynamodb", "botocore", "boto3", "urllib3"]
    names += [name for name in logging.root.manager.loggerDict if name.startswith(tuple(f"{own}." for own in names))]
    loggers = [logging.getLogger(name) for name in (None, *names)]
    before = [log.level for log in loggers]
    handler = logging.StreamHandler()
    logging.getLogger().addHandler(handler)
    for log in loggers:
        log.setLevel(logging.DEBUG)
    yield
    logging.getLogger().removeHandler(handler)
    for log, level in zip(loggers, before, strict=True):
        log.setLevel(level)


def assert_no_secret(text: str, secrets: set[str]) -> None:
    for secret in secrets:
        for spelling in {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]}:
            assert spelling not in text
    assert not re.search(r"ly(at|rt|ac|cs|ss)_[0-9A-Za-z]", text)


@pytest.mark.spec("docs/operations.md", "DOT #1735")
def test_whole_flow_leaves_no_secret_in_the_log(flow: Flow, capfd: pytest.CaptureFixture[str]) -> None:
    secrets = flow()
    captured = capfd.readouterr()
    assert len(secrets) > 12
    assert "token issued" in captured.out
    assert_no_secret(captured.out + captured.err, secrets)


@pytest.mark.spec("docs/operations.md", "DOT #1735")
@pytest.mark.usefixtures("everything_at_debug")
def test_whole_flow_leaves_no_secret_in_the_log_even_at_debug_level(
    flow: Flow, capfd: pytest.CaptureFixture[str]
) -> None:
    secrets = flow()
    captured = capfd.readouterr()
    logging.getLogger("oauthlib.oauth2").warning("a warning still arrives")
    assert "a warning still arrives" in capfd.readouterr().err
    assert "token issued" in captured.out
    assert_no_secret(captured.out + captured.err, secrets)


@pytest.mark.spec("docs/operations.md")
def test_each_request_writes_one_json_line_that_says_what_happened(
    flow: Flow, application: Chalice, capfd: pytest.CaptureFixture[str]
) -> None:
    flow()
    captured = capfd.readouterr()
    lines: list[dict[str, Any]] = [json.loads(line) for line in captured.out.splitlines()]
    assert captured.err == ""
    assert len({line["request_id"] for line in lines}) == len(lines) > 20
    for line in lines:
        assert line["route"] in application.routes
        assert line["method"] in ("GET", "POST")
        assert line["milliseconds"] >= 0
        assert line["outcome"]
        assert line["client_id"] is None or re.fullmatch("[0-9A-Za-z]{16}|unknown", line["client_id"])
    by_route = {(line["route"], line["status"], line["outcome"]) for line in lines}
    assert by_route >= {
        ("/login", 401, "sign-in failed"),
        ("/login", 303, "signed in"),
        ("/api/v1/oauth/authorize", 303, "allowed"),
        ("/api/v1/oauth/token", 200, "token issued"),
        ("/api/v1/oauth/token", 200, "token refreshed"),
        ("/api/v1/oauth/token", 401, "invalid_client"),
        ("/api/v1/oauth/token", 400, "invalid_grant"),
        ("/api/v1/oauth/token", 503, "temporarily_unavailable"),
        ("/api/v1/oauth/revoke_token", 200, "ok"),
        ("/api/v1/me", 200, "ok"),
        ("/api/v1/me", 503, "temporarily_unavailable"),
        ("/api/v1/organizers", 401, "unauthorized"),
        ("/logout", 303, "signed out"),
    }
    assert any(line.get("security_event") == "code replayed" for line in lines)
    issued = next(line for line in lines if line["outcome"] == "token issued")
    assert issued["client_id"] in {line["client_id"] for line in lines if line["outcome"] == "application registered"}
