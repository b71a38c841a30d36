"""Goes through the connect flow over HTTP as an application and a browser, and checks every response and its headers.

It is for an operator who has just deployed: it prints a line for each result, and stops at the first failure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import requests
from bs4 import BeautifulSoup
from requests.adapters import HTTPAdapter

STATE = "state of lanyard check"
CALLBACK = "https://check.invalid/callback"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_TIMEOUT_SECONDS = 35  # more than API Gateway's 29


class CheckFailed(Exception):
    """A check failed. The message is one line."""


@dataclass(frozen=True)
class Account:
    """The user that the check signs in as, and its application."""

    email: str
    password: str
    organizer: str
    client_id: str
    client_secret: str


class ConnectTo(HTTPAdapter):
    """Sends requests for one host to another address, with the host's name, like curl's --connect-to.

    to: such as "http://127.0.0.1:4566". host: the Host header to send.
    """

    def __init__(self, to: str, host: str) -> None:
        self._to = to
        self._host = host
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Request the host's certificate over TLS (SNI), for servers with several domains."""
        super().init_poolmanager(*args, **kwargs, server_hostname=self._host.partition(":")[0])

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        parts = urlsplit(str(request.url))
        sent = request.copy()  # the session needs the original's URL for its cookies
        sent.url = f"{self._to}{parts.path}{'?' if parts.query else ''}{parts.query}"
        sent.headers["Host"] = self._host
        response = super().send(sent, *args, **kwargs)
        response.request, response.url = request, str(request.url)
        return response


