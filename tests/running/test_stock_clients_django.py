"""A Django site connects people with social-auth and with allauth, both unchanged. It is the sample of a guide."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from infra.laptop.ministack import free_port
from tests.actors import Browser, ClientApp, Person
from tests.local_run import ROOT, LocalRun

SOCIAL, ALLAUTH = "/complete/lanyard/", "/accounts/lanyard/login/callback/"


@dataclass
class Site:
    """The Django site, and a person's browser at it."""

    url: str
    app: ClientApp
    http: requests.Session

    def get(self, path: str) -> requests.Response:
        return self.http.get(self.url + path, timeout=30)

    def connect(self, browser: Browser, path: str) -> dict[str, Any]:
        """Press the site's button, consent, and come back to its home page."""
        sent = self.http.post(self.url + path, allow_redirects=False, timeout=30)
        page = browser.open(sent.headers["Location"])
        page = page if page.left_to else browser.allow(page)
        assert page.left_to is not None
        back = self.http.get(page.left_to, timeout=30)
        assert back.status_code == 200, back.text
        return dict(back.json())


@pytest.fixture(scope="module")
def site(local_run: LocalRun) -> Iterator[Site]:
    port = free_port()
    uris = [f"http://127.0.0.1:{port}{path}" for path in (SOCIAL, ALLAUTH)]
    options = [part for uri in uris for part in ("--redirect-uri", uri)]
    made = local_run.manage(
        *("applications", "create", "--json", "--owner", "admin@localhost", "--name", "A Django site"), *options
    )
    row = json.loads(made.stdout)
    told = {"LANYARD_URL": local_run.base_url, "LANYARD_CLIENT_ID": row["client_id"]}
    told |= {"LANYARD_CLIENT_SECRET": row["client_secret"], "NO_PROXY": "*"}
    command = [sys.executable, "-m", "examples.django_site.site", str(port)]
    with subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **told}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"http://127.0.0.1:{port}/\n"
        app = ClientApp(local_run.base_url, row["client_id"], row["client_secret"], uris[0])
        yield Site(f"http://127.0.0.1:{port}", app, requests.Session())
        process.kill()


@pytest.fixture
def visitor(site: Site) -> Site:
    session = requests.Session()
    session.trust_env = False
    return Site(site.url, site.app, session)


def signed_in(at: Site, email: str) -> Browser:
    made = Browser(at.app.base_url, Person("", email, password="lanyard-demo"))
    made.sign_in()
    return made


def test_social_auth_signs_in_refreshes_and_revokes(visitor: Site) -> None:
    browser = signed_in(visitor, "eve@localhost")
    assert visitor.get("/").json() == {"email": None}
    home = visitor.connect(browser, "/login/lanyard/")
    assert home["email"] == "eve@localhost"
    first = home["social_auth"][0]
    assert visitor.app.me(first["access_token"]).json()["email"] == "eve@localhost"
    second = visitor.get("/refresh").json()
    assert second["access_token"] != first["access_token"]
    assert visitor.app.me(second["access_token"]).status_code == 200
    assert visitor.app.me(first["access_token"]).status_code == 401
    assert visitor.get("/disconnect").json() == {"disconnected": True}
    assert visitor.app.me(second["access_token"]).status_code == 401


def test_allauth_signs_in_with_pkce(visitor: Site) -> None:
    browser = signed_in(visitor, "eve@localhost")
    path = "/accounts/lanyard/login/"
    sent = visitor.http.get(visitor.url + path, allow_redirects=False, timeout=30)
    assert "code_challenge_method=S256" in urlsplit(sent.headers["Location"]).query
    home = visitor.connect(browser, path)
    assert home["email"] == "eve@localhost"
    assert home["allauth"][0]["email"] == "eve@localhost"
