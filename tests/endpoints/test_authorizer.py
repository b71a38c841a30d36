"""The authorizer for other APIs, called as API Gateway calls it, allows, denies (403) or answers 401."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import limits, settings
from chalicelib.endpoints.api.lambda_authorizer import Unauthorized, authorizer
from chalicelib.models import application_edit, consent, sector
from chalicelib.models.store import StoreUnavailable
from tests.actors import Browser, ClientApp
from tests.conftest import Clock
from tests.request_calls import RequestCalls
from tests.store_proxy import Fault, StoreProxy

pytestmark = pytest.mark.spec("RFC 6750 §3.1")

API = "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/"
OTHER, THIRD = (API.replace("abc123", api) for api in ("other9", "third7"))
TICKETS, MUSIC = "https://tickets.example.com/api", "https://music.example.com/"
Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def ask(base_url: str, request_calls: RequestCalls) -> Ask:
    """Ask the authorizer about a token for a method of another team's API."""

    def made(token: str, method: str = "GET", path: str = "tickets", api: str = API) -> dict[str, Any]:
        event = {"type": "TOKEN", "authorizationToken": f"Bearer {token}", "methodArn": f"{api}{method}/{path}"}
        with request_calls.answering("authorizer"):
            answer: dict[str, Any] = authorizer(event, {})
            return answer

    return made


@pytest.fixture
def rules(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Set the operator's REQUIRED_SCOPES."""

    def made(text: str) -> None:
        parsed = settings.from_environment({"REQUIRED_SCOPES": text}).required_scopes
        monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, required_scopes=parsed))

    return made


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Set the operator's AUTHORIZER_RESOURCES; RESOURCES lists two APIs."""

    def made(text: str) -> None:
        parsed = settings.from_environment({"RESOURCES": f"{TICKETS} {MUSIC}", "AUTHORIZER_RESOURCES": text})
        named: Any = {"resources": parsed.resources, "authorizer_resources": parsed.authorizer_resources}
        monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, **named))

    return made


@pytest.mark.spec("OpenID Connect Core §8")
def test_platforms_api_learns_the_users_own_id_whatever_the_application_knows_them_by(
    ask: Ask, john: Browser, shop: ClientApp
) -> None:
    application_edit.know_users_by(shop.client_id, "shop.example.com", sector.key_of("shop.example.com"), None)
    token = shop.connect(john, "Small Shows")["access_token"]
    assert shop.me(token).json()["sub"] != john.user.user_id
    answer = ask(token)
    assert (answer["principalId"], answer["context"]["user_id"]) == (john.user.user_id, john.user.user_id)


def effect(answer: dict[str, Any]) -> tuple[str, list[str]]:
    (statement,) = answer["policyDocument"]["Statement"]
    assert statement["Action"] == "execute-api:Invoke"
    return statement["Effect"], statement["Resource"]


def test_valid_token_is_allowed_with_its_user_client_scope_and_organizers(
    john: Browser, shop: ClientApp, ask: Ask
) -> None:
    token = shop.connect(john, "Big Events LLC", "Small Shows")["access_token"]
    answer = ask(token, "POST")
    assert effect(answer) == ("Allow", [API + "POST/tickets"])
    assert john.person is not None
    assert answer["principalId"] == john.person.user_id
    assert answer["context"] == {
        "user_id": john.person.user_id,
        "client_id": shop.client_id,
        "scope": "read write",
        "organizers": " ".join(sorted(john.person.organizers)),
        "required_scope": "write",
    }


def test_token_with_too_little_scope_is_denied(john: Browser, shop: ClientApp, ask: Ask) -> None:
    token = shop.connect(john, "Big Events LLC", scope="read")["access_token"]
    assert effect(ask(token, "GET"))[0] == "Allow"
    answer = ask(token, "DELETE")
    assert effect(answer) == ("Deny", [API + "DELETE/tickets"])
    assert answer["context"]["required_scope"] == "write"


@pytest.mark.parametrize("token", ["made-up", "", "lyat_" + "x" * 92])
def test_made_up_or_missing_token_is_unauthorized(ask: Ask, token: str) -> None:
    with pytest.raises(Unauthorized, match=r"^Unauthorized$"):
        ask(token)


def test_ended_token_is_unauthorized_from_the_next_request(
    john: Browser, shop: ClientApp, other_shop: ClientApp, ask: Ask, clock: Clock
) -> None:
    replaced = shop.connect(john, "Big Events LLC")
    shop.refresh(replaced["refresh_token"])
    revoked = shop.connect(john, "Big Events LLC")["access_token"]
    shop.revoke(revoked)
    expired = shop.connect(john, "Big Events LLC")["access_token"]
    ended = other_shop.connect(john, "Big Events LLC")["access_token"]
    consent.end_all(other_shop.client_id)
    for token in (replaced["access_token"], revoked, ended):
        with pytest.raises(Unauthorized):
            ask(token)
    ask(expired)
    clock.advance(86_401)
    with pytest.raises(Unauthorized):
        ask(expired)


