"""Who takes part: a `Browser` with a person at it, and a `ClientApp` that speaks OAuth. Both speak HTTP alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import requests
from bs4 import BeautifulSoup, Tag

PASSWORD = "correct horse battery"
CALLBACK = "https://shop.example.com/callback"
Fields = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True)
class Person:
    """Somebody with an account."""

    user_id: str
    email: str
    organizers: Mapping[str, str] = field(default_factory=dict)  # slug -> name
    password: str = PASSWORD


class Page:
    """What a browser shows; `left_to` is the address of another site that it was sent to, and `answer` its query."""

    def __init__(self, response: requests.Response, left_to: str | None = None) -> None:
        self.response = response
        self.status = response.status_code
        self.left_to = left_to
        self.path = urlsplit(response.url).path
        self.html = BeautifulSoup(response.text, "html.parser")
        self.text = " ".join(self.html.get_text(" ").split())

    @property
    def answer(self) -> dict[str, str]:
        assert self.left_to is not None, f"the browser stayed here: {self.status} {self.path} {self.text}"
        return dict(parse_qsl(urlsplit(self.left_to).query, keep_blank_values=True))

    @property
    def code(self) -> str:
        return self.answer["code"]

    @property
    def title(self) -> str:
        heading = self.html.find("h1")
        assert heading is not None, f"no heading: {self.text}"
        return " ".join(heading.get_text().split())

    def field(self, name: str) -> str:
        element = self.html.find(attrs={"name": name})
        assert isinstance(element, Tag), f"no field {name}: {self.text}"
        return str(element.get("value", ""))

    def choices(self) -> dict[str, bool]:
        """The labels of the check boxes, and whether each is ticked."""
        boxes = self.html.find_all("input", type="checkbox")
        return {" ".join(_parent(box).get_text().split()): box.has_attr("checked") for box in boxes}

    def fields(self, button: str, *tick: str) -> dict[str, str | list[str]]:
        """What pressing this button would send."""
        return _filled(self.form_with(button), button, tick, {})

    def listed(self, heading_id: str) -> list[str]:
        """The items of the list below the heading with this id; empty where the page has none."""
        heading = self.html.find(id=heading_id)
        assert isinstance(heading, Tag), f"no heading {heading_id}: {self.text}"
        found = heading.find_next("ul")
        items = found.find_all("li", recursive=False) if isinstance(found, Tag) else []
        return [" ".join(item.get_text(" ").split()) for item in items]

    def link(self, text: str) -> str | None:
        """Where the link with this text leads; None where there is none."""
        found = self.html.find("a", string=text)
        return str(found["href"]) if isinstance(found, Tag) else None

    def form_with(self, button: str) -> Tag:
        for form in self.html.find_all("form"):
            if any(" ".join(found.get_text().split()).startswith(button) for found in form.find_all("button")):
                assert isinstance(form, Tag)
                return form
        raise AssertionError(f"no button {button!r} on: {self.text}")


class Browser:
    """A browser and the person at it."""

    def __init__(self, base_url: str, person: Person | None = None, *, adapter: Any = None) -> None:
        self.base_url = base_url
        self.person = person
        self.http = requests.Session()
        self.http.trust_env = False
        if adapter:
            self.http.mount("https://", adapter)

    @property
    def user(self) -> Person:
        assert self.person is not None
        return self.person

    def open(self, path: str, **query: Any) -> Page:
        """Go to one of Lanyard's addresses and follow where it leads, as long as it stays with Lanyard."""
        url = path if path.startswith("http") else self.base_url + path
        return self._follow(self.http.get(url, params=query or None, allow_redirects=False))

    def press(self, page: Page, button: str, *, tick: Sequence[str] = (), **fill: str) -> Page:
        """Fill in the form that has this button, tick the boxes with these labels, and press it."""
        form = page.form_with(button)
        return self.send(page, str(form.get("action", "")), _filled(form, button, tick, fill))

    def send(self, page: Page, action: str, fields: Fields, *, site: str | None = "same-origin") -> Page:
        """Post a form, filled in as a browser, or an attacker, would.

        site: what the browser says of the page that sends it (Sec-Fetch-Site); None as an old browser, which does not.
        """
        return self.post(urljoin(page.response.url, action), fields, site=site)

    def post(self, url: str, fields: Fields, *, site: str | None) -> Page:
        """The same to this address, which need not be on a page of ours."""
        headers = {"Sec-Fetch-Site": site} if site else {}
        return self._follow(self.http.post(url, data=fields, headers=headers, allow_redirects=False))

    def sign_in(self, *, password: str | None = None, email: str | None = None, next_path: str = "") -> Page:
        assert self.person is not None
        page = self.open("/login", **({"next": next_path} if next_path else {}))
        return self.press(
            page,
            "Sign in",
            email=email or self.person.email,
            password=self.person.password if password is None else password,
        )

    def sign_out(self) -> Page:
        return self.press(self.open("/logout"), "Sign out")

    def register_application(self, name: str = "A shop", *redirect_uris: str) -> ClientApp:
        """Register an application on the settings page, and keep the id and secret that it shows."""
        page = self.open("/settings/applications/new")
        page = self.press(page, "Register", name=name, redirect_uris="\n".join(redirect_uris or (CALLBACK,)))
        client_id, secret = page.html.find(id="client-id"), page.html.find(id="client-secret")
        assert client_id is not None, page.text
        assert secret is not None, page.text
        uri = (redirect_uris or (CALLBACK,))[0]
        return ClientApp(self.base_url, client_id.get_text(), secret.get_text(), uri, http=_alike(self.http))

    def allow(self, page: Page, *organizers: str) -> Page:
        """Authorize on the consent page, for the organizers with these names."""
        return self.press(page, "Authorize", tick=organizers)

    def _follow(self, response: requests.Response) -> Page:
        for _ in range(10):
            location = response.headers.get("Location")
            if location is None:
                return Page(response)
            url = urljoin(response.url, location)
            if not url.startswith(self.base_url + "/") and url != self.base_url:
                return Page(response, left_to=location)
            response = self.http.get(url, allow_redirects=False)
        raise AssertionError("redirected without end")


