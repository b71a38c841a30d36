"""An HTTP API whose own JWT authorizer checks signed tokens: examples/protected_api/http_api.yaml on a local AWS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from chalice.package import YAMLTemplateSerializer
from joserfc import jwt
from joserfc.jwk import RSAKey

from infra.laptop.ministack import REGION
from tests import local_aws
from tests.actors import Browser, ClientApp
from tests.dpop import prove
from tests.local_aws import LocalAws
from tests.signed_tokens.conftest import DOOR, TILL, connected, read

pytestmark = [pytest.mark.spec("docs/other-apis.md", "RFC 9068 §4"), pytest.mark.usefixtures("signs")]
TEMPLATE = Path(__file__).resolve().parents[2] / "examples" / "protected_api" / "http_api.yaml"
Call = Callable[..., requests.Response]


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with local_aws.running(tmp_path_factory.mktemp("http-api")) as made:
        yield made


@pytest.fixture
def call(aws: LocalAws, base_url: str) -> Iterator[Call]:
    """Deploy the API and call it with a token. Its keys and this provider are new for each test, and so is its name."""
    formation: Any = boto3.client("cloudformation", region_name=REGION, endpoint_url=aws.url)
    name = f"http-api-{base_url.rpartition(':')[2]}"
    given = {"Issuer": base_url, "Audience": DOOR, "Scope": "scan"}
    parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()]
    formation.create_stack(StackName=name, TemplateBody=TEMPLATE.read_text("utf-8"), Parameters=parameters)
    formation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    (stack,) = formation.describe_stacks(StackName=name)["Stacks"]
    api = next(output["OutputValue"] for output in stack["Outputs"] if output["OutputKey"] == "ApiId")

    def made(token: str | None, slug: str) -> requests.Response:
        headers = {"Host": f"{api}.execute-api.localhost", **({"Authorization": f"Bearer {token}"} if token else {})}
        return requests.get(f"{aws.url}/organizers/{slug}/tickets", headers=headers, timeout=30)

    yield made
    formation.delete_stack(StackName=name)


def slug_of(browser: Browser, name: str) -> str:
    return next(slug for slug, found in browser.user.organizers.items() if found == name)


def test_gateway_takes_our_tokens_and_the_function_checks_the_rest(john: Browser, shop: ClientApp, call: Call) -> None:
    big, small = slug_of(john, "Big Events LLC"), slug_of(john, "Small Shows")
    token = connected(shop, john)["access_token"]
    answer = call(token, big)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"tickets": [], "organizer": big, "for": john.user.user_id, "through": shop.client_id}
    assert call(token, small).json()["error"] == "access_denied"
    assert call(None, big).status_code == 401
    found = read(shop.base_url, token)
    forged = jwt.encode(found.header, found.claims, RSAKey.generate_key(2048))
    assert call(forged, big).status_code == 401
    assert call(connected(shop, john, scope="list")["access_token"], big).status_code == 403
    assert call(connected(shop, john, resource=TILL, scope="list")["access_token"], big).status_code == 401
    prove(shop)
    bound = connected(shop, john)["access_token"]
    assert (call(bound, big).status_code, call(bound, big).json()["error"]) == (401, "invalid_token")


def test_function_reads_lists_as_api_gateway_writes_them() -> None:
    """On AWS every claim is text; here a list stays a list."""
    template = YAMLTemplateSerializer().load_template(TEMPLATE.read_text("utf-8"), TEMPLATE.name)
    source = template["Resources"]["Function"]["Properties"]["Code"]["ZipFile"]
    made: dict[str, Any] = {}
    exec(compile(source, "index.py", "exec"), made)

    def status(slug: str, **claims: str) -> int:
        given = {"sub": "u", "client_id": "c", "organizers": "[big small]", **claims}
        event = {"pathParameters": {"slug": slug}, "requestContext": {"authorizer": {"jwt": {"claims": given}}}}
        return int(made["handler"](event, None)["statusCode"])

    assert (status("big"), status("small"), status("other"), status("big small")) == (200, 200, 403, 403)
    assert status("big", organizers="[]") == 403
    assert status("", organizers="[]") == 403
    assert status("big", cnf="map[jkt:x]") == 401
