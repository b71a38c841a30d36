"""The template of `make package` is complete, and missing parts are found, which no local AWS would notice."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from samtranslator.translator.managed_policy_translator import ManagedPolicyLoader
from samtranslator.translator.transform import transform

from infra.deployment import package, template_checks, templates

Template = dict[str, Any]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """The template that Chalice makes, with infra/api.yaml and infra/tables.yaml merged in."""
    folder = tmp_path_factory.mktemp("template")
    merge = folder / "merge.json"
    merge.write_text(json.dumps(templates.whole()), encoding="utf-8")
    package.chalice("package", "--stage", "prod", "--merge-template", str(merge), str(folder))
    made: Template = json.loads((folder / "sam.json").read_text(encoding="utf-8"))
    return made


def test_template_is_complete_in_what_no_local_aws_checks(template: Template) -> None:
    assert template_checks.problems(template) == []


def test_a_functions_handler_never_moves(template: Template) -> None:
    """`chalice deploy` does not change the handler of a function that exists, and its old module would be gone."""
    handlers = {name: properties(template, name)["Handler"] for name in ("APIHandler", "Authorizer")}
    assert handlers == {"APIHandler": "app.app", "Authorizer": "chalicelib.endpoints.authorizer.authorizer"}


def properties(template: Template, name: str) -> dict[str, Any]:
    found: dict[str, Any] = template["Resources"][name]["Properties"]
    return found


def paths(template: Template) -> dict[str, Any]:
    found: dict[str, Any] = properties(template, "RestAPI")["DefinitionBody"]["paths"]
    return found


ALLOWED = "method.response.header.Access-Control-Allow-Headers"
CREDENTIALS = "method.response.header.Access-Control-Allow-Credentials"
BREAKS: dict[str, Callable[[Template], Any]] = {
    "TTLs": lambda template: properties(template, "AccessTokens").pop("TimeToLiveSpecification"),
    "PointInTimeRecovery": lambda template: properties(template, "Grants").pop("PointInTimeRecoverySpecification"),
    "SSESpecification": lambda template: properties(template, "Users").pop("SSESpecification"),
    "DeletionProtection": lambda template: properties(template, "Users").update(DeletionProtectionEnabled=False),
    "deleted with": lambda template: template["Resources"]["Users"].pop("DeletionPolicy"),
    "not throttled": lambda template: properties(template, "RestAPI").pop("MethodSettings"),
    "second stage": lambda template: properties(template, "RestAPI").pop("OpenApiVersion"),
    "before its tables": lambda template: template["Resources"]["Authorizer"].pop("DependsOn"),
    "challenge": lambda template: properties(template, "RestAPI")["DefinitionBody"][templates.GATEWAY_RESPONSES][
        "UNAUTHORIZED"
    ]["responseParameters"].pop("gatewayresponse.header.WWW-Authenticate"),
    "binary": lambda template: properties(template, "RestAPI")["DefinitionBody"][
        "x-amazon-apigateway-binary-media-types"
    ].append("*/*"),
    "unknown URLs": lambda template: paths(template).pop("/{proxy+}"),
    "scripts": lambda template: paths(template)["/login"].update(options=paths(template)["/api/v1/me"]["options"]),
    "preflight": lambda template: paths(template)["/api/v1/me"]["options"]["x-amazon-apigateway-integration"][
        "responses"
    ]["default"]["responseParameters"].update({CREDENTIALS: "'true'"}),
    "wrong headers": lambda template: paths(template)["/api/v1/me"]["options"]["x-amazon-apigateway-integration"][
        "responses"
    ]["default"]["responseParameters"].update({ALLOWED: "'Authorization,Content-Type'"}),
    "no preflight": lambda template: paths(template)["/api/v1/oauth/par"].pop("options"),
    "other sites": lambda template: properties(template, "RestAPI")["DefinitionBody"][templates.GATEWAY_RESPONSES][
        "THROTTLED"
    ]["responseParameters"].pop("gatewayresponse.header.Access-Control-Expose-Headers"),
    "longer than API Gateway": lambda template: properties(template, "APIHandler").update(Timeout=60),
    "log group": lambda template: template["Resources"].pop("Logs"),
}


@pytest.mark.parametrize("word", BREAKS)
def test_missing_part_of_the_template_is_found(template: Template, word: str) -> None:
    broken = copy.deepcopy(template)
    BREAKS[word](broken)
    found = template_checks.problems(broken)
    assert len(found) == 1
    assert word.lower() in found[0].lower()


def test_template_creates_exactly_one_stage(template: Template) -> None:
    """SAM creates an AWS::ApiGateway::Stage, and a deployment may also name one."""
    uploaded = json.loads(json.dumps(template).replace("./deployment.zip", "s3://bucket/deployment.zip"))
    made = transform(uploaded, {}, ManagedPolicyLoader(None))["Resources"].values()
    stages = [one["Properties"]["StageName"] for one in made if one["Type"] == "AWS::ApiGateway::Stage"]
    besides = [one["Properties"].get("StageName") for one in made if one["Type"] == "AWS::ApiGateway::Deployment"]
    assert (stages, besides) == (["api"], [None])


def test_gateway_alarm_uses_the_name_of_the_api(template: Template) -> None:
    api = properties(template, "RestAPI")
    of_alarm = {one["Name"]: one["Value"] for one in properties(template, "GatewayErrorsAlarm")["Dimensions"]}
    assert of_alarm["ApiName"] == api["Name"] == api["DefinitionBody"]["info"]["title"]


def test_surroundings_stack_takes_the_names_of_the_deployed_api_as_parameters() -> None:
    template = templates.surroundings()
    assert set(templates.CHALICE_RESOURCES) <= set(template["Parameters"])
    assert not set(templates.CHALICE_RESOURCES) & set(template["Resources"])
    assert "RestAPI.Stage" not in json.dumps(template)


def test_unknown_deployment_parameter_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / "parameters").mkdir()
    (tmp_path / "parameters" / "prod.json").write_text('{"Throttle": 5}', encoding="utf-8")
    monkeypatch.setattr(templates, "INFRA", tmp_path)
    monkeypatch.setattr(templates, "ROOT", tmp_path)
    monkeypatch.setattr(templates, "whole", lambda _: {"Parameters": {"Stage": {}}})
    with pytest.raises(templates.NotDeployable, match="there is no parameter Throttle"):
        templates.parameters("prod", {"Parameters": {"Stage": {}}})


def test_missing_region_error_says_how_to_set_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(templates.NotDeployable, match="AWS_DEFAULT_REGION="):
        package.chalice("package")


def test_cloudfront_restores_the_name_of_the_challenge_header() -> None:
    source = templates.read("edge")["Resources"]["RestoreChallenge"]["Properties"]["Code"]["ZipFile"]
    module: dict[str, Any] = {}
    exec(source, module)
    kind = [{"key": "Content-Type", "value": "application/json"}]

    def answer(**headers: str) -> Template:
        response = {"status": "401", "headers": {"content-type": kind}}
        response["headers"] |= {name: [{"key": name, "value": value}] for name, value in headers.items()}  # type: ignore[operator]
        returned: Template = module["handler"]({"Records": [{"cf": {"response": response}}]}, None)
        return returned

    restored = {"key": "WWW-Authenticate", "value": "Bearer"}
    assert answer(**{"x-amzn-remapped-www-authenticate": "Bearer"}) == {
        "status": "401",
        "headers": {"content-type": kind, "www-authenticate": [restored]},
    }
    assert answer() == {"status": "401", "headers": {"content-type": kind}}