class ClientApp:
    """An application that a developer registered."""

    def __init__(
        self, base_url: str, client_id: str, secret: str, redirect_uri: str, *, http: requests.Session | None = None
    ) -> None:
        self.base_url = base_url
        self.client_id = client_id
        self.secret = secret
        self.redirect_uri = redirect_uri
        self.http = http or requests.Session()
        self.http.trust_env = False

    def authorize_path(self, **changed: str | None) -> str:
        """The address it sends browsers to. A parameter that is None is left out."""
        return "/api/v1/oauth/authorize?" + urlencode(self.parameters(**changed))

    def parameters(self, **changed: str | None) -> dict[str, str]:
        asked = {
            "client_id": self.client_id,
            "response_type": "code",
            "scope": "read write",
            "redirect_uri": self.redirect_uri,
            "state": "xyz",
            **changed,
        }
        return {name: value for name, value in asked.items() if value is not None}

    def call_token(self, *, auth: tuple[str, str] | None = None, headers: Any = None, **form: Any) -> requests.Response:
        who = auth or (self.client_id, self.secret)
        url = self.base_url + "/api/v1/oauth/token"
        return self.http.post(url, data=form, auth=who if headers is None else None, headers=headers)

    def exchange(self, code: str, **changed: Any) -> requests.Response:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect_uri, **changed}
        return self.call_token(**{name: value for name, value in form.items() if value is not None})

    def refresh(self, refresh_token: str, **more: Any) -> requests.Response:
        return self.call_token(grant_type="refresh_token", refresh_token=refresh_token, **more)

    def revoke(self, token: str, **more: Any) -> requests.Response:
        url = self.base_url + "/api/v1/oauth/revoke_token"
        return self.http.post(url, data={"token": token, **more}, auth=(self.client_id, self.secret))

    def call(self, path: str, token: str | None, method: str = "GET", **more: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.http.request(method, self.base_url + path, headers=headers, **more)

    def me(self, token: str | None) -> requests.Response:
        return self.call("/api/v1/me", token)

    def organizers(self, token: str | None, **query: Any) -> requests.Response:
        return self.call("/api/v1/organizers/", token, params=query)

    def connect(self, browser: Browser, *organizers: str, **changed: str | None) -> dict[str, Any]:
        """The whole way: the browser allows it, the application fetches its tokens."""
        page = browser.open(self.authorize_path(**changed))
        if page.left_to is None:
            page = browser.allow(page, *organizers)
        response = self.exchange(page.code)
        assert response.status_code == 200, response.text
        return dict(response.json())


def _filled(form: Tag, button: str, tick: Sequence[str], fill: Mapping[str, str]) -> dict[str, str | list[str]]:
    fields: dict[str, str | list[str]] = {}
    left = set(tick)
    for element in form.find_all(["input", "textarea", "button", "select"]):
        name, kind = str(element.get("name", "")), element.get("type")
        if element.name == "button":
            if name and " ".join(element.get_text().split()).startswith(button):
                fields[name] = str(element.get("value", ""))
        elif kind == "checkbox":
            label = " ".join(_parent(element).get_text().split())
            if element.has_attr("checked") or label in left:
                fields.setdefault(name, []).append(str(element["value"]))  # type: ignore[union-attr]
                left.discard(label)
        elif kind == "radio":
            if element.has_attr("checked"):
                fields[name] = str(element["value"])
        elif element.name == "select":
            chosen = element.find("option", selected=True) or element.find("option")
            assert isinstance(chosen, Tag)
            fields[name] = str(chosen.get("value", chosen.get_text().strip()))
        elif kind == "hidden" and name in fields:  # a browser sends every field, also those that share a name
            before = fields[name]
            fields[name] = [*([before] if isinstance(before, str) else before), str(element.get("value", ""))]
        elif name:
            fields[name] = str(element.get("value", "")) if element.name == "input" else element.get_text().lstrip("\n")
    assert not left, f"no check box {left}"
    fields.update(fill)
    return {name: _as_sent(value) if isinstance(value, str) else value for name, value in fields.items()}


def _as_sent(value: str) -> str:
    """Browsers send every line break in a form as CR LF."""
    return re.sub(r"\r\n|\r|\n", "\r\n", value)


def _parent(element: Tag) -> Tag:
    assert isinstance(element.parent, Tag)
    return element.parent


def _alike(session: requests.Session) -> requests.Session:
    """A new session that reaches the same places, without the cookies."""
    other = requests.Session()
    other.adapters = session.adapters
    return other
