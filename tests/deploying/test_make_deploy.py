"""`make deploy` creates the tables, the API and the resources around it, on MiniStack.

MiniStack lacks ImportRestApi, which has a stand-in here; only AWS shows what API Gateway makes of the document.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from samtranslator.translator.managed_policy_translator import ManagedPolicyLoader
from samtranslator.translator.transform import transform

from chalicelib import limits
from infra.deployment import policy, stacks, template_checks, templates
from infra.laptop.ministack import MiniStack, free_port
from tests.aws_front import AwsFront

pytestmark = pytest.mark.usefixtures("_no_credentials_of_the_suite")
ROOT = Path(__file__).resolve().parents[2]
_NOT_COPIED = shutil.ignore_patterns(
    ".venv", ".local", ".git", "__pycache__", ".*_cache", "dist", "deployed", "deployments"
)


class Clone:
    """A copy of the project whose `make deploy` talks to `front`."""

    def __init__(self, folder: Path, front: AwsFront) -> None:
        self.folder = folder
        self.front = front
        shutil.copytree(ROOT, folder, ignore=_NOT_COPIED, dirs_exist_ok=True)

    def deploy(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        ours = ("AWS_", "LANYARD_", "TABLE_PREFIX", "PUBLIC_URL")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        environment |= {
            "AWS_ENDPOINT_URL": self.front.url,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        command = [sys.executable, "-m", "infra.deployment.deploy", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )  # fmt: skip

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.front.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def stacks(self) -> dict[str, str]:
        found = self.client("cloudformation").describe_stacks()["Stacks"]
        return {stack["StackName"]: stack["StackStatus"] for stack in found}


@pytest.fixture
def _no_credentials_of_the_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL_DYNAMODB", raising=False)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    folder = tmp_path_factory.mktemp("deploy")
    ministack = MiniStack(free_port(), log=folder / "ministack.log")
    ministack.wait_until_ready()
    front = AwsFront(ministack.port)
    yield Clone(folder / "clone", front)
    front.stop()
    ministack.stop()


def test_deploy_dry_run_says_what_would_be_created_and_creates_nothing(clone: Clone) -> None:
    ended = clone.deploy("dev", "--dry-run")
    assert ended.returncode == 0, ended.stderr
    assert "The stack lanyard-dev-tables would change:" in ended.stdout
    assert "Add AWS::DynamoDB::Table Grants" in ended.stdout
    _, _, calls = ended.stdout.partition("chalice deploy would call:\n")
    assert "  create_role lanyard-dev-api_handler\n" in calls
    assert "  create_function lanyard-dev-authorizer\n" in calls
    assert "  import_rest_api" in calls
    assert clone.client("dynamodb").list_tables()["TableNames"] == []
    assert clone.client("lambda").list_functions()["Functions"] == []
    assert clone.front.documents == {}
    assert "CREATE_COMPLETE" not in clone.stacks().values()


def test_deploy_creates_tables_functions_the_api_and_the_resources_around_it(clone: Clone) -> None:
    ended = clone.deploy("dev")
    assert ended.returncode == 0, ended.stderr
    assert clone.stacks() == {
        "lanyard-dev-tables": "CREATE_COMPLETE",
        "lanyard-dev-surroundings": "CREATE_COMPLETE",
    }
    tables = clone.client("dynamodb").list_tables()["TableNames"]
    assert len(tables) == len(templates.read("tables")["Resources"])
    assert all(name.startswith("lanyard-dev-") for name in tables)
    functions = {one["FunctionName"]: one for one in clone.client("lambda").list_functions()["Functions"]}
    assert set(functions) == {"lanyard-dev", "lanyard-dev-authorizer"}
    assert functions["lanyard-dev"]["Environment"]["Variables"]["LANYARD_STAGE"] == "dev"
    for function, role in (("api", "lanyard-dev-api_handler"), ("authorizer", "lanyard-dev-authorizer")):
        (name,) = clone.client("iam").list_role_policies(RoleName=role)["PolicyNames"]
        document = clone.client("iam").get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        assert document == policy.document("dev", function)
    ((api, document),) = clone.front.documents.items()
    assert clone.client("apigateway").get_rest_api(restApiId=api)["name"] == "lanyard-dev"  # the ApiName of its metrics
    assert {"/", "/api/v1/oauth/token", "/api/v1/me"} <= set(document["paths"])
    gateway = clone.client("apigateway")
    made = {one["responseType"]: one for one in gateway.get_gateway_responses(restApiId=api)["items"]}
    assert made["MISSING_AUTHENTICATION_TOKEN"]["statusCode"] == "404"
    assert "Bearer" in str(made["UNAUTHORIZED"]["responseParameters"])
    stage = gateway.get_stage(restApiId=api, stageName="api")
    assert stage["methodSettings"]["*/*"]["throttlingRateLimit"] == 200
    # Gateway responses take effect only with a deployment after them.
    posts = [path for method, path in clone.front.calls if method in ("POST", "PUT")]
    assert f"/restapis/{api}/gatewayresponses/UNAUTHORIZED" in posts
    assert posts[-1] == f"/restapis/{api}/deployments"
    groups = {one["logGroupName"]: one for one in clone.client("logs").describe_log_groups()["logGroups"]}
    assert groups["/aws/lambda/lanyard-dev"]["retentionInDays"] == 90
    assert f"https://{api}.execute-api.us-east-1.amazonaws.com/api/" in ended.stdout


def test_deployment_package_contains_bytecode(clone: Clone) -> None:
    tag = sys.implementation.cache_tag
    made = list((clone.folder / ".chalice" / "deployments").glob("*.zip"))
    size = clone.client("lambda").get_function(FunctionName="lanyard-dev")["Configuration"]["CodeSize"]
    (package,) = [one for one in made if one.stat().st_size == size]
    with zipfile.ZipFile(package) as archive:
        names = set(archive.namelist())
    assert f"__pycache__/app.{tag}.pyc" in names
    assert f"chalicelib/protocol/__pycache__/server_metadata.{tag}.pyc" in names
    assert f"botocore/__pycache__/client.{tag}.pyc" in names


def test_second_deploy_updates_what_has_changed_and_keeps_the_api(clone: Clone) -> None:
    dry = clone.deploy("dev", "--dry-run")
    assert "  update_function lanyard-dev\n" in dry.stdout
    assert "create_function" not in dry.stdout
    before = dict(clone.front.documents)
    functions, moved = clone.client("lambda"), {"FunctionName": "lanyard-dev-authorizer"}
    functions.update_function_configuration(**moved, Handler="chalicelib.endpoints.api.authorizer.authorizer")
    ended = clone.deploy("dev")
    assert ended.returncode == 0, ended.stderr
    assert "The stack lanyard-dev-tables has no changes." in ended.stdout
    assert set(clone.front.documents) == set(before)
    handler = functions.get_function_configuration(**moved)["Handler"]
    assert handler == "chalicelib.endpoints.authorizer.authorizer", "Chalice changes the code and leaves the handler"
    assert ended.stdout.index("Handler of lanyard-dev-authorizer") < ended.stdout.index("lanyard-dev-surroundings")
    assert len(clone.client("lambda").list_functions()["Functions"]) == 2


def _with_a_queue(clone: Clone) -> None:
    file = clone.folder / ".chalice" / "config.json"
    config = json.loads(file.read_text(encoding="utf-8"))
    config["stages"]["dev"]["environment_variables"]["LOGOUT_QUEUE"] = "lanyard-dev-logouts"
    file.write_text(json.dumps(config), encoding="utf-8")
    made = [sys.executable, "-m", "infra.deployment.policy"]
    subprocess.run(made, cwd=clone.folder, capture_output=True, check=True)


def test_stage_with_a_queue_gets_it_and_the_function_that_takes_from_it(clone: Clone) -> None:
    _with_a_queue(clone)
    ended = clone.deploy("dev")
    assert ended.returncode == 0, ended.stderr
    assert clone.stacks()["lanyard-dev-logouts"] == "CREATE_COMPLETE"
    functions = clone.client("lambda")
    made = functions.get_function_configuration(FunctionName="lanyard-dev-send_logout")
    assert made["Handler"] == "chalicelib.endpoints.logout_sender.send_logout"
    (source,) = functions.list_event_source_mappings(FunctionName="lanyard-dev-send_logout")["EventSourceMappings"]
    assert (source["EventSourceArn"].rpartition(":")[2], source["BatchSize"]) == ("lanyard-dev-logouts", 1)
    queues = clone.client("sqs")
    url = queues.get_queue_url(QueueName="lanyard-dev-logouts")["QueueUrl"]
    attributes = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert int(attributes["VisibilityTimeout"]) >= 6 * made["Timeout"], "AWS refuses less than the function's timeout"
    redrive = json.loads(attributes["RedrivePolicy"])
    assert redrive["deadLetterTargetArn"].rpartition(":")[2] == "lanyard-dev-logouts-left"
    assert int(redrive["maxReceiveCount"]) > limits.LOGOUT_TRIES, "an application's fault would ring our alarm"
    (policy_name,) = clone.client("iam").list_role_policies(RoleName="lanyard-dev-send_logout")["PolicyNames"]
    document = clone.client("iam").get_role_policy(RoleName="lanyard-dev-send_logout", PolicyName=policy_name)
    allowed = {action for one in document["PolicyDocument"]["Statement"] for action in one["Action"]}
    assert {one for one in allowed if not one.startswith(("logs:", "kms:", "ssm:"))} == {
        *("dynamodb:GetItem", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"),
    }
    groups = {one["logGroupName"]: one for one in clone.client("logs").describe_log_groups()["logGroups"]}
    assert groups["/aws/lambda/lanyard-dev-send_logout"]["retentionInDays"] == 90


def test_template_of_a_stage_with_a_queue_is_complete(clone: Clone) -> None:
    _with_a_queue(clone)
    environment = {**os.environ, "AWS_DEFAULT_REGION": "us-east-1"}
    command = [sys.executable, "-m", "infra.deployment.package", "dev"]
    ended = subprocess.run(
        command, cwd=clone.folder, env=environment, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    folder = clone.folder / "dist" / "dev"
    template = json.loads((folder / "template.json").read_text(encoding="utf-8"))
    assert template_checks.problems(template) == []
    assert "LogoutQueue=lanyard-dev-logouts" in json.loads((folder / "parameters.json").read_text(encoding="utf-8"))
    resources = template["Resources"]
    assert "Logouts" in resources["SendLogout"]["DependsOn"]
    uploaded = json.loads(json.dumps(template).replace("./deployment.zip", "s3://bucket/deployment.zip"))
    made = transform(uploaded, {}, ManagedPolicyLoader(None))["Resources"].values()
    (source,) = [one for one in made if one["Type"] == "AWS::Lambda::EventSourceMapping"]
    assert source["Properties"]["EventSourceArn"]["Fn::Sub"].endswith(":lanyard-dev-logouts")


def test_failed_stack_is_named_with_what_to_do(clone: Clone) -> None:
    formation = clone.client("cloudformation")
    broken = {"Resources": {"Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Metrics": []}}}}
    planned = stacks.plan(formation, "lanyard-prod-tables", {}, TemplateBody=stacks.body(broken))
    with pytest.raises(stacks.StackFailed, match=r"The stack lanyard-prod-tables failed: Alarm: "):
        stacks.carry_out(formation, planned)
    again = clone.deploy("prod")
    assert "was never created (ROLLBACK_COMPLETE)" in again.stderr
    assert "aws cloudformation delete-stack --stack-name lanyard-prod-tables" in again.stderr
    assert (again.returncode, again.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "Name a stage: make deploy STAGE=prod"),
        (["moon"], "STAGE must be a stage of .chalice/config.json other than local (dev, "),
        (["local"], "not 'local'."),
    ],
)
def test_invalid_deploy_command_gets_one_line_and_exit_code_2(
    clone: Clone, arguments: list[str], complaint: str
) -> None:
    ended = clone.deploy(*arguments)
    assert complaint in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert ended.returncode == 2
