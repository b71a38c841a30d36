"""What an operator makes of the pages: name, logo and colour; and the files that follow from them."""

from __future__ import annotations

import base64
import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from markupsafe import Markup

from chalicelib.pages import colour

_SVG = "data:image/svg+xml;base64,"
_STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True)
class File:
    """Something that pages load. Its address holds its digest: browsers may keep it for good and see every change."""

    path: str
    body: str
    content_type: str


@dataclass(frozen=True)
class Site:
    """name: of the service. logo_url: https: or data:image/, or None for ours. colour: #rrggbb. contact: an email or
    https: address of somebody to ask, or None."""

    name: str
    logo_url: str | None
    colour: str
    contact: str | None = None

    @property
    def contact_url(self) -> str | None:
        return f"mailto:{self.contact}" if self.contact and "://" not in self.contact else self.contact

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
    def logo(self) -> Markup:
        """Ours, to stand in the page."""
        return Markup(_read("logo.svg").strip())  # noqa: S704 - a file of ours

    @functools.cached_property
    def icon_url(self) -> str:
        """For the browser's tab. In the page itself: it costs no request."""
        return self.logo_url or _SVG + base64.b64encode(self.drawn_icon.encode()).decode()

    @functools.cached_property
    def drawn_icon(self) -> str:
        """The same as SVG; "" where the operator's logo is none, or elsewhere."""
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
        """What a page may load, and where its forms may lead besides here: `form_target`, or None for anywhere.

        Browsers hold a form to form-action through every redirect that follows.
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
