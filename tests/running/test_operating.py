"""The operator's longer tasks: checking an address, ending grants, data protection requests, and dry runs."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from typing import Any

import click
import pytest

from manage import cli
from tests.actors import Browser, ClientApp, Person
from tests.local_run import LocalRun

CALLBACK = "https://shop.example.com/callback"
PASSWORD = "a long password"


def in_json(local_run: LocalRun, *arguments: str, stdin: str = "") -> Any:
    ended = local_run.manage(*arguments, stdin=stdin)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    return json.loads(ended.stdout)


def a_connected_user(local_run: LocalRun, name: str) -> tuple[Browser, ClientApp, dict[str, Any]]:
    """A user who has connected a shop that they registered themselves."""
    email = f"{name}@example.org"
    made = in_json(
        local_run, "users", "create", "--fullname", name, "--email", email, "--password-stdin", "--json",
        stdin=PASSWORD + "\n",
    )  # fmt: skip
    browser = Browser(local_run.base_url, Person(made["user_id"], email, password=PASSWORD))
    browser.sign_in()
    shop = browser.register_application(f"Shop of {name}", CALLBACK)
    return browser, shop, shop.connect(browser, scope="profile")


def test_check_of_a_working_address_passes_and_leaves_nothing_behind(local_run: LocalRun) -> None:
    ended = local_run.manage("check", local_run.base_url)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.endswith("All checks passed.\n")
    assert ended.stdout.count("ok  ") == 11
    assert "ok  The keys that sign are published" in ended.stdout
    users = in_json(local_run, "users", "list", "--json")
    assert not [user for user in users if "check" in user["email"]]
    assert not [one for one in in_json(local_run, "applications", "list", "--json") if "check" in one["name"].lower()]
    assert in_json(local_run, "audit", "--command", "check", "--json")[0]["outcome"] == "done"


@pytest.mark.spec("docs/security.md")
def test_items_left_by_a_killed_check_are_in_the_audit_and_can_be_deleted(local_run: LocalRun) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        process = subprocess.Popen(
            [".venv/bin/python", "manage.py", "--stage", "local", "check", f"http://127.0.0.1:{silent.getsockname()[1]}"],
            cwd=local_run.folder, env=local_run.environment(), stdout=subprocess.DEVNULL,
        )  # fmt: skip
        silent.settimeout(60)
        with silent.accept()[0]:  # the check asks for the front page once all it needs exists
            process.kill()
            process.wait()
    entry = in_json(local_run, "audit", "--command", "check", "--json")[0]
    assert (entry["outcome"], entry["detail"]) == ("started", "127.0.0.1")
    (left,) = in_json(local_run, "users", "list", "--email", "@check.invalid", "--json")
    (application,) = in_json(local_run, "applications", "list", "--name", "Lanyard check", "--json")
    assert entry["about"] == sorted([left["user_id"], *left["organizers"], application["client_id"]])
    in_json(local_run, "users", "erase", left["email"], "--yes", "--json")
    in_json(local_run, "organizers", "delete", *left["organizers"], "--yes", "--json")
    assert in_json(local_run, "users", "list", "--email", "@check.invalid", "--json") == []
    assert in_json(local_run, "applications", "list", "--name", "Lanyard check", "--json") == []
    assert in_json(local_run, "organizers", "list", "--name", "lanyard-check", "--json") == []


def test_check_fails_at_the_address_of_another_site(local_run: LocalRun) -> None:
    ended = local_run.manage("check", local_run.base_url + "/elsewhere")
    assert "the front page answers" in ended.stderr
    assert ended.returncode == 2


def test_check_fails_at_an_address_that_does_not_answer(local_run: LocalRun) -> None:
    ended = local_run.manage("check", "http://127.0.0.1:9/")
    assert ended.stderr == "Error: http://127.0.0.1:9/: it cannot be reached: ConnectionError.\n"
    assert ended.returncode == 2


def test_grants_end_ends_all_grants_of_an_application(local_run: LocalRun) -> None:
    browser, shop, tokens = a_connected_user(local_run, "grantor")
    would = in_json(local_run, "grants", "end", "--client", shop.client_id, "--dry-run", "--json")
    assert would["users"] == 1
    assert shop.me(tokens["access_token"]).status_code == 200
    on_its_way = browser.open(shop.authorize_path(scope="profile")).code
    assert in_json(local_run, "grants", "end", "--client", shop.client_id, "--yes", "--json")["users"] == 1
    assert shop.me(tokens["access_token"]).status_code == 401
    assert shop.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert shop.exchange(on_its_way).json()["error"] == "invalid_grant"
    page = browser.open(shop.authorize_path(scope="profile"))
    assert page.left_to is None, "the application has to ask again"
    anew = shop.exchange(browser.allow(page).code).json()
    assert shop.me(anew["access_token"]).status_code == 200


def test_grants_end_also_ends_a_consent_whose_code_was_not_exchanged(local_run: LocalRun) -> None:
    browser, shop, _ = a_connected_user(local_run, "waverer")
    in_json(local_run, "grants", "end", "--client", shop.client_id, "--yes", "--json")
    code = browser.allow(browser.open(shop.authorize_path(scope="profile"))).code
    ended = local_run.manage("grants", "end", "--client", shop.client_id, "--yes")
    assert ended.stdout == f"Ended everything that users had allowed {shop.client_id}. 0 users had grants.\n"
    assert shop.exchange(code).json()["error"] == "invalid_grant"


def test_users_data_is_exported_and_erased(local_run: LocalRun) -> None:
    _, shop, tokens = a_connected_user(local_run, "goner")
    kept = in_json(local_run, "users", "export", "goner@example.org")
    assert kept["users"][0]["fullname"] == "goner"
    assert kept["grants"][0]["client_id"] == shop.client_id
    assert "argon2" not in json.dumps(kept)
    would = in_json(local_run, "users", "erase", "goner@example.org", "--dry-run", "--json")
    assert would["dry_run"] is True
    assert {**would["items"], "security_events": 1} == {
        "users": 1, "email_addresses": 1, "applications": 1, "consents": 1, "grants": 1, "sessions": 1,
        "security_events": 1, "registration_forms": 1,
    }  # fmt: skip
    assert shop.me(tokens["access_token"]).status_code == 200
    in_json(local_run, "users", "erase", "goner@example.org", "--yes", "--json")
    assert shop.me(tokens["access_token"]).status_code == 401
    gone = local_run.manage("users", "export", "goner@example.org")
    assert gone.stderr == "Error: There is no user with the address goner@example.org.\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["users", "set-password", "eve@localhost", "--password-stdin"],
            "Would set the password of eve@localhost, and end their sessions.",
        ),
        (["users", "disable", "eve@localhost"], "Would disable the user eve@localhost."),
        (["organizers", "create", "--slug", "dry", "--name", "Dry"], "Would create the organizer dry."),
        (["organizers", "add-member", "bigevents", "eve@localhost"], "Would add eve@localhost to bigevents."),
        (["organizers", "remove-member", "smallshows", "eve@localhost"], "Would remove eve@localhost from smallshows."),
        (["tables", "create"], "Would create nothing: all tables exist."),
        (
            ["applications", "create", "--owner", "eve@localhost", "--name", "Dry", "--redirect-uri", CALLBACK],
            "Would register the application Dry for eve@localhost.",
        ),
        (
            ["users", "create", "--fullname", "Dry", "--email", "dry@example.org", "--password-stdin"],
            "Would create the user dry@example.org.",
        ),
        (
            ["check", "https://connect.example.com"],
            "Would create a user, an organizer and an application, connect them at https://connect.example.com, and "
            "delete them.",
        ),
    ],
)
def test_dry_run_says_what_would_be_done_and_does_nothing(local_run: LocalRun, arguments: list[str], says: str) -> None:
    listings = (["users", "list", "--json"], ["applications", "list", "--json"])
    before = [in_json(local_run, *listing) for listing in listings]
    ended = local_run.manage(*arguments, "--dry-run", stdin=PASSWORD + "\n")
    assert ended.stdout == says + "\n"
    assert [in_json(local_run, *listing) for listing in listings] == before


def test_every_command_that_changes_something_has_a_dry_run() -> None:
    reads = {"audit", "list", "describe", "export", "metadata", "new-token", "owners", "requests", "resources", "show"}
    for name, command in every_command(cli):
        has_dry_run = any("--dry-run" in option.opts for option in command.params)
        assert has_dry_run == (name.split()[-1] not in reads and name != "permissions check"), name


def every_command(group: click.Group) -> Iterator[tuple[str, click.Command]]:
    """The words of each command and the command."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from ((f"{name} {below}", found) for below, found in every_command(command))
        else:
            yield name, command


def test_dry_run_finds_the_same_errors(local_run: LocalRun) -> None:
    for arguments, complaint in (
        (["applications", "disable", "nothing"], "There is no application nothing."),
        (["applications", "rotate-secret", "nothing"], "There is no application nothing."),
        (["grants", "end", "--client", "nothing"], "There is no application nothing."),
        (["organizers", "create", "--slug", "bigevents", "--name", "X"], "There is already an organizer bigevents."),
        (["organizers", "add-member", "nowhere", "eve@localhost"], "There is no organizer nowhere."),
    ):
        ended = local_run.manage(*arguments, "--dry-run")
        assert ended.stderr == f"Error: {complaint}\n"
        assert ended.returncode == 2
