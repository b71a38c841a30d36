"""`make demo` shows the whole flow with one command, and stopping it stops everything it started."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from bs4 import BeautifulSoup, Tag

from infra.laptop.ministack import client_environment, free_port, is_listening
from tests.actors import Browser, Page, Person
from tests.local_run import READY_SECONDS, LocalRun

EVE = Person("", "eve@localhost", {"smallshows": "Small Shows"}, password="lanyard-demo")


class Demo:
    """`make demo` in a folder, from start to stop."""

    def __init__(self, lanyard: LocalRun, *more: str) -> None:
        self.lanyard = lanyard
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.output: list[str] = []
        ready = threading.Event()
        self.process = subprocess.Popen(
            ["make", "demo", *lanyard.ports(), f"DEMO_PORT={self.port}", *more],
            cwd=lanyard.folder,
            env=lanyard.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=self._read, args=(ready,), daemon=True).start()
        assert ready.wait(READY_SECONDS), self.output

    def stop(self, number: signal.Signals) -> None:
        os.killpg(self.process.pid, number)
        self.process.wait(60)

    def _read(self, ready: threading.Event) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.output.append(line)
                if line.startswith(f"Ready: {self.base_url}/"):
                    ready.set()
        ready.set()


@pytest.fixture
def clone(tmp_path: Path) -> LocalRun:
    return LocalRun(tmp_path)


@pytest.fixture
def demos() -> Iterator[list[Demo]]:
    started: list[Demo] = []
    yield started
    for demo in started:
        if demo.process.poll() is None:
            demo.stop(signal.SIGTERM)


def connects(demo: Demo) -> bool:
    """Eve goes from the application's button to its greeting, across both sites with one cookie jar."""
    eve = Browser(demo.lanyard.base_url, EVE)
    eve.sign_in()
    asks = eve.http.get(f"{demo.base_url}/connect", allow_redirects=False).headers["Location"]
    page = eve.open(asks)
    answer = page.left_to or eve.allow(page).left_to
    assert answer is not None
    assert answer.startswith(f"{demo.base_url}/callback?code=")
    return "Hello, <bdi>Eve Moneypenny</bdi>" in eve.http.get(answer).text


def test_make_demo_starts_lanyard_with_a_connecting_application_and_stops_both(
    clone: LocalRun, demos: list[Demo]
) -> None:
    demos.append(Demo(clone))
    assert connects(demos[0])
    kept = clone.folder / ".local" / "demo_client.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    demos[0].stop(signal.SIGINT)
    assert not clone.is_running
    assert not is_listening(demos[0].port)
    before = json.loads(kept.read_text(encoding="utf-8"))
    demos.append(Demo(clone))
    assert connects(demos[1])
    assert json.loads(kept.read_text(encoding="utf-8")) == before, "working credentials are kept"


def test_sigterm_to_the_process_group_stops_everything(clone: LocalRun, demos: list[Demo]) -> None:
    demos.append(Demo(clone))
    for _ in range(5):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(demos[0].process.pid, signal.SIGTERM)
    demos[0].process.wait(60)
    deadline = time.monotonic() + 60
    while clone.has_processes and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not clone.has_processes
    assert not clone.is_running


def test_make_demo_uses_a_running_make_run_and_leaves_it_running(clone: LocalRun, demos: list[Demo]) -> None:
    clone.start()
    try:
        demos.append(Demo(clone))
        assert connects(demos[0])
        demos[0].stop(signal.SIGINT)
        assert requests.get(clone.base_url, timeout=10).status_code == 200
    finally:
        clone.terminate()


def test_files_left_by_a_killed_make_run_are_not_taken_for_a_running_one(clone: LocalRun, demos: list[Demo]) -> None:
    kept = clone.folder / ".local" / "run.json"
    kept.parent.mkdir()
    left = {**client_environment(f"http://127.0.0.1:{free_port()}"), "PUBLIC_URL": clone.base_url}
    kept.write_text(json.dumps(left), encoding="utf-8")
    ended = clone.manage("users", "list")
    assert ended.stderr == "Error: The local stage is not running. Start it in another terminal: make run\n"
    demos.append(Demo(clone))
    assert connects(demos[0])
    assert clone.manage("users", "list").returncode == 0


def test_make_demo_says_in_one_line_that_a_port_is_in_use(local_run: LocalRun) -> None:
    ended = local_run.run("make", "demo", f"DEMO_PORT={local_run.port}")
    assert ended.stderr.splitlines()[0].startswith(f"Port {local_run.port} is in use. Choose another: make demo")
    assert ended.returncode == 2


@pytest.mark.spec("docs/platform.md")
def test_demo_of_a_platform_has_its_log_in_its_organizers_and_its_permissions(
    clone: LocalRun, demos: list[Demo]
) -> None:
    shop_port = free_port()
    file = clone.folder / "chalicelib" / "identity_providers" / "example_shop.toml"
    file.write_text(file.read_text(encoding="utf-8").replace(":8081/", f":{shop_port}/"), encoding="utf-8")
    for _ in range(2):  # the second one finds everything there, and changes nothing
        demos.append(Demo(clone, "PLATFORM=box_office"))
        ann = requests.Session()
        ann.trust_env = False
        page = ann.get(f"{demos[-1].base_url}/connect", timeout=30)
        button = BeautifulSoup(page.text, "html.parser").find("a", string="Sign in with Example Shop")
        assert isinstance(button, Tag), page.text
        page = ann.get(clone.base_url + str(button["href"]), timeout=30)
        assert page.url.startswith(f"http://127.0.0.1:{shop_port}/lanyard/sign-in")
        sent = {**Page(page).fields("Log in"), "email": "ann@tickets.example", "password": "tickets-demo"}
        page = ann.post(f"http://127.0.0.1:{shop_port}/log-in", data=sent, timeout=30)
        if not page.url.startswith(demos[-1].base_url):
            shown = Page(page)
            assert "Change your events" in shown.text
            assert "Refund orders" in shown.text
            fields = shown.fields("Authorize", "Town Hall")
            action = requests.compat.urljoin(page.url, str(shown.form_with("Authorize")["action"]))
            page = ann.post(action, data=fields, timeout=30)
        assert "Hello, <bdi>Ann Other</bdi>" in page.text
        demos[-1].stop(signal.SIGINT)
        assert not is_listening(shop_port)


def test_demo_of_a_platform_needs_a_make_run_with_its_settings(local_run: LocalRun) -> None:
    ended = local_run.run("make", "demo", f"DEMO_PORT={free_port()}", "PLATFORM=box_office")
    assert "Lanyard is running with other settings." in ended.stderr
    unknown = local_run.run("make", "demo", f"DEMO_PORT={free_port()}", "PLATFORM=cinema")
    assert "PLATFORM must be box_office, not 'cinema'" in unknown.stderr
