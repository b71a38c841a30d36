"""The stacks of a rehearsal on MiniStack: created, used and deleted."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import requests
from botocore.exceptions import ClientError

from infra.deployment import gateway, policy, stacks, templates
from infra.deployment.templates import API_STAGE, ROOT

PUBLIC_URL = f"https://rehearsal.invalid/{API_STAGE}"
EXAMPLE_URL = f"https://example-api.invalid/{API_STAGE}"
_BUCKET = "rehearsal"
_SENDER = "lanyard@rehearsal.invalid"
_KEPT_SETTINGS = {"LANYARD_STAGE", "TABLE_PREFIX", "SERVER_KEY_PARAMETER", "SIGNING_KEYS_PARAMETER"}


class Failed(Exception):
    """The rehearsal failed. The message says what went wrong."""


class Rehearsal:
    """A rehearsal. url: MiniStack's URL. stage: a stage of .chalice/config.json. folder: where to write files."""

    def __init__(self, url: str, stage: str, folder: Path) -> None:
        self.url = url
        self.stage = stage
        self.folder = folder
        self.stack, self.example, self.http_api = f"lanyard-{stage}", "protected-api", "protected-http-api"
        self._formation = self._client("cloudformation")
        self._gateway = self._client("apigateway")
        self._s3 = self._client("s3")

    def deploy(self, dist: Path) -> None:
        self._s3.create_bucket(Bucket=_BUCKET)
        self._client("sesv2").create_email_identity(EmailIdentity=_SENDER)
        name = templates.variables(self.stage)["SERVER_KEY_PARAMETER"]
        self._client("ssm").put_parameter(Name=name, Value=secrets.token_urlsafe(48), Type="SecureString")
        self._carry_out(self.stack, self._uploaded(dist, self.stack))
        # MiniStack ignores gateway responses in an OpenAPI document, so set the same ones with API calls.
        gateway.put_responses(self._gateway, self._api(self.stack))
        gateway.deploy(self._gateway, self._api(self.stack))
        self.manage("keys", "new")

    def update(self, dist: Path) -> None:
        planned = self._plan(self.stack, self._uploaded(dist, self.stack))
        if planned.changes:
            raise Failed(f"deploying the same template again would change: {', '.join(planned.changes)}")

    def try_forbidden(self) -> None:
        """Check that a user with the function's policy can read an item, but cannot scan a table that no list of SCIM's
        is made from, or delete one."""
        iam = self._client("iam")
        iam.create_user(UserName="like-the-function")
        document = json.dumps(policy.document(self.stage, "api"))
        iam.put_user_policy(UserName="like-the-function", PolicyName="p", PolicyDocument=document)
        key = iam.create_access_key(UserName="like-the-function")["AccessKey"]
        limited = boto3.client(
            "dynamodb",
            endpoint_url=self.url,
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
        )
        table = templates.table_prefix(self.stage) + "applications"
        limited.get_item(TableName=table, Key={"client_id": {"S": "nothing"}})
        for name in ("scan", "delete_table", "describe_table"):
            try:
                getattr(limited, name)(TableName=table)
            except ClientError as error:
                if error.response["Error"]["Code"] == "AccessDeniedException":
                    continue
                raise
            raise Failed(f"the function's policy allows {name}, or IAM is not enforced")

    def check(self) -> None:
        ended = self.manage(
            "check", PUBLIC_URL, "--connect-to", self.url, "--host", self.host(self._api(self.stack)), "--json"
        )
        if len(json.loads(ended)["checked"]) < 10:
            raise Failed(f"manage.py check skipped checks: {ended}")
        for table in ("users", "email_addresses", "applications", "organizers", "consents", "grants", "sessions"):
            name = templates.table_prefix(self.stage) + table
            if self._client("dynamodb").scan(TableName=name, ConsistentRead=True)["Count"]:
                raise Failed(f"manage.py check left something behind in {name}")

    def deploy_example(self) -> None:
        project = self.folder / "protected_api"
        shutil.copytree(ROOT / "examples" / "protected_api", project)
        config = project / ".chalice" / "config.json"
        text = json.loads(config.read_text(encoding="utf-8"))
        authorizer = stacks.outputs(self._formation, self.stack)["AuthorizerArn"]
        text["stages"]["dev"]["environment_variables"]["LANYARD_AUTHORIZER_ARN"] = authorizer
        config.write_text(json.dumps(text), encoding="utf-8")
        chalice = Path(sys.executable).with_name("chalice")
        self._run([str(chalice), "package", "--stage", "dev", "out"], cwd=project)
        (project / "out" / "sam.json").rename(project / "out" / "template.json")
        self._carry_out(self.example, self._uploaded(project / "out", self.example))
        self._set_authorizer_resource(authorizer)

    def deploy_http_api(self) -> None:
        """Deploy it and check that it lets nobody in without a token. The suite calls it with tokens: here, MiniStack
        cannot reach the provider's keys at PUBLIC_URL."""
        template = (ROOT / "examples" / "protected_api" / "http_api.yaml").read_text(encoding="utf-8")
        given = {"Issuer": PUBLIC_URL, "Audience": EXAMPLE_URL}
        parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()]
        capabilities: Any = ["CAPABILITY_IAM"]
        self._formation.create_stack(
            StackName=self.http_api, TemplateBody=template, Parameters=parameters, Capabilities=capabilities
        )
        self._formation.get_waiter("stack_create_complete").wait(StackName=self.http_api, WaiterConfig={"Delay": 1})
        api = stacks.outputs(self._formation, self.http_api)["ApiId"]
        headers = {"Host": self.host(api)}
        answer = requests.get(f"{self.url}/organizers/any/tickets", headers=headers, timeout=30)
        if answer.status_code != 401:
            raise Failed(f"the HTTP API answers {answer.status_code} to a request without a token")

    def use_example(self) -> None:
        self._pytest("tests/deploying/rehearsed")

    def run_flows(self) -> None:
        self._pytest("tests/flows")

    def run_browser_tests(self) -> None:
        self._pytest("tests/browser")

    def tear_down(self) -> None:
        for stack in (self.http_api, self.example, self.stack):
            self._formation.delete_stack(StackName=stack)
            self._formation.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
        left = self._client("dynamodb").list_tables()["TableNames"]
        expected = len(templates.read("tables")["Resources"])
        if len(left) != expected:
            raise Failed(f"{len(left)} of {expected} tables outlived the stack")
        api = requests.get(f"{self.url}/{API_STAGE}/", headers={"Host": self.host("deadbeef")}, timeout=10)
        if api.status_code < 400:
            raise Failed("an API that does not exist responds")

    def manage(self, *arguments: str) -> str:
        """The output of `manage.py --stage STAGE ...`."""
        return self._run([sys.executable, "manage.py", "--stage", self.stage, *arguments])

    @staticmethod
    def host(api: str) -> str:
        return f"{api}.execute-api.localhost"

    def _pytest(self, path: str) -> None:
        where = {
            "store": self.url,
            "stage": self.stage,
            "public_url": PUBLIC_URL,
            "host": self.host(self._api(self.stack)),
            "example_url": EXAMPLE_URL,
            "example_host": self.host(self._api(self.example)),
        }
        output = self._run([sys.executable, "-m", "pytest", "-rs", path], LANYARD_REHEARSAL=json.dumps(where))
        *lines, closing = output.strip().splitlines()
        for line in (*(line for line in lines if line.startswith("SKIPPED")), closing):
            print(f"    {line}", flush=True)

    def _set_authorizer_resource(self, authorizer: str) -> None:
        """Set AUTHORIZER_RESOURCES, as an operator does once the example API exists and its id is known."""
        functions = self._client("lambda")
        variables = functions.get_function_configuration(FunctionName=authorizer)["Environment"]["Variables"]
        variables["AUTHORIZER_RESOURCES"] = f"{self._api(self.example)} {EXAMPLE_URL}"
        functions.update_function_configuration(FunctionName=authorizer, Environment={"Variables": variables})

    def _uploaded(self, dist: Path, name: str) -> str:
        """Upload the zip and the template for CloudFormation, and return the template's URL."""
        self._s3.upload_file(str(dist / "deployment.zip"), _BUCKET, f"{name}.zip")
        text = (dist / "template.json").read_text(encoding="utf-8")
        template = json.loads(text.replace("./deployment.zip", f"s3://{_BUCKET}/{name}.zip"))
        if name == self.stack:
            _choose_settings(template)
        self._s3.put_object(Bucket=_BUCKET, Key=f"{name}.json", Body=stacks.body(template).encode())
        return f"{self.url}/{_BUCKET}/{name}.json"

    def _plan(self, stack: str, template_url: str) -> stacks.Plan:
        chosen = templates.parameters(self.stage, templates.whole()) if stack == self.stack else {}
        return stacks.plan(self._formation, stack, chosen, TemplateURL=template_url)

    def _carry_out(self, stack: str, template_url: str) -> None:
        planned = self._plan(stack, template_url)
        if not planned.changes:
            raise Failed(f"the new stack {stack} would create nothing")
        stacks.carry_out(self._formation, planned)

    def _api(self, stack: str) -> str:
        return stacks.outputs(self._formation, stack)["RestAPIId"]

    def _client(self, service: str) -> Any:
        return boto3.client(service, endpoint_url=self.url)

    def _run(self, command: list[str], *, cwd: Path = ROOT, **more: str) -> str:
        environment = {**os.environ, "AWS_ENDPOINT_URL": self.url, **more}
        environment["AWS_ENDPOINT_URL_DYNAMODB"] = self.url
        ended = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
        if ended.returncode:
            raise Failed(f"{' '.join(command[:4])}: {(ended.stdout + ended.stderr).strip()[-3000:]}")
        return ended.stdout


def _choose_settings(template: dict[str, Any]) -> None:
    """Set what the tests expect, whatever .chalice/config.json sets for the stage."""
    api, authorizer = (
        template["Resources"][name]["Properties"]["Environment"]["Variables"] for name in ("APIHandler", "Authorizer")
    )
    for variables in (api, authorizer):
        for name in set(variables) - _KEPT_SETTINGS:
            del variables[name]
        # MiniStack's events, unlike AWS's, have no domain name, so the functions need PUBLIC_URL.
        variables["PUBLIC_URL"] = PUBLIC_URL
        variables["RESOURCES"] = EXAMPLE_URL
    api.update(MAIL_SENDER=_SENDER, SIGN_UP="open")
    # The only type that MiniStack does not support. cfn-lint has checked it.
    template["Resources"].pop("WebACLOfStage")
    (attached,) = template["Resources"]["ApiHandlerRole"]["Properties"]["Policies"]
    # MiniStack checks only the action of sending, without the sender, so only the action can be rehearsed.
    may_send = {**policy.may_send_mail(_SENDER), "Resource": ["*"], "Condition": {}}
    attached["PolicyDocument"]["Statement"].append(may_send)