class Visit:
    """One pass through the flow at `url`.

    say: called with a line for each result. has_gateway: is API Gateway there, with its own responses to check?
    """

    def __init__(
        self,
        url: str,
        account: Account,
        say: Callable[[str], None],
        *,
        has_gateway: bool,
        adapter: HTTPAdapter | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self.account = account
        self.say = say
        self._has_gateway = has_gateway
        self._adapter = adapter
        self._browser = self._session()
        self._client = self._session()

    def run(self) -> None:
        """Go through the flow. Raises CheckFailed at the first failure."""
        self._check_front_page()
        if self._has_gateway:
            self._check_unknown_addresses()
        self._check_errors()
        self._check_keys()
        self._sign_in()
        tokens = self._exchange(self._allow())
        self._use(tokens["access_token"])
        old, new = tokens["access_token"], self._refresh(tokens["refresh_token"])
        self._check_refused(old, "the access token before the refresh")
        self._introspect(new, active=True)
        self._revoke(tokens["refresh_token"])
        self._check_refused(new, "the access token after the revocation")
        self._introspect(new, active=False)

    def _check_front_page(self) -> None:
        answer = self._get(self._browser, "/")
        _expect(answer.status_code == 200, f"the front page answers {answer.status_code}")
        self._check_headers(answer)
        policy = answer.headers.get("Content-Security-Policy", "")
        _expect("frame-ancestors 'none'" in policy, "the front page may be framed")
        style = BeautifulSoup(answer.text, "html.parser").find("link", rel="stylesheet")
        _expect(style is not None, "the front page has no style sheet")
        sheet = self._browser.get(urljoin(answer.url, str(style["href"])), timeout=_TIMEOUT_SECONDS)  # type: ignore[index]
        _expect(
            sheet.status_code == 200, f"the style sheet answers {sheet.status_code}: its link misses the base path?"
        )
        self.say("The front page, its style sheet and its headers are correct")

    def _check_unknown_addresses(self) -> None:
        missing = self._get(self._client, "/nothing/is/here")
        _expect(missing.status_code == 404, f"an unknown path answers {missing.status_code}, not 404")
        _expect("error" in _json(missing), "an unknown path answers without an OAuth error")
        page = self._get(self._browser, "/nothing/is/here", accept="text/html")
        _expect(page.status_code == 404, f"an unknown path shows a browser {page.status_code}, not 404")
        self._check_headers(page)
        _expect("<h1>" in page.text, "an unknown path has no page for a browser")
        self.say("An unknown URL has a page for browsers, and OAuth's JSON for programs")

    def _check_errors(self) -> None:
        unknown = self._get(self._client, "/api/v1/oauth/authorize", client_id="unknown", response_type="code")
        _expect(unknown.status_code == 400, f"an unknown client is answered {unknown.status_code}, not 400")
        _expect("Location" not in unknown.headers, "an unknown client is redirected")
        bare = self._get(self._client, "/api/v1/me")
        _expect(bare.status_code == 401, f"/me without a token answers {bare.status_code}, not 401")
        _expect("Bearer" in _challenge(bare), "/me without a token has no Bearer challenge")
        _expect("resource_metadata=" in _challenge(bare), "/me's challenge does not lead to its metadata")
        wrong = self._post_client("/api/v1/oauth/token", secret="x", grant_type="authorization_code", code="x")
        _expect(_error(wrong) == (401, "invalid_client"), f"a wrong client secret is answered {_error(wrong)}")
        _expect("Basic" in _challenge(wrong), "a wrong client secret has no Basic challenge")
        renamed = "" if "WWW-Authenticate" in bare.headers else " (as x-amzn-Remapped-WWW-Authenticate)"
        self.say(f"Unknown clients and missing credentials are refused; challenges arrive{renamed}")

    def _check_keys(self) -> None:
        if "jwks_uri" not in _json(self._get(self._client, "/.well-known/oauth-authorization-server")):
            return
        answer = self._get(self._client, "/.well-known/jwks.json")
        problem = f"the keys that sign are not published ({answer.status_code}). See manage.py keys list, keys new"
        _expect(answer.status_code == 200 and bool(_json(answer).get("keys")), problem)
        self.say("The keys that sign are published")

    def _sign_in(self) -> None:
        page = self._get(self._browser, "/login")
        answer = self._send_form(page, "password", email=self.account.email, password=self.account.password)
        _expect(answer.status_code == 303, f"the sign-in answers {answer.status_code}")
        cookie = answer.headers.get("Set-Cookie", "")
        for part in ("HttpOnly", "SameSite=Lax", *(("Secure", "__Host-") if self.is_https else ())):
            _expect(part in cookie, f"the session's cookie lacks {part}")
        home = urljoin(answer.url, answer.headers["Location"])
        _expect(home.startswith(self.url), f"the sign-in leads to {home}, away from {self.url}")
        self.say("A user signs in; the cookie is correct")

    def _allow(self) -> str:
        asked = {"client_id": self.account.client_id, "response_type": "code", "scope": "read write"}
        page = self._get(self._browser, "/api/v1/oauth/authorize", redirect_uri=CALLBACK, state=STATE, **asked)
        _expect(page.status_code == 200, f"the consent page answers {page.status_code}")
        self._check_headers(page)
        answer = self._send_form(page, "decision", organizers=self.account.organizer, decision="allow")
        location = answer.headers.get("Location", "")
        _expect(answer.status_code == 303, f"the consent answers {answer.status_code}")
        _expect(location.startswith(CALLBACK + "?"), "the consent does not lead back to the application")
        query = dict(parse_qsl(urlsplit(location).query))
        _expect(query.get("state") == STATE, "the state does not come back as it was sent")
        _expect("code" in query, f"no code comes back: {query.get('error')}")
        self.say("The consent page leads back to the application with a code and the state")
        return query["code"]

    def _exchange(self, code: str) -> dict[str, Any]:
        answer = self._post_client(
            "/api/v1/oauth/token", grant_type="authorization_code", code=code, redirect_uri=CALLBACK
        )
        _expect(answer.status_code == 200, f"the code's exchange answers {_error(answer)}")
        self._check_headers(answer)
        tokens = _json(answer)
        _expect(
            {"access_token", "refresh_token", "expires_in", "token_type", "scope"} <= set(tokens), "tokens are missing"
        )
        self.say("The code is exchanged for an access token and a refresh token")
        return tokens

    def _use(self, token: str) -> None:
        me = self._get(self._client, "/api/v1/me", token=token)
        _expect(_json(me).get("email") == self.account.email, f"/me answers {_error(me)}")
        listed = self._get(self._client, "/api/v1/organizers/", token=token)
        slugs = [one["slug"] for one in _json(listed).get("results", [])]
        _expect(slugs == [self.account.organizer], f"/organizers/ lists {slugs}")
        self.say("The access token opens /me and /organizers/")

    def _refresh(self, refresh_token: str) -> str:
        answer = self._post_client("/api/v1/oauth/token", grant_type="refresh_token", refresh_token=refresh_token)
        _expect(answer.status_code == 200, f"the refresh answers {_error(answer)}")
        return str(_json(answer)["access_token"])

    def _introspect(self, token: str, *, active: bool) -> None:
        answer = self._post_client("/api/v1/oauth/introspect", token=token)
        _expect(answer.status_code == 200, f"introspection answers {_error(answer)}")
        _expect(_json(answer).get("active") is active, f"introspection answers active: {not active}")
        _expect(
            active or _json(answer) == {"active": False}, "introspection reveals more than that the token is inactive"
        )
        self.say(f"Introspection says that the token is {'active' if active else 'inactive'}")

    def _revoke(self, refresh_token: str) -> None:
        answer = self._post_client("/api/v1/oauth/revoke_token", token=refresh_token)
        _expect(answer.status_code == 200, f"the revocation answers {answer.status_code}")

    def _check_refused(self, token: str, what: str) -> None:
        answer = self._get(self._client, "/api/v1/me", token=token)
        _expect(_error(answer) == (401, "invalid_token"), f"{what} is answered {_error(answer)}")
        self.say(f"Refused from the next request: {what}")

    @property
    def is_https(self) -> bool:
        return self.url.startswith("https://")

    def _session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        if self._adapter:
            session.mount(self.url, self._adapter)
        return session

    def _get(
        self, session: requests.Session, path: str, *, token: str = "", accept: str = "*/*", **query: str
    ) -> requests.Response:
        headers = {"Accept": accept, **({"Authorization": f"Bearer {token}"} if token else {})}
        return _try(
            lambda: session.get(
                self.url + path, params=query, headers=headers, allow_redirects=False, timeout=_TIMEOUT_SECONDS
            )
        )

    def _post_client(self, path: str, *, secret: str = "", **form: str) -> requests.Response:
        who = (self.account.client_id, secret or self.account.client_secret)
        return _try(lambda: self._client.post(self.url + path, data=form, auth=who, timeout=_TIMEOUT_SECONDS))

    def _send_form(self, page: requests.Response, field: str, **filled: str) -> requests.Response:
        """Fill in and submit the page's form that has this field."""
        forms = BeautifulSoup(page.text, "html.parser").find_all("form")
        form = next((one for one in forms if one.find(attrs={"name": field})), None)
        if form is None:
            raise CheckFailed(f"{urlsplit(page.url).path} has no form with {field}")
        hidden = {str(one["name"]): str(one.get("value", "")) for one in form.find_all("input", type="hidden")}
        target = urljoin(page.url, str(form.get("action") or ""))
        _expect(target.startswith(self.url), f"a form leads to {target}, away from {self.url}")
        data = {**hidden, **filled}
        return _try(lambda: self._browser.post(target, data=data, allow_redirects=False, timeout=_TIMEOUT_SECONDS))

    def _check_headers(self, answer: requests.Response) -> None:
        for name, value in _HEADERS.items():
            _expect(answer.headers.get(name) == value, f"{urlsplit(answer.url).path} lacks {name}: {value}")
        if self.is_https:
            _expect("Strict-Transport-Security" in answer.headers, f"{urlsplit(answer.url).path} lacks HSTS")


def _try(send: Callable[[], requests.Response]) -> requests.Response:
    try:
        return send()
    except requests.RequestException as error:
        raise CheckFailed(f"it cannot be reached: {type(error).__name__}") from error


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise CheckFailed(otherwise)


def _json(answer: requests.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise CheckFailed(f"{urlsplit(answer.url).path} answers {answer.status_code} without JSON")
    return found


def _error(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, str(_json(answer).get("error", ""))


def _challenge(answer: requests.Response) -> str:
    """The challenge, also under the name that API Gateway gives the header."""
    name = "WWW-Authenticate"
    return str(answer.headers.get(name) or answer.headers.get(f"x-amzn-Remapped-{name}") or "")