@pytest.mark.parametrize(
    ("fault", "code"), [(Fault.INTERNAL_ERROR, "InternalServerError"), (Fault.BAD_CHECKSUM, "CorruptedReply")]
)
def test_store_failure_is_not_a_verdict_on_the_token_and_is_logged(
    john: Browser,
    shop: ClientApp,
    ask: Ask,
    store: StoreProxy,
    caplog: pytest.LogCaptureFixture,
    fault: Fault,
    code: str,
) -> None:
    token = shop.connect(john, "Big Events LLC")["access_token"]
    with store.fault(fault), pytest.raises(StoreUnavailable):
        ask(token)
    assert f'"store_error":"{code}"' in caplog.messages[-1]


def test_authorizer_takes_one_round_trip(john: Browser, shop: ClientApp, ask: Ask, store: StoreProxy) -> None:
    token = shop.connect(john, "Big Events LLC")["access_token"]
    with store.count() as calls:
        ask(token)
    assert [call.operation for call in calls] == ["BatchGetItem"]


def test_use_of_a_token_is_recorded_on_its_grant(john: Browser, shop: ClientApp, ask: Ask, clock: Clock) -> None:
    token = shop.connect(john, "Big Events LLC")["access_token"]
    clock.advance(limits.GRANT_TOUCH_SECONDS + 1)
    assert effect(ask(token))[0] == "Allow"


def test_operators_rules_decide_which_scope_a_route_requires(
    john: Browser, shop: ClientApp, ask: Ask, rules: Callable[[str], None]
) -> None:
    rules("abc123 GET /public* -; abc123 * /tickets write; other9 * /* profile")
    token = shop.connect(john, scope="profile")["access_token"]
    assert effect(ask(token, "GET", "public/shows")) == ("Allow", [API + "GET/public/shows"])
    assert effect(ask(token, "GET", "tickets"))[0] == "Deny"
    assert effect(ask(token, "GET", "forgotten"))[0] == "Deny"  # no rule matches, so access is denied
    assert effect(ask(token, "POST", "anything", OTHER)) == ("Allow", [OTHER + "*/*"])


@pytest.mark.parametrize("path", ["*", "tick?ts", "admin/*/x"])
def test_wildcard_in_a_callers_path_is_denied(john: Browser, shop: ClientApp, ask: Ask, rules: Any, path: str) -> None:
    """In the returned policy, which may be cached, it would also cover paths that require more."""
    rules("* GET /admin* write; * GET /* read")
    token = shop.connect(john, "Big Events LLC", scope="read")["access_token"]
    assert effect(ask(token, "GET", "tickets"))[0] == "Allow"
    assert effect(ask(token, "GET", path))[0] == "Deny"


def test_colon_in_the_path_does_not_move_the_route(
    john: Browser, shop: ClientApp, ask: Ask, rules: Callable[[str], None]
) -> None:
    """The rest of the path looks like the end of an ARN for a route that requires less."""
    rules("abc123 GET /* read; abc123 * /* write")
    token = shop.connect(john, "Big Events LLC", scope="read")["access_token"]
    assert effect(ask(token, "DELETE", "tickets/5:abc123/prod/GET/x")) == (
        "Deny",
        [API + "DELETE/tickets/5:abc123/prod/GET/x"],
    )
    writer = shop.connect(john, "Big Events LLC", scope="write")["access_token"]
    assert effect(ask(writer, "DELETE", "tickets/5:00")) == ("Allow", [API + "DELETE/tickets/5:00"])


@pytest.mark.spec("RFC 8707 §2")
def test_colon_in_the_path_does_not_move_the_audience(
    john: Browser, shop: ClientApp, ask: Ask, serve: Callable[[str], None]
) -> None:
    serve(f"abc123 {TICKETS}; other9 {MUSIC}")
    music = shop.connect(john, "Big Events LLC", resource=MUSIC.rstrip("/"))["access_token"]
    with pytest.raises(Unauthorized):
        ask(music, path="tickets/5:other9/prod/GET/x")
    assert effect(ask(music, path="songs/3:abc123/prod/GET/x", api=OTHER))[0] == "Allow"


@pytest.mark.parametrize(
    "path", ["public/../admin", "public/%2E%2e/admin", "public/%252e./admin", "public%2f..%2fadmin", "/admin"]
)
def test_path_that_could_lead_elsewhere_is_denied(
    john: Browser, shop: ClientApp, ask: Ask, rules: Any, path: str
) -> None:
    rules("* GET /public* -; * GET /admin* write; * GET /* read")
    token = shop.connect(john, "Big Events LLC")["access_token"]
    assert effect(ask(token, "GET", "public/x"))[0] == "Allow"
    assert effect(ask(token, "GET", path))[0] == "Deny"


