"""Templates to HTML. Whatever a person typed is escaped; a value that a template misses is an error, not a blank."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from chalicelib.pages import language, moments, snippets
from chalicelib.pages.site import Site

_TEMPLATES = Path(__file__).parent / "templates"


def page(
    template: str,
    *,
    site: Site,
    base: str,
    user: Any = None,
    accept_language: str | None = None,
    notice: str | None = None,
    **values: Any,
) -> str:
    """The page, in the language of its reader.

    site: whose pages these are. base: what stands before our paths in an address. user: whoever is signed in, or None.
    accept_language: the header, for who has no locale with us. notice: what the page says once; see notice.html.
    """
    spoken = language.choose(user.locale if user else None, accept_language)
    with language.speaking(spoken):
        found = _ENVIRONMENT.get_template(template)
        return found.render(site=site, base=base, user=user, language=spoken, notice=notice, **values)


def mail(
    template: str, *, site: Site, user: Any = None, accept_language: str | None = None, **values: Any
) -> tuple[str, str]:
    """A mail's subject, which is the template's first line, and its plain text, in the language of its reader.

    user: to whom, where it is a user. accept_language: the header of whoever asked, for who is none.
    """
    spoken = language.choose(user.locale if user else None, accept_language)
    with language.speaking(spoken):
        text = _PLAIN.get_template(f"mail/{template}").render(site=site, user=user, **values)
    subject, _, body = text.partition("\n")
    return subject.strip(), body.strip() + "\n"


def _isolated(name: str) -> str:
    """A name in plain text, where no <bdi> keeps its direction from spreading: between the marks that do the same."""
    return f"\u2068{name}\u2069"


def _environment() -> Environment:
    """Templates are compiled when they are first used: a cold start pays for the page that it answers with."""
    found = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        extensions=["jinja2.ext.i18n"],
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    found.policies["ext.i18n.trimmed"] = True
    found.install_gettext_callables(language.gettext, language.ngettext, newstyle=True)  # type: ignore[attr-defined]
    found.filters.update(moment=moments.moment, day=moments.day, say=language.say, isolated=_isolated)
    found.globals.update(authorize_url=snippets.authorize_url, curl_token=snippets.curl_token)
    found.globals.update(curl_device=snippets.curl_device, curl_device_token=snippets.curl_device_token)
    return found


_ENVIRONMENT = _environment()
_PLAIN = _ENVIRONMENT.overlay(autoescape=False)
