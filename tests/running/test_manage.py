"""The operator's commands work against a running `make run`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.deployment import tables as definitions
from tests.actors import Browser, ClientApp, Person
from tests.local_run import LocalRun

CALLBACK = "https://shop.example.com/callback"
NEWCOMER = ("users", "create", "--fullname", "Ann Other", "--timezone", "Europe/Rome", "--password-stdin")


def in_json(local_run: LocalRun, *arguments: str, stdin: str = "") -> Any:
    """The output of a command with --json, which must be exactly one JSON value."""
    ended = local_run.manage(*arguments, "--json", stdin=stdin)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    assert ended.stdout.count("\n") == 1
    return json.loads(ended.stdout)


def test_operator_creates_everything_a_connection_needs(local_run: LocalRun) -> None:
    made = in_json(local_run, *NEWCOMER, "--email", "ann@example.org", stdin="a long password\n")
    in_json(local_run, "organizers", "create", "--slug", "annsorg", "--name", "Ann’s Org")
    in_json(local_run, "organizers", "add-member", "annsorg", "ann@example.org")
    app = in_json(
        local_run, "applications", "create", "--owner", "ann@example.org", "--name", "Shop", "--redirect-uri", CALLBACK
    )
    shop = ClientApp(local_run.base_url, app["client_id"], app["client_secret"], CALLBACK)
    ann = Browser(local_run.base_url, Person(made["user_id"], "ann@example.org", password="a long password"))
    ann.sign_in()
    token = shop.connect(ann, "Ann’s Org")["access_token"]
    assert shop.organizers(token).json()["results"] == [{"name": "Ann’s Org", "slug": "annsorg"}]
    in_json(local_run, "organizers", "remove-member", "annsorg", "ann@example.org")
    assert shop.organizers(token).json()["count"] == 0
    rotated = in_json(local_run, "applications", "rotate-secret", shop.client_id, "--yes")
    assert shop.exchange("lyac_x").status_code == 401
    shop.secret = rotated["client_secret"]
    assert shop.exchange("lyac_x").json()["error"] == "invalid_grant"
    in_json(local_run, "users", "disable", "ann@example.org")
    assert shop.me(token).status_code == 401
    in_json(local_run, "users", "enable", "ann@example.org")
    assert shop.me(token).status_code == 200
    in_json(local_run, "applications", "disable", shop.client_id)
    assert shop.me(token).status_code == 401
    in_json(local_run, "applications", "enable", shop.client_id)
    assert shop.me(token).status_code == 200
    in_json(local_run, "users", "disable", "ann@example.org")
    in_json(local_run, "applications", "disable", shop.client_id)
    assert shop.exchange("lyac_x").status_code == 401
    users = {row["email"]: row["active"] for row in in_json(local_run, "users", "list")}
    assert users["ann@example.org"] is False
    assert users["admin@localhost"] is True
    listed = {row["client_id"]: row for row in in_json(local_run, "applications", "list")}
    assert listed[shop.client_id]["active"] is False
    assert "client_secret" not in listed[shop.client_id]


@pytest.mark.spec("docs/security.md", "docs/architecture.md")
def test_deleted_organizer_is_out_of_everyones_reach_and_its_slug_is_never_reused(local_run: LocalRun) -> None:
    made = in_json(local_run, *NEWCOMER, "--email", "leaver@example.org", stdin="a long password\n")
    create = ("organizers", "create", "--slug", "passing", "--name", "Passing Shows")
    in_json(local_run, *create)
    in_json(local_run, "organizers", "add-member", "passing", "leaver@example.org")
    app = in_json(
        local_run,
        "applications",
        "create",
        "--owner",
        "leaver@example.org",
        "--name",
        "Shop",
        "--redirect-uri",
        CALLBACK,
    )
    shop = ClientApp(local_run.base_url, app["client_id"], app["client_secret"], CALLBACK)
    in_json(local_run, "applications", "allow-own", shop.client_id, "--scope", "read", "--organizer", "passing")
    own = shop.call_token(grant_type="client_credentials").json()["access_token"]
    browser = Browser(local_run.base_url, Person(made["user_id"], "leaver@example.org", password="a long password"))
    browser.sign_in()
    token = shop.connect(browser, "Passing Shows")["access_token"]
    assert in_json(local_run, "organizers", "delete", "passing", "--dry-run")["dry_run"] is True
    assert shop.organizers(token).json()["count"] == 1
    for members in (1, 0):  # an interrupted command can be repeated
        assert in_json(local_run, "organizers", "delete", "passing", "--yes") == {"slug": "passing", "members": members}
    assert [shop.organizers(one).json()["count"] for one in (token, own)] == [0, 0]
    assert "passing" not in [row["slug"] for row in in_json(local_run, "organizers", "list")]
    refused = local_run.manage(*create)
    assert refused.stderr.startswith("Error: The slug passing belonged to a deleted organizer")
    assert refused.returncode == 2
    assert "no organizer passing" in local_run.manage("organizers", "add-member", "passing", "eve@localhost").stderr


def test_tables_are_described_with_their_keys_and_ttls(local_run: LocalRun) -> None:
    tables = {row["table"]: row for row in in_json(local_run, "tables", "describe")}
    token = tables["lanyard-local-access_tokens"]
    assert token == {**token, "status": "ACTIVE", "keys": ["grant_id"], "ttl": "expires_at"}
    assert len(tables) == len(definitions.MODELS)
    assert in_json(local_run, "tables", "create") == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["users", "disable", "nobody@example.org"], "There is no user with the address nobody@example.org."),
        ([*NEWCOMER, "--email", "admin@localhost"], "There is already a user with the address admin@localhost."),
        ([*NEWCOMER, "--email", "ADMIN@localhost "], "There is already a user with the address ADMIN@localhost."),
        ([*NEWCOMER, "--email", "x"], "--email: 'x' is not an email address."),
        (
            [*NEWCOMER, "--email", "x@y", "--timezone", "Mars"],
            "'Mars' is not a time zone such as Europe/Berlin or UTC.",
        ),
        ([*NEWCOMER, "--email", "x@y", "--locale", "DE!"], "'DE!' is not a language such as en or de."),
        (["organizers", "create", "--slug", "A b", "--name", "X"], "--slug: 'A b' must be 1 to 50 of a-z"),
        (["organizers", "create", "--slug", "bigevents", "--name", "X"], "There is already an organizer bigevents."),
        (["organizers", "add-member", "nowhere", "eve@localhost"], "There is no organizer nowhere."),
        (["organizers", "delete", "nowhere"], "There is no organizer nowhere."),
        (["organizers", "remove-member", "bigevents", "eve@localhost"], "eve@localhost does not belong to bigevents."),
        (["applications", "disable", "nothing"], "There is no application nothing."),
        (["applications", "rotate-secret", "nothing"], "There is no application nothing."),
        (
            [
                "applications",
                "create",
                "--owner",
                "eve@localhost",
                "--name",
                "X",
                "--redirect-uri",
                "http://example.org/",
            ],
            "--redirect-uri: 'http://example.org/' must start with https://",
        ),
        (["applications", "create", "--name", "X"], "Missing option '--owner'."),
        (["users", "dance"], "No such command 'dance'."),
    ],
)
def test_invalid_command_gets_one_line_on_stderr_and_exit_code_2(
    local_run: LocalRun, arguments: list[str], complaint: str
) -> None:
    ended = local_run.manage(*arguments, stdin="a long password\n")
    assert complaint in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert ended.returncode == 2
    assert ended.stdout == ""


def test_operator_cannot_create_a_user_with_a_short_password(local_run: LocalRun) -> None:
    ended = local_run.manage(*NEWCOMER, "--email", "short@example.org", stdin="short\n")
    assert ended.stderr == "Error: The password must have between 8 and 1024 characters.\n"
    assert ended.returncode == 2


@pytest.mark.spec("docs/security.md")
@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("password1234", "is too common, or too close to a common one. Use several unrelated words"),
        (
            "ann other 1990",
            "is too close to your name, your email address or the name of this site. Use several unrelated words",
        ),
    ],
)
def test_operator_cannot_create_a_user_with_a_guessable_password(
    local_run: LocalRun, password: str, problem: str
) -> None:
    ended = local_run.manage(*NEWCOMER, "--email", "common@example.org", stdin=f"{password}\n")
    assert ended.stderr == f"Error: The password {problem}.\n"
    assert ended.returncode == 2


def test_operator_sets_a_users_password_which_ends_their_sessions(local_run: LocalRun) -> None:
    made = in_json(local_run, *NEWCOMER, "--email", "locked-out@example.org", stdin="a long password\n")
    person = Person(made["user_id"], "locked-out@example.org", password="a long password")
    browser = Browser(local_run.base_url, person)
    browser.sign_in()
    in_json(local_run, "users", "set-password", person.email, "--password-stdin", "--yes", stdin="another password\n")
    assert browser.open("/settings/security").title == "Sign in"
    assert browser.sign_in().status == 401
    assert browser.sign_in(password="another password").status == 200
    assert "Password set by an administrator" in browser.open("/settings/security").text
    in_json(local_run, "users", "disable", person.email)
    refused = local_run.manage(
        "users", "set-password", person.email, "--password-stdin", "--yes", stdin="a third password\n"
    )
    assert refused.stderr == f"Error: The user {person.email} is disabled, or somebody else changed the password.\n"


def test_unknown_stage_is_refused(local_run: LocalRun) -> None:
    ended = local_run.run(".venv/bin/python", "manage.py", "--stage", "moon", "users", "list")
    assert ended.stderr.startswith("Error: There is no stage 'moon' in .chalice/config.json")
    assert ended.returncode == 2
