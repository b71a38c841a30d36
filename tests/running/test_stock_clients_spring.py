"""A website with Spring Security, unchanged, connects, refreshes and revokes against `make run`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from infra.laptop.ministack import free_port
from tests import conversation, java, toolchains
from tests.actors import Browser, ClientApp, Person
from tests.local_run import LocalRun

EVE = Person("", "eve@localhost", {"smallshows": "Small Shows"}, password="lanyard-demo")


@dataclass
class SpringSite:
    """The Spring Boot site, and one visitor's browser at it."""

    url: str
    app: ClientApp
    http: requests.Session

    def get(self, path: str) -> requests.Response:
        return self.http.get(self.url + path, allow_redirects=False, timeout=60)

    def read(self, path: str) -> dict[str, Any]:
        response = self.get(path)
        assert response.status_code == 200, response.text
        return dict(response.json())

    def authorize(self, *organizers: str) -> str:
        """Start at the site, consent at Lanyard, and return the path that the browser is sent back to."""
        browser = Browser(self.app.base_url, EVE)
        browser.sign_in()
        asked = self.get("/oauth2/authorization/lanyard").headers["Location"]
        assert parse_qs(urlsplit(asked).query)["code_challenge_method"] == ["S256"]
        page = browser.open(asked)
        left_to = page.left_to or browser.allow(page, *organizers).left_to
        assert left_to is not None
        return left_to.removeprefix(self.url)


@contextmanager
def running(local_run: LocalRun, configuration: str) -> Iterator[SpringSite]:
    """The site with a configuration file of its own."""
    command = java.command("spring.Site")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    callback = f"{url}/login/oauth2/code/lanyard"
    made = local_run.manage(
        *("applications", "create", "--json", "--owner", "admin@localhost", "--name", "A Spring site"),
        *("--require-pkce", "--redirect-uri", callback),
    )
    row = json.loads(made.stdout)
    told = {"LANYARD_URL": local_run.base_url, "LANYARD_CLIENT_ID": row["client_id"]}
    told |= {"LANYARD_CLIENT_SECRET": row["client_secret"]}
    options = [f"--server.port={port}", "--server.address=127.0.0.1", "--logging.level.root=warn"]
    options += [f"--spring.config.location=classpath:/{configuration}"]
    with toolchains.serving([*command, *options], {**os.environ, **told}):
        app = ClientApp(local_run.base_url, row["client_id"], row["client_secret"], callback)
        yield SpringSite(url, app, requests.Session())


@pytest.fixture(scope="module")
def _running(local_run: LocalRun) -> Iterator[SpringSite]:
    with running(local_run, "application.yml") as made:
        yield made


@pytest.fixture
def site(_running: SpringSite) -> SpringSite:
    return visited(_running)


def visited(running_site: SpringSite) -> SpringSite:
    """The site with a visitor of its own."""
    session = requests.Session()
    session.trust_env = False
    return SpringSite(running_site.url, running_site.app, session)


@pytest.mark.spec("OpenID Connect Discovery §4", "OpenID Connect Core §3.1.3.7")
def test_spring_security_signs_people_in_with_nothing_but_the_issuer(local_run: LocalRun) -> None:
    with running(local_run, "openid.yml") as made:
        site = visited(made)
        assert site.get(site.authorize()).headers["Location"].rstrip("/") in ("", site.url)
        home = site.read("/")
        assert (home["profile"]["email"], home["profile"]["name"]) == ("eve@localhost", "Eve Moneypenny")
        assert home["profile"]["sub"] == site.app.me(home["access_token"]).json()["sub"]
        assert site.app.me(site.read("/refresh")["access_token"]).status_code == 200


def test_spring_security_connects_refreshes_and_disconnects(site: SpringSite) -> None:
    assert site.get(site.authorize("Small Shows")).headers["Location"].rstrip("/") in ("", site.url)
    home = site.read("/")
    assert home["profile"]["email"] == "eve@localhost"
    assert sorted(home["scopes"]) == ["read", "write"]
    assert site.app.me(home["access_token"]).status_code == 200
    refreshed = site.read("/refresh")["access_token"]
    assert refreshed != home["access_token"]
    assert site.app.me(refreshed).json()["email"] == "eve@localhost"
    assert site.app.me(home["access_token"]).status_code == 401, "a refresh ends the previous access token"
    assert site.read("/disconnect") == {"disconnected": True}
    assert site.app.me(refreshed).status_code == 401, "the token was revoked"


@pytest.mark.spec("RFC 6749 §10.12", "RFC 9207 §2.4")
@pytest.mark.parametrize("changed", [{"state": "forged"}, {"iss": "https://attacker.example"}])
def test_spring_site_refuses_a_forged_response(site: SpringSite, changed: dict[str, str]) -> None:
    site.get(conversation.forged(site.authorize("Small Shows"), **changed))
    assert site.get("/").status_code == 302, "nobody is signed in"
