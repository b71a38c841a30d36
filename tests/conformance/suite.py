"""The suite's REST API: plans, the modules in them, their logs, and the addresses that a person would open."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_CALL_SECONDS = 60
_SUBMITTED_TO = re.compile(r"xhr\.open\('POST', (\"[^\"]+\")")


class SuiteProblem(Exception):
    """The suite cannot be reached, or refuses a call. The message is one line for a person."""


@dataclass(frozen=True)
class Module:
    """A test of a plan. variant: what of the plan's variants distinguishes it from others of the same name."""

    name: str
    variant: Mapping[str, str]


@dataclass(frozen=True)
class Visit:
    """An address that the person at the browser is to open. method: GET or POST."""

    url: str
    method: str


class Suite:
    """token: for a suite that asks people to sign in; it makes one for them."""

    def __init__(self, url: str, *, token: str | None = None) -> None:
        self.url = url.rstrip("/")
        self.http = requests.Session()
        if urlsplit(url).hostname in _LOOPBACK:  # it made its certificate itself, and no proxy leads there
            self.http.verify = False
            self.http.trust_env = False
        if token:
            self.http.headers["Authorization"] = f"Bearer {token}"

    def version(self) -> str:
        """Its version, with the revision where it says that."""
        said = self._call("GET", "/api/server").json()
        revision = said.get("revision")
        return f"{said.get('version', 'unknown')} (revision {revision})" if revision else str(said.get("version"))

    def create_plan(
        self, name: str, variant: Mapping[str, str], configuration: Mapping[str, Any]
    ) -> tuple[str, list[Module]]:
        query = {"planName": name, "variant": json.dumps(variant)}
        made = self._call("POST", "/api/plan", params=query, json=configuration).json()
        return made["id"], [Module(found["testModule"], found.get("variant") or {}) for found in made["modules"]]

    def create_test(self, plan_id: str, module: Module) -> str:
        """Make the module's test, which mostly starts by itself. Returns its id."""
        query = {"test": module.name, "plan": plan_id, "variant": json.dumps(module.variant)}
        headers = {"Content-Type": "application/json"}
        return str(self._call("POST", "/api/runner", params=query, headers=headers).json()["id"])

    def start(self, test_id: str) -> None:
        """Start a test that waits for that, since something has to be done first."""
        self._call("POST", f"/api/runner/{test_id}")

    def cancel(self, test_id: str) -> None:
        """End a test. One that ends by itself in the meantime is refused, which is as good."""
        try:
            self._call("DELETE", f"/api/runner/{test_id}")
        except SuiteProblem:
            if self.information(test_id)["status"] not in ("FINISHED", "INTERRUPTED"):
                raise

    def information(self, test_id: str) -> dict[str, Any]:
        """status: CREATED, CONFIGURED, RUNNING, WAITING, FINISHED or INTERRUPTED. result: None until there is one."""
        return dict(self._call("GET", f"/api/info/{test_id}").json())

    def log(self, test_id: str) -> list[dict[str, Any]]:
        return list(self._call("GET", f"/api/log/{test_id}").json())

    def visits(self, test_id: str) -> list[Visit]:
        """What is to be opened and was not yet. Empty also for a test that ended in between."""
        response = self._send("GET", f"/api/runner/{test_id}")
        if response.status_code == 404:
            return []
        browser = _checked(response).json().get("browser") or {}
        with_method = browser.get("urlsWithMethod")
        if with_method is None:
            return [Visit(url, "GET") for url in browser.get("urls", ())]
        return [Visit(found["url"], found.get("method", "GET")) for found in with_method]

    def say_visited(self, test_id: str, visit: Visit) -> None:
        response = self._send("POST", f"/api/runner/browser/{test_id}/visit", params={"url": visit.url})
        if response.status_code != 404:
            _checked(response)

    def upload_picture(self, test_id: str, placeholder: str, picture: str) -> None:
        """picture: a data: URL of a PNG."""
        self._call("POST", f"/api/log/{test_id}/images/{placeholder}", data=picture)

    def take_back(self, location: str, form: Mapping[str, Any] | None = None) -> None:
        """Bring the browser back to the suite, as its own page in a browser with JavaScript does.

        That page reads the fragment and posts it; so a redirect without one posts an empty text. form: what our page
        posts there, with response_mode=form_post.
        """
        url, _, fragment = location.partition("#")
        page = self.http.post(url, data=form, timeout=_CALL_SECONDS) if form else self._get(url)
        found = _SUBMITTED_TO.search(page.text)
        if found:
            text = f"#{fragment}" if fragment else ""
            headers = {"Content-Type": "text/plain"}
            self.http.post(json.loads(found[1]), data=text, headers=headers, timeout=_CALL_SECONDS)

    def _get(self, url: str) -> requests.Response:
        return self.http.get(url, timeout=_CALL_SECONDS)

    def _call(self, method: str, path: str, **more: Any) -> requests.Response:
        return _checked(self._send(method, path, **more))

    def _send(self, method: str, path: str, **more: Any) -> requests.Response:
        try:
            return self.http.request(method, self.url + path, timeout=_CALL_SECONDS, **more)
        except requests.RequestException as error:
            raise SuiteProblem(f"The suite at {self.url} does not answer: {type(error).__name__}") from error


def _checked(response: requests.Response) -> requests.Response:
    if not response.ok:
        path = urlsplit(response.url).path
        raise SuiteProblem(f"The suite answers {path} with {response.status_code}: {response.text[:200]!r}")
    return response
