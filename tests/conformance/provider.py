"""The provider that is judged: `make run` in its own folder, behind TLS, with users and the plan's applications."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from joserfc.jwk import ECKey, Key, RSAKey

from chalicelib import clock, signing_keys
from chalicelib.keys import new_key, rotation
from infra.laptop import demo
from infra.laptop.ministack import free_port
from tests.actors import Browser, Person
from tests.conformance.plans import FAPI, REGISTERS, Plan
from tests.local_run import LocalRun
from tests.tls_front import TlsFront

PERSON = Person("", demo.EVE["email"], password=demo.PASSWORD)
# Has allowed nothing, so the consent page is shown.
DENIER = Person("", "denier@localhost", password="four unrelated words here")
# The suite asks for this query on the second application's redirect URI: it must come back whole.
_SECOND_QUERY = "?dummy1=lorem&dummy2=ipsum"


class ProviderProblem(Exception):
    """`make run` or a command of the operator's failed. The message is for a person."""


class Provider:
    """suite_url: Lanyard may call the suite there. url: where the suite reaches this machine; a free port of localhost
    if it is None."""

    def __init__(self, folder: Path, suite_url: str, url: str | None = None) -> None:
        self.url = url or f"https://localhost:{free_port()}"
        # Nobody can sign up, so the operator knows who registers applications: errors go straight to them.
        settings = {"PUBLIC_URL": self.url, "SIGN_UP": "closed", "REGISTRATION": "open", "SITE_NAME": "Lanyard"}
        suite = urlsplit(suite_url)
        settings["REACHABLE_HOSTS"] = f"{suite.hostname}:{suite.port or 443}"
        self._run = LocalRun(folder, **settings)
        self._modules = 0
        self._front: TlsFront | None = None

    def __enter__(self) -> Provider:
        self._run.start()
        try:
            self._prepare()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _prepare(self) -> None:
        parts = urlsplit(self.url)
        host = "127.0.0.1" if parts.hostname == "localhost" else ""
        self._front = TlsFront(self.url, origin=self._run.base_url, host=host, port=parts.port or 443)
        name = ("--email", DENIER.email, "--fullname", "Deirdre Knight", "--password-stdin")
        self._manage("users", "create", *name, stdin=f"{DENIER.password}\n")
        self._manage("organizers", "add-member", "smallshows", DENIER.email)

    def __exit__(self, *_: object) -> None:
        if self._front:
            self._front.stop()
        self._run.interrupt()

    def metadata(self) -> dict[str, Any]:
        """What the provider says of itself, with OpenID Connect's discovery if it has that."""
        for path in ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"):
            response = requests.get(self._run.base_url + path, timeout=10)
            if response.ok:
                return dict(response.json())
        raise ProviderProblem("The provider has no metadata.")

    def browser(self, person: Person) -> Browser:
        """A new browser of this person, who is not signed in, and the next address that requests come from.

        A registration counts for its address, and the suite registers an application for each module: on one address it
        would soon be told to wait.
        """
        assert self._front is not None
        self._modules += 1
        self._front.source = f"127.0.{1 + self._modules // 250}.{1 + self._modules % 250}"
        browser = Browser(self.url, person)
        browser.http.verify = False  # the front's certificate is made for the run
        return browser

    def configuration(self, plan: Plan, suite_url: str) -> dict[str, Any]:
        """The plan's configuration, as the suite reads it, once its applications are registered."""
        callback = f"{suite_url}/test/a/{plan.alias}/callback"
        return {
            "alias": plan.alias,
            "description": plan.title,
            "server": {"discoveryUrl": self.url + self._discovery()},
            "consent": {},
            **self._clients(plan, callback),
            "resource": {"resourceUrl": f"{self.url}/api/v1/me"},
        }

    def rotate_keys(self) -> None:
        """Publish the key that will sign next, which is what oidcc-server-rotate-keys asks of the operator and checks.

        The keys of `make run` are in a file, so it is started again. Raises ProviderProblem.
        """
        self._run.interrupt()
        kept = self._run.folder / ".local" / "signing-keys.json"
        keys = signing_keys.parse(kept.read_text(encoding="utf-8"), with_private=True)
        made = new_key.make(signing_keys.ALGORITHMS[0], clock.now())
        keys = rotation.publish(keys, made, clock.now())
        kept.write_text(signing_keys.to_text_with_private(keys), encoding="utf-8")
        try:
            self._run.start()
        except AssertionError as error:
            raise ProviderProblem(str(error)) from error

    def _discovery(self) -> str:
        if "userinfo_endpoint" in self.metadata():
            return "/.well-known/openid-configuration"
        return "/.well-known/oauth-authorization-server"

    def _clients(self, plan: Plan, callback: str) -> dict[str, Any]:
        if plan.clients == REGISTERS:
            return {"client": {"client_name": "First"}, "client2": {"client_name": "Second"}}
        if plan.clients == FAPI:
            # An RSA key, so that the suite also tries RS256, which the profile does not allow; and one of another kind.
            rsa = RSAKey.generate_key(2048, {"alg": "PS256", "use": "sig"}, auto_kid=True)
            curve = ECKey.generate_key("P-256", {"alg": "ES256", "use": "sig"}, auto_kid=True)
            second = callback + _SECOND_QUERY
            return {"client": self._signs(plan, rsa, callback), "client2": self._signs(plan, curve, callback, second)}
        return {
            "client": self._has_secret(plan, callback, "client_secret_basic"),
            "client2": self._has_secret(plan, callback, "client_secret_basic"),
            "client_secret_post": self._has_secret(plan, callback, "client_secret_post"),
        }

    def _signs(self, plan: Plan, key: Key, *callbacks: str) -> dict[str, Any]:
        jwks = self._run.folder / "jwks.json"
        jwks.write_text(json.dumps({"keys": [key.as_dict(private=False)]}), encoding="utf-8")
        made = self._register(plan, callbacks, "--jwks", str(jwks), "--fapi")
        return {
            "client_id": made["client_id"],
            "scope": plan.scope,
            "jwks": {"keys": [key.as_dict(private=True)]},
            "dpop_signing_alg": "ES256",
        }

    def _has_secret(self, plan: Plan, callback: str, method: str) -> dict[str, Any]:
        made = self._register(plan, (callback,), "--auth-method", method)
        return {"client_id": made["client_id"], "client_secret": made["client_secret"]}

    def _register(self, plan: Plan, callbacks: tuple[str, ...], *more: str) -> dict[str, Any]:
        uris = [part for uri in callbacks for part in ("--redirect-uri", uri)]
        said = self._manage(
            "applications", "create", "--owner", demo.JOHN["email"], "--name", plan.title, *uris, *more, "--json"
        )
        return dict(json.loads(said))

    def _manage(self, *arguments: str, stdin: str = "") -> str:
        done: subprocess.CompletedProcess[str] = self._run.manage(*arguments, stdin=stdin)
        if done.returncode != 0:
            raise ProviderProblem(f"manage.py {' '.join(arguments[:2])}: {done.stderr.strip()}")
        return done.stdout
