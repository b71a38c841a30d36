"""A route of another API requires the same scopes however its caller writes the path."""

from __future__ import annotations

import pytest

from chalicelib import environment
from chalicelib.protocol.rules import required_scopes
from chalicelib.protocol.rules.required_scopes import Requirement

pytestmark = pytest.mark.spec("RFC 6750 §3.1")

API = "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/"
RULES = "* GET /public* -; * GET /admin* write; * * /exact profile; * * /* read"


def asked(path: str, method: str = "GET", rules: str = RULES) -> Requirement | None:
    route = required_scopes.read_arn(f"{API}{method}{path}")
    assert (route.prefix, route.api, route.method, route.path) == (API, "abc123", method, path)
    return required_scopes.requirement(route, environment.required_scopes(rules))


@pytest.mark.parametrize(
    ("path", "scopes"),
    [
        ("/", {"read"}),
        ("/public/shows", set()),
        ("/admin", {"write"}),
        ("/exact", {"profile"}),
        ("/tickets/", {"read"}),
        ("/tickets/5:abc123/prod/GET/public", {"read"}),
        ("/arn:aws:execute-api:eu-central-1:123456789012:other9/prod/GET/public", {"read"}),
        ("/.well-known/x", {"read"}),
        ("/a...b/..c", {"read"}),
        ("/caf%C3%A9/%20/100%25", {"read"}),
        ("/café", {"read"}),
        ("/a;b=1/c", {"read"}),
    ],
)
def test_ordinary_path_requires_the_scopes_of_its_rule(path: str, scopes: set[str]) -> None:
    found = asked(path)
    assert found is not None
    assert found.scopes == scopes
    assert found.resource == f"{API}GET{path}"


@pytest.mark.parametrize(
    ("path", "scopes"),
    [
        ("/%61dmin", {"write", "read"}),
        ("/%70ublic", {"read"}),
        ("/exact/", {"profile", "read"}),
        ("/exact;x=1", {"profile", "read"}),
        ("/e%78act;x/", {"profile", "read"}),
        ("/admin;/x", {"write"}),
    ],
)
def test_path_with_two_readings_requires_the_scopes_of_both(path: str, scopes: set[str]) -> None:
    found = asked(path)
    assert found is not None
    assert found.scopes == scopes


@pytest.mark.parametrize(
    "path",
    [
        "/public/../admin",
        "/public/..",
        "/public/.",
        "/./admin",
        "/public/%2e%2e/admin",
        "/public/%2E./admin",
        "/public/.%2e",
        "/public/%252e%252e/admin",
        "/public/%25252e%25252e/admin",
        "/public/..;x/admin",
        "/public/..%3bx/admin",
        "/public/..%2fadmin",
        "/public%2F..%2Fadmin",
        "/public%2fadmin",
        "/public%252fadmin",
        "/public/..\\admin",
        "/public/..%5cadmin",
        "/public%5Cadmin",
        "//admin",
        "/public//admin",
        "/;x/admin",
        "/tickets//",
        "//",
        "/public/%c0%ae%c0%ae/admin",
        "/exact%3fx",
        "/exact%23x",
        "/exact#x",
        "/exact%00",
        "/exact%0a",
        "/exact\x7f",
        "/*",
        "/tick?ts",
        "/tick%2a",
        "/${*}",
        "/$%7B*}",
    ],
)
def test_path_that_could_lead_elsewhere_matches_no_rule(path: str) -> None:
    assert asked(path) is None
    assert asked(path, rules="* * /* -") is None


@pytest.mark.parametrize(
    ("rules", "resource"),
    [
        ("* * /* read", "*/*"),
        ("abc123 GET /* read; * * /* write", "GET/*"),
        ("other9 GET /public* -; * GET /* read", "GET/*"),
        ("* GET /tickets* read; * * /* write", "GET/tickets/5"),
        ("* POST /* write; * GET /* read", "GET/tickets/5"),
    ],
)
def test_policy_covers_more_than_its_route_only_if_the_first_rule_covers_every_path(rules: str, resource: str) -> None:
    """A cached policy decides about paths that nobody has checked."""
    found = asked("/tickets/5", rules=rules)
    assert found is not None
    assert found.resource == API + resource


def test_route_without_a_matching_rule_is_refused() -> None:
    assert asked("/tickets", rules="* GET /public* -; other9 * /* read; * POST /* read") is None
    assert asked("/public/", rules="* GET /public/* -") is None, "a gateway serves /public at this path"


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "tickets",
        "arn:aws:execute-api:eu-central-1:123456789012",
        "arn:aws:execute-api:eu-central-1:123456789012:abc123",
        "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod",
        "arn:aws:execute-api:eu-central-1:123456789012:/prod/GET/",
        "arn:aws:lambda:eu-central-1:123456789012:x:execute-api:abc123/prod/GET/",
        "x:aws:execute-api:eu-central-1:123456789012:abc123/prod/GET/",
    ],
)
def test_value_that_is_not_a_methods_arn_is_refused(arn: str) -> None:
    with pytest.raises(ValueError, match="not the ARN of a method"):
        required_scopes.read_arn(arn)


def test_method_at_the_root_has_the_path_slash() -> None:
    assert required_scopes.read_arn(API + "GET").path == "/"
    assert required_scopes.read_arn(API + "GET/").path == "/"
