"""`make run`: one command, and everything it started ends with it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import requests

from infra import tables
from tests.actors import Browser, Person
from tests.local_run import LocalRun
from tests.mailbox import Mailbox

JOHN = Person("", "admin@localhost", {"bigevents": "Big Events LLC"}, password="lanyard-demo")


@pytest.fixture
def clone(tmp_path: Path) -> LocalRun:
    return LocalRun(tmp_path)


def test_it_says_how_to_sign_in_and_so_one_can(local_run: LocalRun) -> None:
    assert "admin@localhost" in local_run.text
    assert "lanyard-demo" in local_run.text
    browser = Browser(local_run.base_url, JOHN)
    browser.log_in()
    assert "admin@localhost" in browser.open("/").text
    assert "Box office" in browser.open("/settings/applications").text


def test_mail_is_written_into_a_folder_whose_path_it_says_and_the_link_in_it_works(local_run: LocalRun) -> None:
    browser = Browser(local_run.base_url)
    browser.press(browser.open("/password/reset"), "Send the link", email="eve@localhost")
    line = local_run.wait_for_line("Mail written to .local/mail/")
    path = local_run.folder / line.removeprefix("Mail written to ").strip()
    assert path.stat().st_mode & 0o077 == 0
    link = Mailbox(path.parent).link("eve@localhost")
    assert link.startswith(local_run.base_url)
    assert browser.open(link).title == "Choose a new password"
    assert "lyml_" not in local_run.text


def test_what_it_keeps_is_still_there_after_ctrl_c_and_gone_after_make_reset(clone: LocalRun) -> None:
    clone.start()
    assert f"Created {len(tables.MODELS)} tables" in clone.text
    made = clone.manage("organizers", "create", "--slug", "kept", "--name", "Kept")
    assert made.returncode == 0, made.stderr
    clone.interrupt()
    assert not clone.is_running
    clone.start()
    assert "Created" not in clone.text
    again = clone.manage("organizers", "create", "--slug", "kept", "--name", "Kept")
    assert again.stderr == "Error: There is already an organizer kept.\n"
    clone.interrupt()
    clone.run("make", "reset")
    assert not (clone.folder / ".local").exists()


def test_sigterm_ends_every_process_it_started(clone: LocalRun) -> None:
    clone.start()
    assert clone.is_running
    clone.terminate()
    assert not clone.is_running
    assert clone.manage("users", "list").stderr.count("\n") == 1
    assert "make run" in clone.manage("users", "list").stderr


def test_a_port_in_use_is_said_in_one_line(clone: LocalRun) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", clone.port))
        taken.listen()
        ended = clone.run("make", "run", *clone.ports())
    line = ended.stderr.splitlines()[0]
    assert line.startswith(f"Port {clone.port} is in use.")
    assert ended.returncode == 2


def test_a_setting_that_cannot_be_used_is_said_in_one_line(clone: LocalRun) -> None:
    ended = clone.run("env", "SITE_COLOUR=red", "make", "run", *clone.ports())
    assert ended.stderr.splitlines()[0] == "SITE_COLOUR must be a colour like #1f5fbf, not 'red'"
    assert "Starting" not in ended.stdout, "nothing was started for it"
    assert ended.returncode == 2


def test_a_second_one_in_the_same_folder_is_refused(local_run: LocalRun) -> None:
    ended = local_run.run("make", "run", "PORT=18123", "DYNAMODB_PORT=18124")
    assert "already running in this folder" in ended.stderr
    assert ended.returncode == 2
    assert requests.get(local_run.base_url + "/", timeout=10).status_code == 200


def test_it_listens_on_this_machine_alone(local_run: LocalRun) -> None:
    listening = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    state_listen = "0A"
    addresses = {line.split()[1] for line in listening if line.split()[3] == state_listen}
    for port in (local_run.port, local_run.dynamodb_port):
        assert {address for address in addresses if address.endswith(f":{port:04X}")} == {f"0100007F:{port:04X}"}
