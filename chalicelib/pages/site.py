"""The operator's branding: name, logo and color, and the files that depend on them."""

from __future__ import annotations

import base64
import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from markupsafe import Markup

from chalicelib.pages import colour, language

_SVG = "data:image/svg+xml;base64,"
_STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True)
class File:
    """A file that pages load. Its URL contains its digest, so browsers can keep it forever and see every change."""

    path: str
    body: str
    content_type: str


@dataclass(frozen=True)
class Site:
    """name: of the service. logo_url: https: or data:image/; None for our logo. colour: #rrggbb. contact: the email or
    https: address of somebody to ask, or None. permissions: what applications may be allowed to do, as scopes with
    `title` and `detail` by language."""

    name: str
    logo_url: str | None
    colour: str
    contact: str | None = None
    permissions: Any = None

    def title_of(self, scope: str) -> str:
        """What a scope allows, in the reader's language; the scope itself if the catalogue no longer has it."""
        found = self.permissions.scopes.get(scope)
        return str(found.title[language.current()]) if found else scope

    def detail_of(self, scope: str) -> str:
        found = self.permissions.scopes.get(scope)
        return str(found.detail.get(language.current(), "")) if found else ""

    def resource_title(self, resource: str) -> str:
        """What an API is called, in the reader's language; "" if the catalogue does not say."""
        found = self.permissions.resource(resource)
        return str(found.title.get(language.current(), "")) if found else ""

    @property
    def contact_url(self) -> str | None:
        return f"mailto:{self.contact}" if self.contact and "://" not in self.contact else self.contact

    def is_high_risk(self, scope: str) -> bool:
        found = self.permissions.scopes.get(scope)
        return bool(found and found.is_high_risk)

    def lasts_of(self, scope: str) -> int | None:
        """For how many seconds a scope is given; None for as long as the rest."""
        found = self.permissions.scopes.get(scope)
        return int(found.lasts_seconds) if found and found.lasts_seconds else None

    @functools.cached_property
    def style(self) -> File:
        light = colour.readable_on(self.colour, colour.LIGHT_GROUND)
        dark = colour.readable_on(self.colour, colour.DARK_GROUND)
        accents = f":root{{--accent-on-light:{light};--accent-on-dark:{dark}}}\n"
        return _file("style", "css", accents + _read("style.css"), "text/css; charset=utf-8")

    @functools.cached_property
    def script(self) -> File:
        return _file("copy", "js", _read("copy.js"), "text/javascript; charset=utf-8")

    @functools.cached_property
    def posting_script(self) -> File:
        return _file("post", "js", _read("post.js"), "text/javascript; charset=utf-8")

    @functools.cached_property
    def logo(self) -> Markup:
        """Our logo, as SVG to embed in a page."""
        return Markup(_read("logo.svg").strip())  # noqa: S704 - a file of ours

    @functools.cached_property
    def icon_url(self) -> str:
        """The icon for the browser's tab. Embedded in the page, so it needs no request."""
        return self.logo_url or _SVG + base64.b64encode(self.drawn_icon.encode()).decode()

    @functools.cached_property
    def drawn_icon(self) -> str:
        """The icon as SVG; "" if the operator's logo is not SVG or is hosted elsewhere."""
        if self.logo_url:
            is_svg = self.logo_url.startswith(_SVG)
            return base64.b64decode(self.logo_url.removeprefix(_SVG)).decode("utf-8", "replace") if is_svg else ""
        drawn = _read("logo.svg").replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ')
        for variable, value in (
            ("var(--accent)", self.colour),
            ("var(--on-accent)", "#ffffff"),
            ("currentColor", "#667085"),
        ):
            drawn = drawn.replace(variable, value)
        return drawn

    def content_security_policy(self, form_target: str | None, *, with_script: bool) -> str:
        """The policy for a page: what it may load, and where its forms may lead besides our pages: `form_target`, or
        None for anywhere.

        Browsers apply form-action to every redirect that follows a form.
        """
        images = "img-src 'self' data:"
        if self.logo_url and self.logo_url.startswith("https:"):
            images += f" https://{urlsplit(self.logo_url).netloc}"
        rules = ["default-src 'none'", "style-src 'self'", images, "base-uri 'none'", "frame-ancestors 'none'"]
        if with_script:
            rules.append("script-src 'self'")
        if form_target is not None:
            rules.append(f"form-action 'self' {form_target}".rstrip())
        return "; ".join(rules)


def _read(name: str) -> str:
    return (_STATIC / name).read_text(encoding="utf-8")


def _file(name: str, ending: str, body: str, content_type: str) -> File:
    digest = hashlib.sha256(body.encode()).hexdigest()[:12]
    return File(f"/static/{name}-{digest}.{ending}", body, content_type)
