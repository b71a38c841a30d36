"""The samples in examples/ do what docs/connect/ says, against `make run`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from examples.connect_client import app as connect_client
from infra.laptop.ministack import free_port
from tests import node
from tests.actors import Browser, Person
from tests.local_run import ROOT, LocalRun

EXAMPLES = ROOT / "examples"
EVE = Person("", "eve@localhost", {"smallshows": "Small Shows"}, password="lanyard-demo")
Register = Callable[..., dict[str, Any]]


@pytest.fixture
def register(local_run: LocalRun) -> Register:
    def create(*options: str) -> dict[str, Any]:
        made = local_run.manage(
            "applications", "create", "--json", "--owner", "admin@localhost", "--name", "A sample", *options
        )
        assert made.returncode == 0, made.stderr
        return dict(json.loads(made.stdout))

    return create


@pytest.fixture
def browser(local_run: LocalRun) -> Browser:
    made = Browser(local_run.base_url, EVE)
    made.sign_in()
    return made


def environment(local_run: LocalRun, application: dict[str, Any], **more: str) -> dict[str, str]:
    """The environment of a sample: its output is unbuffered, and it opens no browser."""
    told = {"LANYARD_URL": local_run.base_url, "LANYARD_CLIENT_ID": application["client_id"], **more}
    return {**os.environ, **told, "PYTHONUNBUFFERED": "1", "BROWSER": "true"}


def allowed(browser: Browser, address: str) -> str:
    left_to = browser.allow(browser.open(address), "Small Shows").left_to
    assert left_to is not None
    return left_to


@pytest.fixture
def cli(local_run: LocalRun, register: Register, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    application = register("--native", "--device", "--redirect-uri", "http://127.0.0.1/connected")
    told = environment(local_run, application, TOKENS=str(tmp_path / "tokens.json"))

    def run(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(EXAMPLES / "cli.py"), *arguments]
        started.append(subprocess.Popen(command, env=told, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield run
    for process in started:
        process.kill()  # a process that still waits for its answer because a test failed


def check_cli_works_until_it_logs_out(cli: Callable[..., subprocess.Popen[str]], tokens: Path) -> None:
    assert tokens.stat().st_mode & 0o077 == 0
    assert cli("organizers").communicate()[0] == "smallshows: Small Shows\n"
    kept = json.loads(tokens.read_text(encoding="utf-8"))
    stale = "lyat_" + "x" * 20
    tokens.write_text(json.dumps({**kept, "access_token": stale}), encoding="utf-8")
    assert cli("organizers").communicate()[0] == "smallshows: Small Shows\n"
    assert json.loads(tokens.read_text(encoding="utf-8"))["refresh_token"] != kept["refresh_token"]
    assert cli("logout").communicate()[0] == "Disconnected.\n"
    assert "Not connected" in cli("organizers").communicate()[1]


@pytest.mark.spec("RFC 8252 §7.3", "RFC 7636 §4", "RFC 9207 §2.4")
def test_cli_connects_through_a_loopback_address(
    cli: Callable[..., subprocess.Popen[str]], browser: Browser, tmp_path: Path
) -> None:
    process = cli("login")
    assert process.stdout is not None
    address = process.stdout.readline().removeprefix("Opening ").strip()
    requests.get(re.sub(r"\?.*", "", allowed(browser, address)), timeout=10)  # without an answer, so it keeps waiting
    requests.get(allowed(browser, address), timeout=10)
    assert process.communicate(timeout=30)[0] == "Connected.\n"
    check_cli_works_until_it_logs_out(cli, tmp_path / "tokens.json")


@pytest.mark.spec("RFC 9207 §2.4")
def test_cli_refuses_an_answer_that_does_not_match_its_request(
    cli: Callable[..., subprocess.Popen[str]], browser: Browser
) -> None:
    process = cli("login")
    assert process.stdout is not None
    address = process.stdout.readline().removeprefix("Opening ").strip()
    requests.get(re.sub("iss=[^&]*", "iss=https%3A%2F%2Fevil.example", allowed(browser, address)), timeout=10)
    assert "does not match the request" in process.communicate(timeout=30)[1]
    assert process.returncode == 1


@pytest.mark.spec("RFC 8628 §3.3", "RFC 8628 §3.4")
def test_cli_connects_with_a_device_code(
    cli: Callable[..., subprocess.Popen[str]], browser: Browser, tmp_path: Path
) -> None:
    process = cli("login", "--device")
    assert process.stdout is not None
    said = re.fullmatch(r"Open (\S+) and enter (\S+)\n", process.stdout.readline())
    assert said is not None
    page = browser.press(browser.open(said.group(1)), "Continue", user_code=said.group(2))
    browser.allow(page, "Small Shows")
    assert process.communicate(timeout=30)[0] == "Connected.\n"
    check_cli_works_until_it_logs_out(cli, tmp_path / "tokens.json")


@pytest.mark.spec("RFC 6749 §4.4")
def test_machine_sample_works_without_a_user(local_run: LocalRun, register: Register) -> None:
    application = register("--redirect-uri", "https://machine.example.com/")
    told = environment(local_run, application, LANYARD_CLIENT_SECRET=application["client_secret"])

    def run() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(EXAMPLES / "machine.py")]
        return subprocess.run(command, env=told, capture_output=True, text=True, timeout=60, check=False)

    assert "No token" in run().stderr
    allow = ("applications", "allow-own", application["client_id"], "--scope", "read", "--organizer", "smallshows")
    assert local_run.manage(*allow).returncode == 0
    assert run().stdout == "smallshows: Small Shows\n"


@pytest.mark.spec("RFC 6749 §4.1", "RFC 6749 §6", "RFC 7009 §2.1")
def test_website_connects_refreshes_and_disconnects(
    local_run: LocalRun, register: Register, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    made = register("--redirect-uri", "http://localhost/callback", "--require-pkce")
    website = connect_client.create_app(local_run.base_url, made["client_id"], made["client_secret"])
    visitor, another = website.test_client(), website.test_client()
    callback = allowed(browser, visitor.get("/connect").headers["Location"])
    assert "Small Shows" not in another.get(callback, follow_redirects=True).text, (
        "the answer belongs to another visitor"
    )
    assert "Small Shows" in visitor.get(callback, follow_redirects=True).text
    assert "The previous one now gets 401" in visitor.post("/refresh", follow_redirects=True).text
    assert "Small Shows" in visitor.get("/").text
    assert "Disconnected" in visitor.post("/disconnect", follow_redirects=True).text
    assert "Small Shows" not in visitor.get("/").text


@pytest.mark.spec("RFC 9700 §2.1.1", "RFC 9700 §4.14.2")
@pytest.mark.parametrize(
    ("script", "options", "callback"),
    [
        ("example_single_page.js", ("--public",), "http://127.0.0.1:8080/"),
        ("example_mobile.js", ("--native",), "com.example.app:/connected"),
    ],
)
def test_sample_on_the_users_device_connects_rotates_and_disconnects(
    local_run: LocalRun, register: Register, browser: Browser, script: str, options: tuple[str, ...], callback: str
) -> None:
    node.install()
    application = register(*options, "--redirect-uri", callback)
    given = {"issuer": local_run.base_url, "client_id": application["client_id"], "redirect_uri": callback}
    result = node.play(script, given, lambda address: allowed(browser, address))
    refresh_tokens = [result[moment]["refresh_token"] for moment in ("tokens", "refreshed", "last")]
    assert len(set(refresh_tokens)) == 3, "two refreshes at once count as one, and a refused call causes another"
    assert result["organizers"]["results"] == [{"name": "Small Shows", "slug": "smallshows"}]
    assert result["isConnected"] is False
    assert result.get("refused") in (True, None), "a forged answer is refused"
    headers = {"Authorization": f"Bearer {result['last']['access_token']}"}
    assert requests.get(local_run.base_url + "/api/v1/me", headers=headers, timeout=30).status_code == 401


@pytest.mark.parametrize(
    ("sample", "told", "missing"),
    [
        ("cli.py", {}, "Set LANYARD_CLIENT_ID: see docs/connect/cli.md."),
        ("machine.py", {}, "Set LANYARD_CLIENT_ID and LANYARD_CLIENT_SECRET: see docs/connect/machine.md."),
        ("machine.py", {"LANYARD_CLIENT_ID": "x"}, "Set LANYARD_CLIENT_SECRET: see docs/connect/machine.md."),
        ("mcp_server.py", {}, "Set LANYARD_CLIENT_ID and LANYARD_CLIENT_SECRET: see docs/mcp.md."),
        ("connect_client/app.py", {}, "Set LANYARD_CLIENT_ID and LANYARD_CLIENT_SECRET: see README.md."),
    ],
)
def test_sample_says_in_one_line_which_setting_is_missing(sample: str, told: dict[str, str], missing: str) -> None:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("LANYARD_")}
    command = [sys.executable, str(EXAMPLES / sample), "organizers"]
    ended = subprocess.run(command, env={**bare, **told}, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", f"{missing}\n")


@pytest.mark.parametrize("sample", ["cli.py", "machine.py"])
def test_sample_says_in_one_line_that_lanyard_does_not_answer(sample: str) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    told = {"LANYARD_URL": nobody, "LANYARD_CLIENT_ID": "x", "LANYARD_CLIENT_SECRET": "x"}
    command = [sys.executable, str(EXAMPLES / sample), "login"]
    ended = subprocess.run(command, env={**os.environ, **told}, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (1, f"{nobody} does not answer. Set LANYARD_URL to Lanyard's URL.\n")


def test_samples_and_guides_use_the_same_variable_names() -> None:
    """LANYARD_URL, LANYARD_CLIENT_ID and LANYARD_CLIENT_SECRET, and no other names for the same things."""
    guides = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    samples = [
        path for path in EXAMPLES.rglob("*") if path.suffix in (".py", ".md") and "node_modules" not in path.parts
    ]
    other = re.compile(
        r"(?<![A-Z_])(CLIENT_ID|CLIENT_SECRET|LANYARD|ISSUER)=|\$\{?(CLIENT_ID|CLIENT_SECRET|LANYARD|ISSUER)\b"
        r"|environ[\[.(get]+\"(CLIENT_\w+|LANYARD)\""
    )
    assert len(samples) > 5
    assert len(guides) > 10
    assert [path.name for path in (*guides, *samples) if other.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("guide", sorted((ROOT / "docs" / "connect").glob("*.md")), ids=lambda guide: guide.name)
def test_commands_in_the_guides_register_an_application(local_run: LocalRun, guide: Path) -> None:
    text = guide.read_text(encoding="utf-8").replace("\\\n", " ")
    commands = [line for line in text.splitlines() if "applications create" in line]
    assert commands or guide.name in ("README.md", "libraries.md", "sign-in.md")
    for command in commands:
        made = local_run.run("bash", "-c", command)
        assert made.returncode == 0, made.stderr
        assert "Client id:" in made.stdout
