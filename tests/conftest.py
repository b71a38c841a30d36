"""The world that the tests play in, piece by piece. `tests/stage.py` has what it stands on."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from chalicelib import clock as clock_module
from chalicelib import limits, settings
from chalicelib.accounts import sign_in_try
from chalicelib.keys import signing
from chalicelib.models import throttle
from chalicelib.models.store import table as table_module
from chalicelib.protocol.clients import recent_requests
from tests import local_aws, network, people, stage
from tests.actors import Browser, ClientApp, Person
from tests.local_aws import LocalAws
from tests.local_run import LocalRun
from tests.mailbox import Mailbox
from tests.rehearsed import REHEARSED
from tests.request_calls import RequestCalls
from tests.store_proxy import StoreProxy
from tests.whole_run import WholeRun

network.close_outside()
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored if the suite was started in the background
_RUN = WholeRun()
_SIGNING_KEY = RSAKey.generate_key(2048, {"kid": "first", "alg": "RS256"})
_REQUEST_CALLS = RequestCalls()
_REQUEST_CALLS.watch(stage.APPLICATION, table_module.CONNECTION)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """pytest-xdist: one process more than there are processors, since tests of time-outs only wait."""
    return (os.cpu_count() or 1) + 1


def pytest_unconfigure() -> None:
    stage.stop()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    if REHEARSED:
        REHEARSED.leave_out(session.config, items)
    _RUN.is_whole = {item.path for item in items} >= set(Path(__file__).parent.rglob("test_*.py"))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """pytest-xdist: one of the processes that share the run has finished, or was lost."""
    if saw := getattr(node, "workeroutput", {}).get("run"):
        _RUN.add(saw)


def pytest_sessionfinish(session: pytest.Session) -> None:
    _RUN.see(_REQUEST_CALLS.made, stage.PROXY.calls)
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["run"] = _RUN.as_message()
    elif _complaints(session.testsfailed):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for complaint in _complaints(terminalreporter._session.testsfailed):
        terminalreporter.write_line(f"FAILED the whole run: {complaint}", red=True)


def _complaints(failed: int) -> list[str]:
    """What looking back on the run shows. A deployment is another process, whose calls are not seen here."""
    return [] if REHEARSED else list(_RUN.complaints(has_failed=failed > 0))


@pytest.fixture(scope="session", autouse=True)
def _ministack() -> None:
    stage.start()


@pytest.fixture(scope="session")
def base_url(_ministack: None) -> Iterator[str]:
    if REHEARSED:
        yield REHEARSED.public_url
        return
    with stage.served() as url:
        yield url


@pytest.fixture(scope="session")
def local_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRun]:
    """`make run`, started once for all tests that need no more than that it runs."""
    made = LocalRun(tmp_path_factory.mktemp("clone"))
    made.start()
    yield made
    made.terminate()


@pytest.fixture(name="store")
def store_proxy() -> StoreProxy:
    return stage.PROXY


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """SSM and KMS, in a MiniStack of their own. Tests use parameters of different names."""
    with local_aws.running(tmp_path_factory.mktemp("aws")) as made:
        yield made


@pytest.fixture
def fresh_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client of the store without the connections that faults of other tests left behind."""
    monkeypatch.setattr(table_module.CONNECTION, "_client", None)


@pytest.fixture
def impatient_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client of the store that tries once, for tests of how a failure is answered."""
    monkeypatch.setattr(limits, "STORE_TRIES", 1)


@pytest.fixture
def patient_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client of the store that waits as long as it takes, for tests that keep a busy machine busy."""
    monkeypatch.setattr(limits, "STORE_READ_SECONDS", 60)


@pytest.fixture
def mailbox() -> Mailbox:
    return REHEARSED.mailbox() if REHEARSED else Mailbox(stage.MAIL)


@pytest.fixture
def request_calls() -> RequestCalls:
    """What the application has called so far while it answered requests."""
    return _REQUEST_CALLS


@pytest.fixture
def application() -> Any:
    return stage.APPLICATION