def test_path_that_matches_two_rules_requires_the_scopes_of_both(
    john: Browser, shop: ClientApp, ask: Ask, rules: Any
) -> None:
    rules("* GET /admin write; * GET /* read")
    reader = shop.connect(john, "Big Events LLC", scope="read")["access_token"]
    for path in ("admin", "admin/", "%61dmin", "admin;x=1"):
        assert effect(ask(reader, "GET", path))[0] == "Deny", path
    both = shop.connect(john, "Big Events LLC")["access_token"]
    answer = ask(both, "GET", "admin/")
    assert effect(answer) == ("Allow", [API + "GET/admin/"])
    assert answer["context"]["required_scope"] == "read write"


@pytest.mark.parametrize("text", ["GET /x read", "* GET x read", "* GET /a*b read", "* GET /x read write"])
def test_invalid_required_scopes_rule_is_refused_when_the_function_starts(text: str) -> None:
    with pytest.raises(settings.SettingsError, match="REQUIRED_SCOPES"):
        settings.from_environment({"REQUIRED_SCOPES": text})


@pytest.mark.spec("RFC 8707 §2")
def test_token_for_one_resource_is_accepted_only_at_its_api(
    john: Browser, shop: ClientApp, ask: Ask, serve: Callable[[str], None]
) -> None:
    serve(f"abc123 {TICKETS}; other9 {MUSIC}")
    tickets = shop.connect(john, "Big Events LLC", resource=TICKETS)["access_token"]
    music = shop.connect(john, "Big Events LLC", resource=MUSIC.rstrip("/"))["access_token"]
    assert effect(ask(tickets, "POST")) == ("Allow", [API + "POST/tickets"])
    assert effect(ask(music, api=OTHER))[0] == "Allow"
    assert (ask(tickets)["context"]["resource"], ask(music, api=OTHER)["context"]["resource"]) == (TICKETS, MUSIC)
    for token, api in ((tickets, OTHER), (tickets, THIRD), (music, API), (music, THIRD)):
        with pytest.raises(Unauthorized):
            ask(token, api=api)


@pytest.mark.spec("RFC 8707 §2")
def test_authorizer_accepts_a_token_whichever_way_its_client_spelled_the_resource(
    john: Browser, shop: ClientApp, ask: Ask, serve: Callable[[str], None]
) -> None:
    serve(f"abc123 {TICKETS}; other9 {MUSIC}")
    for spelling in (TICKETS + "/", "https://TICKETS.example.com:443/api"):
        tickets = shop.connect(john, "Big Events LLC", resource=spelling)["access_token"]
        assert effect(ask(tickets))[0] == "Allow"
        with pytest.raises(Unauthorized):
            ask(tickets, api=OTHER)


@pytest.mark.spec("RFC 8707 §2")
def test_token_for_lanyards_own_api_is_accepted_at_no_other(
    john: Browser, shop: ClientApp, ask: Ask, serve: Callable[[str], None]
) -> None:
    serve(f"abc123 {TICKETS}")
    token = shop.connect(john, "Big Events LLC", resource=shop.base_url)["access_token"]
    for api in (API, THIRD):
        with pytest.raises(Unauthorized):
            ask(token, api=api)


@pytest.mark.spec("RFC 8707 §2")
def test_token_without_a_resource_is_accepted_at_every_api(
    john: Browser, shop: ClientApp, ask: Ask, serve: Callable[[str], None]
) -> None:
    serve(f"abc123 {TICKETS}; other9 {MUSIC}")
    token = shop.connect(john, "Big Events LLC")["access_token"]
    for api in (API, OTHER, THIRD):
        answer = ask(token, api=api)
        assert effect(answer)[0] == "Allow"
        assert "resource" not in answer["context"], "so an API can insist on tokens for it"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (TICKETS, "takes pairs like `abc123 https://api.example.com`, separated by ;"),
        (f"abc123 {TICKETS} {MUSIC}", "takes pairs like"),
        (f"abc123 {TICKETS}, other9 {MUSIC}", "takes pairs like"),
        (f"* {TICKETS}", "must name each API by its id"),
        (f"abc123 {TICKETS}; abc123 {MUSIC}", "names the API abc123 twice"),
        ("abc123 https://unknown.example.com", "which RESOURCES does not: list it there too"),
        (f"abc123 {TICKETS}/", "which RESOURCES does not: list it there too"),
    ],
)
def test_invalid_authorizer_resource_is_refused_when_the_function_starts(text: str, problem: str) -> None:
    with pytest.raises(settings.SettingsError, match=f"^AUTHORIZER_RESOURCES .*{re.escape(problem)}.*$"):
        settings.from_environment({"RESOURCES": f"{TICKETS} {MUSIC}", "AUTHORIZER_RESOURCES": text})
