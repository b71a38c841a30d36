"""An operator verifies an application: the consent page says so and shows its logo, until something of it changes."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from chalicelib import credentials, limits, outbound
from chalicelib.models import application, application_edit, store, verification
from chalicelib.models.application import About, Application
from chalicelib.models.verification import Logo
from infra.commands import Operator
from infra.commands.verification import applications_verify
from tests.actors import CALLBACK, Browser, ClientApp, Page
from tests.document_server import DocumentServer, write
from tests.store_proxy import StoreProxy

HOST = "pictures.example.com"
LOGO = f"https://{HOST}/logo.png?size=64"
PICTURES = {
    "image/png": b"\x89PNG\r\n\x1a\n" + b"p" * 40,
    "image/jpeg": b"\xff\xd8\xff\xe0" + b"j" * 40,
    "image/webp": b"RIFF\x20\x00\x00\x00WEBP" + b"w" * 40,
}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DocumentServer]:
    server = DocumentServer(tmp_path, HOST)
    monkeypatch.setattr(outbound, "NETWORK", server.network())
    answer(server, "image/png", PICTURES["image/png"])
    yield server
    server.stop()


def answer(site: DocumentServer, kind: str, body: bytes, status: int = 200) -> None:
    site.answers["/logo.png?size=64"] = lambda handler: write(handler, status, kind, body)


def run(app: ClientApp, *options: str) -> Result:
    commands: Any = click.Group(commands={"verify": applications_verify})
    return CliRunner().invoke(commands, ["verify", app.client_id, *options], obj=Operator())


def found(app: ClientApp) -> Application:
    read = application.get(app.client_id)
    assert read is not None
    return read


def edit(app: ClientApp, *, name: str = "A shop", uri: str = CALLBACK, **said: Any) -> None:
    about = About(**{"client_uri": "https://shop.example.com/", "logo_uri": LOGO, **said})
    application_edit.edit(app.client_id, name=name, redirect_uris=[uri], about=about)


def logo_on(page: Page) -> str | None:
    pictures = page.html.select(".parties img.logo")
    return next((str(picture["src"]) for picture in pictures if str(picture["src"]).startswith("data:")), None)


@pytest.fixture
def mine(shop: ClientApp) -> ClientApp:
    edit(shop)
    return shop


@pytest.mark.spec("docs/security.md", "RFC 7591 §5")
@pytest.mark.parametrize("kind", PICTURES)
def test_verified_application_is_shown_with_its_logo(
    john: Browser, mine: ClientApp, site: DocumentServer, kind: str
) -> None:
    before = john.open(mine.authorize_path())
    assert logo_on(before) is None
    assert "Verified by" not in before.text
    answer(site, kind, PICTURES[kind])
    assert run(mine).exit_code == 0
    page = john.open(mine.authorize_path())
    assert logo_on(page) == f"data:{kind};base64,{base64.b64encode(PICTURES[kind]).decode()}"
    assert "Verified by Lanyard" in page.text
    assert "Lanyard has not checked them" in before.text
    assert "Lanyard has not checked them" not in page.text
    assert site.asked == ["/logo.png?size=64"]  # by the operator's command, never by a page


@pytest.mark.spec("RFC 8252 §8.6")
def test_verified_application_that_registered_itself_can_still_be_imitated_on_the_device(
    john: Browser, site: DocumentServer
) -> None:
    uri = "http://127.0.0.1:5000/callback"
    made, _ = application.create(credentials.new_id(), owner_id=application.ITSELF, name="A host", redirect_uris=[uri])
    app = ClientApp(john.base_url, made.client_id, "", uri)
    before = john.open(app.authorize_path())
    assert "We do not know who is behind it" in before.text
    assert run(app).exit_code == 0
    page = john.open(app.authorize_path())
    assert "We do not know who is behind it" not in page.text
    for shown in (before, page):
        assert "Any program on this device can pretend to be it." in shown.text


@pytest.mark.spec("docs/security.md")
@pytest.mark.parametrize(
    "change",
    [
        {"name": "Another name"},
        {"uri": "https://shop.example.com/other"},
        {"client_uri": "https://elsewhere.example/"},
        {"client_uri": None},
        {"logo_uri": "https://elsewhere.example/logo.png"},
    ],
    ids=str,
)
def test_change_of_what_was_verified_ends_it(
    john: Browser, mine: ClientApp, site: DocumentServer, change: dict[str, Any]
) -> None:
    assert run(mine).exit_code == 0
    edit(mine, tos_uri="https://shop.example.com/terms")  # which was not verified
    assert verification.is_verified(found(mine))
    edit(mine, **change)
    page = john.open(mine.authorize_path(redirect_uri=change.get("uri", CALLBACK)))
    assert logo_on(page) is None
    assert "Verified by" not in page.text
    edit(mine)
    assert verification.is_verified(found(mine)), "it is as it was verified"


@pytest.mark.spec("docs/operations.md")
@pytest.mark.parametrize(
    ("kind", "body", "status", "problem"),
    [
        ("image/png", b"<svg onload='alert(1)'/>", 200, "it is not a PNG, JPEG or WebP picture"),
        ("image/svg+xml", b"<svg/>", 200, "it is not a PNG, JPEG or WebP picture"),
        ("text/html", PICTURES["image/png"], 200, "it is not a PNG, JPEG or WebP picture"),
        ("image/png", PICTURES["image/png"] * 400, 200, f"it is larger than {limits.LOGO_LIMIT_BYTES} bytes"),
        ("image/png", b"", 404, "its server answers 404 (redirects are not followed)"),
    ],
)
def test_logo_that_cannot_be_used_verifies_nothing_and_is_explained(
    mine: ClientApp, site: DocumentServer, kind: str, body: bytes, status: int, problem: str
) -> None:
    answer(site, kind, body, status)
    ended = run(mine)
    assert ended.exit_code == 2
    advice = "To verify the rest, add --without-logo."
    assert ended.output.endswith(f"Error: The logo at {LOGO} cannot be used: {problem}. {advice}\n")
    assert not verification.is_verified(found(mine))
    assert run(mine, "--without-logo").exit_code == 0
    assert verification.is_verified(found(mine))


@pytest.mark.spec("docs/security.md")
def test_logo_is_not_fetched_from_another_port_or_a_private_address(mine: ClientApp, site: DocumentServer) -> None:
    edit(mine, logo_uri=f"https://{HOST}:8443/logo.png")
    assert "its port is not 443" in run(mine).output
    edit(mine)
    site.addresses = ["10.0.0.1"]
    assert "its host has an address that is not public" in run(mine).output
    assert site.asked == []


@pytest.mark.spec("docs/operations.md")
def test_operator_takes_a_verification_back(john: Browser, mine: ClientApp, site: DocumentServer) -> None:
    assert json.loads(run(mine, "--dry-run", "--json").output)["would"].startswith(f"verify {mine.client_id}: 'A shop'")
    assert not verification.is_verified(found(mine))
    assert run(mine).exit_code == 0
    assert run(mine, "--end").exit_code == 0
    assert "Verified by" not in john.open(mine.authorize_path()).text
    assert store.read(Logo.key(mine.client_id))[0] is None


@pytest.mark.spec("docs/storage.md")
def test_logo_is_deleted_with_its_application(john: Browser, site: DocumentServer) -> None:
    mine = john.register_application("A shop")
    edit(mine)
    assert run(mine).exit_code == 0
    assert store.read(Logo.key(mine.client_id))[0] is not None
    john.press(john.open(f"/settings/applications/{mine.client_id}/delete"), "Delete application")
    assert store.read(Logo.key(mine.client_id))[0] is None
    assert run(mine).output.endswith(f"Error: There is no application {mine.client_id}.\n")


@pytest.mark.spec("docs/architecture.md")
def test_logo_costs_no_round_trip_and_an_unverified_one_no_read(
    john: Browser, mine: ClientApp, site: DocumentServer, store: StoreProxy
) -> None:
    with store.count() as before:
        john.open(mine.authorize_path())
    assert run(mine).exit_code == 0
    with store.count() as after:
        john.open(mine.authorize_path())
    assert [call.operation for call in before] == [call.operation for call in after]
    assert ["test-logos" in call.tables for call in before + after].count(True) == 1


@pytest.mark.spec("docs/architecture.md")
def test_owner_sees_that_the_application_is_verified(john: Browser, site: DocumentServer) -> None:
    mine = john.register_application("A shop")
    assert "A change of the name, home page" not in john.open(f"/settings/applications/{mine.client_id}").text
    assert run(mine).exit_code == 0
    assert "A change of the name, home page" in john.open(f"/settings/applications/{mine.client_id}").text