class _Throttles:
    """The counts of 127.0.0.1, from where all tests speak HTTP: the failed tries of several tests must not add up."""

    def __init__(self) -> None:
        self._seen = 0

    def forget(self) -> None:
        """Reset the counts, if there was any since the last time."""
        calls = stage.PROXY.calls[self._seen :]
        self._seen += len(calls)
        if any("test-throttles" in call.tables for call in calls):
            throttle.forget(sign_in_try.address("127.0.0.1"), window_seconds=limits.SIGN_IN_WINDOW_SECONDS)
            elsewhere = throttle.named("sign-in elsewhere", "127.0.0.1")
            throttle.forget(elsewhere, window_seconds=limits.SIGN_IN_WINDOW_SECONDS)
            throttle.forget(throttle.named("mail address", "127.0.0.1"), window_seconds=limits.MAIL_WINDOW_SECONDS)


_THROTTLES = _Throttles()


@pytest.fixture(autouse=True)
def _nobody_throttled(request: pytest.FixtureRequest) -> None:
    if "base_url" in request.fixturenames:
        request.getfixturevalue("_ministack")
        _THROTTLES.forget()
        recent_requests.BUDGET.forget()


class Clock:
    """The application's clock, which a test can move."""

    def __init__(self) -> None:
        self.ahead = 0
        self.measured_ahead = 0.0
        self._real = clock_module.now
        self._real_monotonic = clock_module.monotonic

    def advance(self, seconds: int) -> None:
        self.ahead += seconds

    def stop(self) -> None:
        """Let no time pass but what the test lets pass: a second may begin between any two requests."""
        stands_at = self._real()
        self._real = lambda: stands_at

    def take(self, seconds: float) -> None:
        """Let what is being measured take so much longer."""
        self.measured_ahead += seconds

    def now(self) -> int:
        return self._real() + self.ahead

    def monotonic(self) -> float:
        return self._real_monotonic() + self.measured_ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(clock_module, "now", made.now)
    monkeypatch.setattr(clock_module, "monotonic", made.monotonic)
    return made


@pytest.fixture(name="signing_key")
def with_signing_key(_ministack: None, monkeypatch: pytest.MonkeyPatch) -> RSAKey:
    """The key that this stage signs with, for the length of a test."""
    made = _SIGNING_KEY
    as_operators_keep_it = {**made.as_dict(private=True), "status": signing.ACTIVE}
    changed: Any = replace(settings.SETTINGS, signing_keys=json.dumps({"keys": [as_operators_keep_it]}))
    monkeypatch.setattr(settings, "SETTINGS", changed)
    return made


@pytest.fixture
def signs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stage has no signing keys. The suite's own has none anyway; a rehearsed deployment has."""
    changed: Any = replace(settings.SETTINGS, signing_keys=None, signing_keys_parameter=None)
    monkeypatch.setattr(settings, "SETTINGS", changed)


@pytest.fixture
def a_person(_ministack: None) -> Callable[..., Person]:
    """A user with an account, who belongs to organizers with these names."""

    def make(*organizer_names: str, locale: str = "en") -> Person:
        return people.create_member(*organizer_names, locale=locale)

    return make


@pytest.fixture
def a_browser(base_url: str) -> Callable[..., Browser]:
    """A browser with a signed-in person of these organizers at it."""

    def make(*organizer_names: str) -> Browser:
        return people.signed_in(base_url, *organizer_names)

    return make


@pytest.fixture
def john(a_browser: Callable[..., Browser]) -> Browser:
    """A signed-in user who belongs to Big Events LLC and Small Shows."""
    return a_browser("Big Events LLC", "Small Shows")


@pytest.fixture
def eve(a_browser: Callable[..., Browser]) -> Browser:
    """Another signed-in user, who belongs to Other Org."""
    return a_browser("Other Org")


@pytest.fixture
def shop(base_url: str) -> ClientApp:
    """An application that some developer registered."""
    return people.register_application(base_url, "A shop")


@pytest.fixture
def other_shop(base_url: str) -> ClientApp:
    return people.register_application(base_url, "Another shop", "https://other.example.com/callback")
