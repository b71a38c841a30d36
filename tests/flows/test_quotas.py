"""Applications can push a limited number of requests and start a limited number of devices (RFC 9126 §2.3)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from chalicelib import limits
from chalicelib.models import throttle
from tests import people
from tests.actors import Browser, ClientApp
from tests.conftest import Clock
from tests.public_app import PublicApp
from tests.store_proxy import StoreProxy

pytestmark = [pytest.mark.spec("docs/security.md", "RFC 9126 §2.3", "RFC 6585 §4"), pytest.mark.usefixtures("few")]
MOST = 3
HERE = "127.0.0.1"


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    for what in ("PUSHED_REQUESTS", "DEVICE_REQUESTS"):
        monkeypatch.setattr(limits, f"{what}_PER_CLIENT", MOST)
        monkeypatch.setattr(limits, f"{what}_PER_ADDRESS", 2 * MOST)
    for what in ("pushed requests", "device requests"):
        throttle.forget(throttle.named(f"{what} address", HERE), window_seconds=limits.REQUESTS_WINDOW_SECONDS)


@pytest.fixture(autouse=True)
def _one_window(clock: Clock) -> None:
    """Begin a new time window, so that none ends in the middle of a test."""
    clock.advance(limits.REQUESTS_WINDOW_SECONDS - clock.now() % limits.REQUESTS_WINDOW_SECONDS)


@pytest.fixture
def devices(a_browser: Callable[..., Browser]) -> Callable[[], ClientApp]:
    """Make applications that have a secret and may start devices."""
    developer = a_browser()

    def make() -> ClientApp:
        made = developer.register_application()
        developer.press(developer.open(f"/settings/applications/{made.client_id}"), "Save", tick=[DEVICES])
        people.note_in_use(made)
        return made

    return make


DEVICES = "Devices without a browser People connect them by entering a code. They need no redirect URL."


def send(app: ClientApp, path: str) -> requests.Response:
    asked = app.parameters()
    if app.secret:
        asked.pop("client_id")
    if isinstance(app, PublicApp):
        asked.update(code_challenge="x" * 43, code_challenge_method="S256")
    url = f"{app.base_url}/api/v1/oauth/{path}"
    return requests.post(url, data=asked, auth=(app.client_id, app.secret) if app.secret else None, timeout=30)


def is_taken(answer: requests.Response) -> bool:
    if answer.status_code in (200, 201):
        return True
    assert (answer.status_code, answer.json()["error"]) == (429, "temporarily_unavailable"), answer.text
    assert 0 < int(answer.headers["Retry-After"]) <= limits.REQUESTS_WINDOW_SECONDS
    assert f"Try again in {answer.headers['Retry-After']} seconds" in answer.json()["error_description"]
    return False


@pytest.mark.parametrize("path", ["par", "device_authorization"])
def test_application_over_its_quota_is_refused_and_others_are_not(
    devices: Callable[[], ClientApp], path: str, clock: Clock
) -> None:
    busy, other = devices(), devices()
    assert [is_taken(send(busy, path)) for _ in range(MOST + 2)] == [True] * MOST + [False] * 2
    assert is_taken(send(other, path))
    clock.advance(limits.REQUESTS_WINDOW_SECONDS)
    assert is_taken(send(busy, path))


@pytest.mark.parametrize("path", ["par", "device_authorization"])
def test_address_over_its_quota_is_refused_for_every_application(devices: Callable[[], ClientApp], path: str) -> None:
    taken = [is_taken(send(app, path)) for app in (devices(), devices(), devices()) for _ in range(MOST)]
    assert taken == [True] * 2 * MOST + [False] * MOST


def test_requests_from_other_addresses_do_not_use_up_a_public_applications_quota(
    a_browser: Callable[..., Browser],
) -> None:
    app = PublicApp.registered_by(a_browser())
    elsewhere = throttle.named("pushed requests client", app.client_id, "203.0.113.9")
    in_all = throttle.named("pushed requests client", app.client_id)
    for what in (elsewhere, in_all):
        for _ in range(MOST):
            throttle.count_try(what, window_seconds=limits.REQUESTS_WINDOW_SECONDS)
    assert [is_taken(send(app, "par")) for _ in range(MOST + 1)] == [True] * MOST + [False]


@pytest.mark.parametrize("path", ["par", "device_authorization"])
def test_requests_with_a_wrong_secret_do_not_use_up_an_applications_quota(
    devices: Callable[[], ClientApp], path: str
) -> None:
    app = devices()
    thief = ClientApp(app.base_url, app.client_id, "lycs_wrong", app.redirect_uri)
    for _ in range(MOST + 1):
        assert send(thief, path).json()["error"] == "invalid_client"
    assert is_taken(send(app, path))


@pytest.mark.parametrize("path", ["par", "device_authorization"])
def test_request_over_the_quota_is_logged_and_not_stored(
    devices: Callable[[], ClientApp], path: str, store: StoreProxy, capsys: pytest.CaptureFixture[str]
) -> None:
    app = devices()
    with store.count() as calls:
        assert is_taken(send(app, path))
    kept = {"par": "PutItem", "device_authorization": "TransactWriteItems"}[path]
    assert [call.operation for call in calls] == ["GetItem", "UpdateItem", "UpdateItem", kept]
    for _ in range(MOST):
        send(app, path)
    capsys.readouterr()
    with store.count() as calls:
        assert not is_taken(send(app, path))
    # The last write is the line for the developer.
    assert [call.operation for call in calls] == ["GetItem", "UpdateItem", "PutItem"]
    assert "requests throttled" in capsys.readouterr().out
