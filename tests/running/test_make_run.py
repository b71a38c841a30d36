"""`make run` starts Lanyard with one command, and stopping it stops everything it started."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import time
from pathlib import Path

import pytest
import requests
from joserfc.jwk import ECKey

from infra.deployment import tables
from tests.actors import Browser, Page, Person
from tests.document_server import DocumentServer
from tests.local_run import LocalRun
from tests.mailbox import Mailbox

JOHN = Person("", "admin@localhost", {"bigevents": "Big Events LLC"}, password="lanyard-demo")


@pytest.fixture
def clone(tmp_path: Path) -> LocalRun:
    return LocalRun(tmp_path)


def test_make_run_says_how_to_sign_in_and_that_works(local_run: LocalRun) -> None:
    assert "admin@localhost" in local_run.text
    assert "lanyard-demo" in local_run.text
    browser = Browser(local_run.base_url, JOHN)
    browser.sign_in()
    assert "admin@localhost" in browser.open("/").text
    assert "Box office" in browser.open("/settings/applications").text


def test_email_is_written_to_a_folder_that_is_printed_and_its_link_works(local_run: LocalRun) -> None:
    browser = Browser(local_run.base_url)
    browser.press(browser.open("/password/reset"), "Send the link", email="eve@localhost")
    line = local_run.wait_for_line("Mail written to .local/mail/")
    path = local_run.folder / line.removeprefix("Mail written to ").strip()
    assert path.stat().st_mode & 0o077 == 0
    link = Mailbox(path.parent).link("eve@localhost")
    assert link.startswith(local_run.base_url)
    assert browser.open(link).title == "Choose a new password"
    assert "lyml_" not in local_run.text


def test_make_run_makes_a_key_to_sign_with_that_only_its_owner_can_read(local_run: LocalRun) -> None:
    key, _ = requests.get(f"{local_run.base_url}/.well-known/jwks.json", timeout=10).json()["keys"]
    kept = local_run.folder / ".local" / "signing-keys.json"
    assert kept.stat().st_mode & 0o077 == 0
    (private,) = json.loads(kept.read_text())["keys"]
    assert (key["alg"], key["kid"], key["n"]) == ("RS256", private["kid"], private["n"])
    assert "d" not in key
    (row,) = json.loads(local_run.manage("keys", "list", "--json").stdout)
    assert (row["key_id"], row["status"], row["kept_in"]) == (key["kid"], "active", "SIGNING_KEYS")
    refused = local_run.manage("keys", "new")
    assert refused.returncode == 2
    assert "This stage's keys are in SIGNING_KEYS" in refused.stderr
    assert private["d"] not in local_run.text


def test_data_survives_ctrl_c_and_is_deleted_by_make_reset(clone: LocalRun) -> None:
    clone.start()
    assert f"Created {len(tables.MODELS)} tables" in clone.text
    made = clone.manage("organizers", "create", "--slug", "kept", "--name", "Kept")
    assert made.returncode == 0, made.stderr
    published = requests.get(f"{clone.base_url}/.well-known/jwks.json", timeout=10).json()
    clone.interrupt()
    assert not clone.is_running
    clone.start()
    assert "Created" not in clone.text
    assert requests.get(f"{clone.base_url}/.well-known/jwks.json", timeout=10).json() == published
    again = clone.manage("organizers", "create", "--slug", "kept", "--name", "Kept")
    assert again.stderr == "Error: There is already an organizer kept.\n"
    clone.interrupt()
    clone.run("make", "reset")
    assert not (clone.folder / ".local").exists()


def test_sigterm_stops_every_process_that_make_run_started(clone: LocalRun) -> None:
    clone.start()
    assert clone.is_running
    clone.terminate()
    assert not clone.is_running
    assert clone.manage("users", "list").stderr.count("\n") == 1
    assert "make run" in clone.manage("users", "list").stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_repeated_signals_to_the_process_group_stop_every_process(clone: LocalRun, number: signal.Signals) -> None:
    clone.start()
    for _ in range(5):  # also while it is stopping
        with contextlib.suppress(ProcessLookupError):
            os.killpg(clone.process.pid, number)
    clone.process.wait(60)
    wait_until_ended(clone)


@pytest.mark.parametrize("line", ["Starting DynamoDB", "Created"])
def test_signal_during_startup_stops_every_process(clone: LocalRun, line: str) -> None:
    clone.begin()
    clone.wait_for_line(line)
    clone.interrupt(signal.SIGTERM)
    wait_until_ended(clone)
    assert not (clone.folder / ".local" / "run.json").exists()


def wait_until_ended(run: LocalRun) -> None:
    """Wait: make exits with the signal it gets, perhaps a moment before the processes it started."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and (run.is_running or run.has_processes):
        time.sleep(0.1)
    assert not run.is_running
    assert not run.has_processes


