"""/settings/security: where a user is signed in, and the history of their account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chalice.app import Blueprint, Response

from chalicelib import credentials, limits, logs, request_source, settings
from chalicelib.accounts import federated_sign_in
from chalicelib.endpoints import http
from chalicelib.endpoints.http import browser_session
from chalicelib.endpoints.http.browser_session import CSRF_FIELD, SignedIn
from chalicelib.identity_providers import Provider
from chalicelib.models import security_event, session, user
from chalicelib.models.linked_identity import Identity
from chalicelib.models.session import Session
from chalicelib.protocol.rules import paths
from chalicelib.protocol.rules.request_parameters import single

PATH = paths.SECURITY
OTHERS = "others"
blueprint = Blueprint(__name__)


@dataclass(frozen=True)
class Listed:
    """A session or an event, with the browser and system of its device; "" if they are not known."""

    item: Session | security_event.SecurityEvent
    browser: str
    system: str


@dataclass(frozen=True)
class Linked:
    """A provider at which the user has an identity. id: names the identity among the user's. may_end: there is another
    way to sign in. is_one_of_several: the user has others at this provider."""

    id: str
    title: Mapping[str, str]
    identity: Identity
    may_end: bool
    is_one_of_several: bool
    csrf_token: str


@http.route(blueprint, PATH, "GET", "POST", is_page=True)
def security(request: http.Request) -> Response:
    browser = browser_session.require(request, back_to=PATH)
    if request.method == "POST":
        return _end_sessions(request, browser)
    before = single(request.query, "before") or ""
    mine = browser.cookie.named.digest
    sessions = sorted(session.live_ones(browser.user), key=lambda found: found.session_digest != mine)
    events, older = _events(browser, before)
    return http.page(
        request,
        "security.html",
        user=browser.user,
        has_passwords=settings.SETTINGS.providers.has_passwords and browser.user.has_password,
        linked=(linked := _linked(browser)),
        linkable=_linkable(linked),
        sessions=[_listed(found) for found in sessions],
        current=mine,
        events=[_listed(event) for event in events],
        older=older,
        is_first_page=not before,
        csrf_field=CSRF_FIELD,
        csrf_tokens={
            of: browser.csrf_token(*_end_purpose(of)) for of in [OTHERS, *(found.short_id for found in sessions)]
        },
    )


@http.route(blueprint, PATH + "/unlink", "POST", is_page=True, form_stands_at=PATH)
def unlink(request: http.Request) -> Response:
    browser = browser_session.require(request, back_to=PATH)
    which = single(request.form, "identity") or ""
    browser.check_csrf(request.form, *_unlink_purpose(which))
    ended = next((one for one in _linked(browser) if one.id == which and one.may_end), None)
    if ended is None:  # a second click, or the only way in
        return http.see_other(http.here(request, PATH))
    user.unlink(browser.user, ended.identity)
    logs.note(outcome="identity unlinked")
    security_event.record(browser.user.user_id, security_event.Kind.IDENTITY_UNLINKED, request.source)
    return http.see_other(http.here(request, PATH), notice=http.Notice.IDENTITY_UNLINKED)


def _linked(browser: SignedIn) -> list[Linked]:
    """The ways in which the user signs in elsewhere. The last way to sign in cannot be removed."""
    providers, mine = settings.SETTINGS.providers, browser.user.identities
    found = [
        (provider, identity)
        for provider in providers.by_name.values()
        for identity in mine
        if identity.source == federated_sign_in.source_of(provider)
    ]
    may_end = len({identity for _, identity in found}) > 1 or (providers.has_passwords and browser.user.has_password)
    return [
        Linked(
            which := credentials.derive_id("linked identity", str(identity)),
            provider.title,
            identity,
            may_end,
            [of for of, _ in found].count(provider) > 1,
            browser.csrf_token(*_unlink_purpose(which)),
        )
        for provider, identity in found
    ]


def _linkable(linked: list[Linked]) -> list[Provider]:
    sources = {one.identity.source for one in linked}
    providers = settings.SETTINGS.providers.by_name.values()
    return [found for found in providers if federated_sign_in.source_of(found) not in sources]


def _unlink_purpose(which: str) -> tuple[str, str]:
    return "unlink", which


def _end_sessions(request: http.Request, browser: SignedIn) -> Response:
    which = single(request.form, "session") or ""
    browser.check_csrf(request.form, *_end_purpose(which))
    mine = browser.cookie.named.digest
    others = [found for found in session.live_ones(browser.user) if found.session_digest != mine]
    ended = [found for found in others if which in (OTHERS, found.short_id)]
    session.end_all(ended)
    logs.note(outcome="sessions ended", sessions=len(ended))
    if not ended:  # they had already ended, so nobody was signed out just now
        return http.see_other(http.here(request, PATH))
    security_event.record(browser.user.user_id, security_event.Kind.SESSION_ENDED, request.source)
    notice = http.Notice.SIGNED_OUT_ELSEWHERE if which == OTHERS else http.Notice.SIGNED_OUT_THERE
    return http.see_other(http.here(request, PATH), notice=notice)


def _end_purpose(which: str) -> tuple[str, str]:
    """The purpose of the form that ends one session or all others."""
    return "end session", which


def _events(browser: SignedIn, before: str) -> tuple[list[security_event.SecurityEvent], str | None]:
    """A page of events, and the key from which the next page continues; None if there is none."""
    size = limits.SECURITY_EVENTS_PER_PAGE
    found = security_event.recent(browser.user.user_id, limit=size + 1, before=before[:64] or None)
    return found[:size], found[size - 1].event_key if len(found) > size else None


def _listed(item: Session | security_event.SecurityEvent) -> Listed:
    return Listed(item, request_source.browser_name(item.user_agent), request_source.system_name(item.user_agent))
