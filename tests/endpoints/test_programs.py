"""/settings/applications/{id}/connect and /guide: the programs on the page connect, word for word as it shows them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from bs4 import Tag

from chalicelib import credentials, settings
from chalicelib.models import application, store
from chalicelib.models.application import BASIC, NATIVE, NONE, Application, Profile
from chalicelib.models.grant import Grant
from chalicelib.pages import programs
from tests.actors import CALLBACK, Browser, Page
from tests.signing_app import SigningApp

# It has the parameters of our own response, and characters that mean something in each language.
NASTY = "https://shop.example.com/it's/$(id)/$HOME/%22%5C?code=own&state=own&a=b"
TOOLS = {
    "curl": ("program.sh", ["bash", "-eu"], ("bash", "curl", "openssl", "jq")),
    "python": ("program.py", ["python3"], ("python3",)),
    "javascript": ("program.mjs", ["node"], ("node",)),
    "php": ("program.php", ["php"], ("php",)),
    "go": ("program.go", ["go", "run"], ("go",)),
}
KINDS = {
    "secret, either way": Profile(),
    "secret, only Basic": Profile(auth_method=BASIC, auth_method_named=True),
    "public": Profile(auth_method=NONE),
    "native": Profile(auth_method=NONE, application_type=NATIVE),
}


def registered(by: Browser, profile: Profile, *uris: str) -> tuple[Application, str]:
    return application.create(
        credentials.new_id(), owner_id=by.user.user_id, name="Mine", redirect_uris=uris, profile=profile
    )


def code_on(page: Page, part: str) -> str:
    found = page.html.find(id=part)
    assert isinstance(found, Tag), f"no part {part}: {page.text}"
    return found.get_text()


@contextmanager
def running(language: str, code: str, secret: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    name, command, tools = TOOLS[language]
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed")
    (folder / name).write_text(code, encoding="utf-8")
    environment = {**os.environ, "NO_PROXY": "*", "no_proxy": "*", "CLIENT_SECRET": secret}
    environment |= {
        "GOCACHE": str(folder.parent / "go-cache"),
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=mod",
        "GOPROXY": "off",
    }
    with subprocess.Popen(
        [*command, name],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


def address_in(output: IO[str]) -> str:
    """The address that the program prints for the user."""
    line = output.readline().strip()
    assert line.startswith("Open "), line
    return line.removeprefix("Open ")


@pytest.mark.spec("docs/architecture.md", "RFC 6749 §4.1", "RFC 7636 §4", "RFC 7009 §2")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", TOOLS)
def test_program_connects_calls_refreshes_and_revokes(john: Browser, language: str, kind: str, tmp_path: Path) -> None:
    if language == "go" and kind not in ("secret, either way", "native"):
        pytest.skip("compiling Go takes long, and its other two kinds differ in one line")
    uri = "com.example.app:/it's/$(id)" if kind == "native" else NASTY
    made, secret = registered(john, KINDS[kind], uri)
    page = john.open(f"/settings/applications/{made.client_id}/connect", **{"in": language})
    parts = [code_on(page, part) for part in programs.SECTIONS]
    assert code_on(page, "whole") == "\n".join(parts)
    assert not secret or secret not in page.response.text
    with running(language, code_on(page, "whole"), secret, tmp_path) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        answer = john.allow(john.open(address_in(process.stdout)), "Small Shows")
        assert answer.left_to is not None
        output, errors = process.communicate(answer.left_to + "\n", timeout=60)
    assert process.returncode == 0, errors
    shown = next(line for line in output.splitlines() if line.startswith("{"))
    assert json.loads(shown[: shown.index("}") + 1] if language == "curl" else shown)["email"] == john.user.email
    assert list(store.query(Grant, john.user.user_id)) == [], "the refresh token was not revoked"


@pytest.mark.spec("RFC 6749 §10.12", "RFC 9207 §2.4")
@pytest.mark.parametrize("language", [language for language in TOOLS if language != "go"])
@pytest.mark.parametrize("wrong", ["state", "iss"])
def test_program_stops_at_an_answer_that_is_not_its_own(
    john: Browser, language: str, wrong: str, tmp_path: Path
) -> None:
    made, secret = registered(john, Profile(), CALLBACK)
    page = john.open(f"/settings/applications/{made.client_id}/connect", **{"in": language})
    with running(language, code_on(page, "whole"), secret, tmp_path) as process:
        assert process.stdout is not None
        state = parse_qs(urlsplit(address_in(process.stdout)).query)["state"][0]
        told = {"code": "x", "state": state, "iss": john.base_url, wrong: "https://somebody.example.net"}
        output, errors = process.communicate(f"{CALLBACK}?{urlencode(told)}\n", timeout=60)
    assert "The state differs: this is not the answer to our request." in output + errors


@pytest.mark.spec("docs/architecture.md")
def test_page_has_every_language_and_says_where_the_programs_are_missing(john: Browser) -> None:
    mine = john.register_application("Mine")
    own = f"/settings/applications/{mine.client_id}"
    link = john.open(own).link("Programs to copy")
    assert link is not None
    page = john.open(link)
    assert [a.get_text() for a in page.html.select(".languages a")] == ["curl", "Python", "JavaScript", "PHP", "Go"]
    assert [str(a["href"]).partition("?")[2] for a in page.html.select(".languages a[aria-current]")] == ["in=curl"]
    assert john.open(f"{own}/connect", **{"in": "cobol"}).status == 404
    for client_id in (
        SigningApp.registered_by(john).client_id,
        registered(john, Profile(device_grant=True))[0].client_id,
    ):
        assert john.open(f"/settings/applications/{client_id}").link("Programs to copy") is None
        assert john.open(f"/settings/applications/{client_id}/connect").status == 404


@pytest.mark.spec("docs/security.md")
def test_only_the_owner_sees_the_programs(john: Browser, eve: Browser) -> None:
    mine = john.register_application("Mine")
    path = f"/settings/applications/{mine.client_id}/connect"
    assert eve.open(path).status == 404
    assert Browser(john.base_url).open(path).path == "/login"


@pytest.mark.spec("docs/architecture.md")
def test_home_page_leads_to_the_guide_the_metadata_and_the_description(base_url: str) -> None:
    nobody = Browser(base_url)
    home = nobody.open("/")
    for text in ("Guide", "API description", "Metadata"):
        link = home.link(text)
        assert link is not None
        assert nobody.open(link).status == 200


@pytest.mark.spec("docs/architecture.md")
@pytest.mark.parametrize(
    ("mode", "said"),
    [
        (settings.CLOSED, "Clients cannot register themselves here."),
        (settings.WITH_TOKEN, "with a token from the operator"),
        (settings.OPEN, "may register itself, or use the URL of its metadata document"),
    ],
)
def test_guide_says_who_may_register_itself(
    base_url: str, monkeypatch: pytest.MonkeyPatch, mode: str, said: str
) -> None:
    monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, registration=mode))
    page = Browser(base_url).open("/guide")
    assert page.status == 200
    assert said in page.text
    for link in page.html.select("main a"):
        assert Browser(base_url).open(str(link["href"])).status == 200