def test_hundred_connections_at_once_are_all_accepted_at_once(local_run: LocalRun) -> None:
    """A server with a backlog of five makes the others wait a second, or resets them."""
    sockets = [socket.socket() for _ in range(100)]
    for one in sockets:
        one.setblocking(False)
        one.connect_ex(("127.0.0.1", local_run.port))
    deadline, waiting = time.monotonic() + 0.9, set(sockets)
    while waiting and time.monotonic() < deadline:
        waiting -= set(select.select([], list(waiting), [], 0.1)[1])
    assert len(waiting) == 0
    for one in sockets:
        one.setblocking(True)
        one.settimeout(30)
        one.sendall(b"GET /robots.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert {one.recv(12) for one in sockets} == {b"HTTP/1.1 200"}
    for one in sockets:
        one.close()


def test_kept_alive_connection_is_not_slowed_by_nagles_algorithm(local_run: LocalRun) -> None:
    spent = []
    with requests.Session() as session:
        for _ in range(20):
            started = time.monotonic()
            assert session.get(local_run.base_url + "/robots.txt", timeout=10).status_code == 200
            spent.append(time.monotonic() - started)
    assert min(spent[1:]) < 0.03, "each delayed acknowledgment takes 40 ms"


def test_unknown_addresses_get_the_same_answer_as_when_deployed(local_run: LocalRun) -> None:
    for path in ("/nothing", "/nothing/at/all"):
        answer = requests.get(local_run.base_url + path, headers={"Accept": "text/html"}, timeout=10)
        assert (answer.status_code, "<h1>Not found</h1>" in answer.text) == (404, True)


def test_make_run_works_behind_a_tls_proxy_at_a_public_url(clone: LocalRun) -> None:
    clone.settings["PUBLIC_URL"] = "https://lanyard.test/connect"
    clone.start()
    assert f"proxy it to {clone.base_url}/" in clone.text
    known = requests.get(clone.base_url + "/.well-known/oauth-authorization-server", timeout=10).json()
    assert known["issuer"] == "https://lanyard.test/connect"
    page = Page(requests.get(clone.base_url + "/login", timeout=10))
    assert "https://lanyard.test/connect/api/v1/oauth/token" in requests.get(clone.base_url, timeout=10).text
    assert page.response.headers["Set-Cookie"].startswith("__Host-lanyard-login=")
    assert "Secure" in page.response.headers["Set-Cookie"]
    fields = {**page.fields("Sign in"), "email": JOHN.email, "password": JOHN.password}
    claimed = {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "ftp"}
    cookie = page.response.headers["Set-Cookie"].partition(";")[0]
    answer = requests.post(
        clone.base_url + "/login", fields, headers={"Cookie": cookie, **claimed}, timeout=10, allow_redirects=False
    )
    assert answer.headers["Location"] == "/connect/"
    cookie = answer.headers["Set-Cookie"].partition(";")[0]
    security = requests.get(clone.base_url + "/settings/security", headers={"Cookie": cookie, **claimed}, timeout=10)
    assert "127.0.0.1" in security.text
    assert "198.51.100.7" not in security.text, "callers can put anything in that header"
    clone.terminate()


def test_manage_py_uses_the_settings_that_make_run_was_started_with(clone: LocalRun) -> None:
    clone.settings.update(
        REGISTRATION="token",
        REGISTRATION_TOKEN_DIGESTS=f"{'a' * 64} {'b' * 64}",
        RESOURCES="https://tickets.example.com/api",
        SITE_NAME="Ticketbureau",
        NOT_BEFORE="1",
    )
    clone.start()
    clone.settings.clear()  # another terminal has none of these settings
    assert json.loads(clone.manage("registration", "show", "--json").stdout) == {"registration": "token", "tokens": 2}
    (box_office,) = json.loads(clone.manage("applications", "list", "--json").stdout)
    served = clone.manage("applications", "serve-resource", box_office["client_id"], "https://tickets.example.com/api")
    assert served.returncode == 0, served.stderr
    weak = clone.manage(
        "users", "create", "--email", "x@example.org", "--fullname", "X", "--password-stdin", stdin="ticketbureau\n"
    )
    assert "the name of this site" in weak.stderr
    assert "There are no tables" in clone.manage("tables", "restore", "--from-prefix", "restored-").stderr
    clone.terminate()


def test_make_run_says_in_one_line_that_a_port_is_in_use(clone: LocalRun) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", clone.port))
        taken.listen()
        ended = clone.run("make", "run", *clone.ports())
    line = ended.stderr.splitlines()[0]
    assert line.startswith(f"Port {clone.port} is in use.")
    assert ended.returncode == 2


def test_make_run_says_in_one_line_that_a_setting_is_invalid(clone: LocalRun) -> None:
    ended = clone.run("make", "run", "PUBLIC_URL=lanyard.test", *clone.ports())
    assert ended.stderr.startswith("PUBLIC_URL must be an address like https://connect.example.com, not 'lanyard.test'")
    assert ended.returncode == 2
    ended = clone.run("env", "SITE_COLOUR=red", "make", "run", *clone.ports())
    assert ended.stderr.splitlines()[0] == "SITE_COLOUR must be a colour like #1f5fbf, not 'red'"
    assert "Starting" not in ended.stdout, "nothing was started"
    assert ended.returncode == 2
    ended = clone.run("env", "REACHABLE_HOSTS=localhost", "make", "run", *clone.ports())
    assert ended.stderr.splitlines()[0].startswith("REACHABLE_HOSTS must name hosts with their ports, such as")
    assert ended.returncode == 2


def test_second_make_run_in_the_same_folder_is_refused(local_run: LocalRun) -> None:
    ended = local_run.run("make", "run", "PORT=18123", "DYNAMODB_PORT=18124")
    assert "already running in this folder" in ended.stderr
    assert ended.returncode == 2
    assert requests.get(local_run.base_url + "/", timeout=10).status_code == 200


def test_make_run_listens_only_on_this_machine(local_run: LocalRun) -> None:
    listening = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    state_listen = "0A"
    addresses = {line.split()[1] for line in listening if line.split()[3] == state_listen}
    for port in (local_run.port, local_run.dynamodb_port):
        assert {address for address in addresses if address.endswith(f":{port:04X}")} == {f"0100007F:{port:04X}"}


@pytest.mark.spec("RFC 7591 §2")
def test_make_run_may_call_a_program_beside_it_that_the_operator_names(tmp_path: Path) -> None:
    (tmp_path / "beside").mkdir()
    beside = DocumentServer(tmp_path / "beside", "suite.example.com")
    beside.answers["/jwks"] = {"keys": [ECKey.generate_key("P-256").as_dict(private=False)]}
    settings = {"REACHABLE_HOSTS": f"localhost:{beside.port}", "REGISTRATION": "open"}
    clone = LocalRun(tmp_path / "clone", **settings)
    clone.start()

    def register(host: str) -> requests.Response:
        described = {
            "redirect_uris": ["https://shop.example.com/cb"],
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks_uri": f"https://{host}:{beside.port}/jwks",
        }
        return requests.post(f"{clone.base_url}/api/v1/oauth/register", json=described, timeout=30)

    assert register("localhost").status_code == 201
    assert register("127.0.0.1").json()["error_description"] == "jwks_uri has a port other than 443."
    assert beside.asked == ["/jwks"]
    clone.interrupt()
    beside.stop()
