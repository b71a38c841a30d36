"""/settings/applications/{id}/connect and /guide: the programs on the page connect, word for word as it shows them.

Those of the grants without a redirect URI are in test_programs_without_redirects.py.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from chalicelib import credentials, settings
from chalicelib.models import application, store
from chalicelib.models.application import BASIC, NATIVE, NONE, Application, Profile
from chalicelib.models.grant import Grant
from chalicelib.pages import programs
from tests.actors import CALLBACK, Browser
from tests.copied_program import TOOLS, running, shown

# It has the parameters of our own response, and characters that mean something in each language.
NASTY = "https://shop.example.com/it's/$(id)/$HOME/%22%5C?code=own&state=own&a=b"
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


def address_in(line: str) -> str:
    """The address that a program prints for the user."""
    assert line.startswith("Open "), line
    return line.removeprefix("Open ")


@pytest.mark.spec("docs/architecture.md", "RFC 6749 §4.1", "RFC 7636 §4", "RFC 7009 §2")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", TOOLS)
def test_program_connects_calls_refreshes_and_revokes(john: Browser, language: str, kind: str, tmp_path: Path) -> None:
    uri = "com.example.app:/it's/$(id)" if kind == "native" else NASTY
    made, secret = registered(john, KINDS[kind], uri)
    code = shown(john, made.client_id, language, programs.CODE)
    assert not secret or secret not in code
    with running(language, code, tmp_path, secret=secret) as program:
        answer = john.allow(john.open(address_in(program.line())), "Small Shows")
        assert answer.left_to is not None
        status, output, errors = program.finish(answer.left_to)
    assert (status, errors) == (0, "")
    profile = next(line for line in output.splitlines() if line.startswith("{"))
    assert json.loads(profile)["email"] == john.user.email
    assert list(store.query(Grant, john.user.user_id)) == [], "the refresh token was not revoked"


@pytest.mark.spec("RFC 6749 §10.12", "RFC 9207 §2.4")
@pytest.mark.parametrize("language", TOOLS)
@pytest.mark.parametrize("wrong", ["state", "iss"])
def test_program_stops_at_an_answer_that_is_not_its_own(
    john: Browser, language: str, wrong: str, tmp_path: Path
) -> None:
    made, secret = registered(john, Profile(), CALLBACK)
    with running(language, shown(john, made.client_id, language, programs.CODE), tmp_path, secret=secret) as program:
        state = parse_qs(urlsplit(address_in(program.line())).query)["state"][0]
        told = {"code": "x", "state": state, "iss": john.base_url, wrong: "https://somebody.example.net"}
        status, output, errors = program.finish(f"{CALLBACK}?{urlencode(told)}")
    assert status != 0
    assert "The state differs: this is not the answer to our request." in output + errors


@pytest.mark.spec("docs/architecture.md", "RFC 6749 §4.1.2.1")
@pytest.mark.parametrize("language", TOOLS)
def test_program_says_that_the_user_said_no(john: Browser, language: str, tmp_path: Path) -> None:
    made, secret = registered(john, Profile(), CALLBACK)
    with running(language, shown(john, made.client_id, language, programs.CODE), tmp_path, secret=secret) as program:
        answer = john.press(john.open(address_in(program.line())), "Deny")
        status, output, errors = program.finish(str(answer.left_to))
    assert status != 0
    assert "Not connected: access_denied" in output + errors


@pytest.mark.spec("docs/security.md")
def test_bash_program_hands_no_secret_and_no_token_to_a_command_as_an_argument(john: Browser, tmp_path: Path) -> None:
    made, secret = registered(john, Profile(auth_method=BASIC, auth_method_named=True), CALLBACK)
    for name in ("curl", "openssl", "sed", "tr"):
        watched = tmp_path / "bin" / name
        watched.parent.mkdir(exist_ok=True)
        watched.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> "$SEEN"\nexec {shutil.which(name)} "$@"\n')
        watched.chmod(0o755)
    seen = tmp_path / "seen"
    watching = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "SEEN": str(seen)}
    code = shown(john, made.client_id, "curl", programs.CODE)
    with running("curl", code, tmp_path, secret=secret, environment=watching) as program:
        answer = john.allow(john.open(address_in(program.line())), "Small Shows")
        assert program.finish(str(answer.left_to))[0] == 0
    arguments = seen.read_text("utf-8")
    assert f"{john.base_url}/api/v1/me" in arguments
    assert [word for word in (secret, answer.code) if word in arguments] == []
    found = [credentials.recognize(word, kind) for word in arguments.split() for kind in credentials.Kind]
    assert [kind for kind in found if kind] == []


@pytest.mark.spec("docs/architecture.md")
@pytest.mark.parametrize("language", TOOLS)
def test_program_without_its_secret_says_what_to_set(john: Browser, language: str, tmp_path: Path) -> None:
    made, _ = registered(john, Profile(), CALLBACK)
    with running(language, shown(john, made.client_id, language, programs.CODE), tmp_path) as program:
        status, output, errors = program.finish()
    assert status != 0
    assert "CLIENT_SECRET" in output + errors


# Everything that means something between quotes in one of the languages, a character beyond 16 bits, a line separator
# and a byte order mark.
ANY = "'\"$HOME ${HOME} $(id) `id` \\ \\' \\n %s {{x}} </script> ?> \U0001f600 \u2028 \ufeff"
PRINT = {
    "curl": "printf %s {}",
    "python": "print({}, end='')",
    "javascript": "process.stdout.write({})",
    "php": "<?php echo {};",
    "go": 'package main\nimport "fmt"\nfunc main() {{ fmt.Print({}) }}',
}


@pytest.mark.spec("docs/architecture.md")
@pytest.mark.parametrize("language", TOOLS)
def test_any_value_is_quoted_for_its_language(language: str, tmp_path: Path) -> None:
    code = PRINT[language].format(programs.QUOTING[language](ANY))
    with running(language, code, tmp_path, environment={"PYTHONIOENCODING": "utf-8"}) as program:
        assert program.finish() == (0, ANY, "")


@pytest.mark.spec("docs/architecture.md")
def test_page_has_every_language(john: Browser) -> None:
    mine = john.register_application("Mine")
    own = f"/settings/applications/{mine.client_id}"
    link = john.open(own).link("Programs to copy")
    assert link is not None
    page = john.open(link)
    assert [a.get_text() for a in page.html.select(".languages a")] == ["curl", "Python", "JavaScript", "PHP", "Go"]
    assert [a.get_text() for a in page.html.select(".languages a[aria-current]")] == ["curl"]
    assert john.open(f"{own}/connect", **{"in": "cobol"}).status == 404


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
