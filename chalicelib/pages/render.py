"""Renders templates. Everything that a person typed is escaped. A missing value is an error, not a blank."""

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
    ui_locales: str = "",
    script: Any = None,
    notice: str | None = None,
    **values: Any,
) -> str:
    """Render a page in its reader's language.

    site: the operator's branding. base: what precedes our paths in a URL. user: the signed-in user, or None.
    accept_language: the header, for visitors. ui_locales: languages that come before the reader's, space-separated.
    script: the file of ours that the page loads, or None. notice: what the page says once; see notice.html.
    """
    spoken = language.wanted(ui_locales) or language.choose(user.locale if user else None, accept_language)
    with language.speaking(spoken):
        found = _ENVIRONMENT.get_template(template)
        return found.render(site=site, base=base, user=user, language=spoken, notice=notice, script=script, **values)


def mail(
    template: str, *, site: Site, user: Any = None, accept_language: str | None = None, **values: Any
) -> tuple[str, str]:
    """Render a mail in its reader's language. Returns its subject, which is the template's first line, and its text.

    user: the recipient, or None if it is not a user. accept_language: the header of whoever requested the mail, for a
    recipient who is not a user.
    """
    spoken = language.choose(user.locale if user else None, accept_language)
    with language.speaking(spoken):
        text = _PLAIN.get_template(f"mail/{template}").render(site=site, user=user, **values)
    subject, _, body = text.partition("\n")
    return subject.strip(), body.strip() + "\n"


def _isolated(name: str) -> str:
    """A name for plain text, between marks that keep its direction from spreading, as <bdi> does in HTML."""
    return f"\u2068{name}\u2069"


def _environment() -> Environment:
    """Templates are compiled when first used, so a cold start compiles only the page that it responds with."""
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
