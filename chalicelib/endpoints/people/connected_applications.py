"""/settings/authorized: the applications that have access to a user's data, and where the user revokes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chalice.app import Blueprint, Response

from chalicelib import limits, logs
from chalicelib.endpoints import http
from chalicelib.endpoints.http import browser_session
from chalicelib.endpoints.http.browser_session import CSRF_FIELD, SignedIn
from chalicelib.messages import Message
from chalicelib.models import application, consent, grant, organizer, security_event, store
from chalicelib.models.application import Application
from chalicelib.models.consent import Consent
from chalicelib.models.grant import Grant
from chalicelib.protocol.authorization import disconnecting
from chalicelib.protocol.rules import given_scopes, scopes
from chalicelib.protocol.rules.request_parameters import is_id, single

PATH = "/settings/authorized"
blueprint = Blueprint(__name__)


@dataclass(frozen=True)
class Authorized:
    """An application that has access.

    ends: when a scope ends, for those that do. last_used_at: None if it never fetched a token. Both in seconds since
    the epoch.
    """

    application: Application
    scopes: list[str]
    ends: Mapping[str, int]
    organizers: list[str]
    since: int
    last_used_at: int | None


@http.route(blueprint, PATH, "GET", "POST", is_page=True)
def authorized(request: http.Request) -> Response:
    browser = browser_session.require(request, back_to=PATH)
    if request.method == "POST":
        client_id = single(request.form, "client_id") or ""
        if not is_id(client_id, limit=limits.CLIENT_ID_LIMIT_CHARACTERS):
            raise http.Refusal(400, "invalid_request", Message("There is no such application."))
        browser.check_csrf(request.form, "revoke", client_id)
        grant.take_back(browser.user.user_id, client_id)
        _record(request, browser, client_id)
        return http.see_other(http.here(request, PATH), notice=http.Notice.REVOKED)
    listed = _listed(browser.user.user_id)
    tokens = {item.application.client_id: browser.csrf_token("revoke", item.application.client_id) for item in listed}
    return http.page(
        request,
        "authorized.html",
        authorized=listed,
        csrf_field=CSRF_FIELD,
        csrf_tokens=tokens,
    )


@http.route(blueprint, PATH + "/all", "GET", "POST", is_page=True)
def revoke_all(request: http.Request) -> Response:
    browser = browser_session.require(request, back_to=PATH)
    if request.method == "GET":
        listed = _listed(browser.user.user_id)
        if not listed:
            return http.see_other(http.here(request, PATH))
        return http.page(
            request, "revoke_all.html", authorized=listed, hidden={CSRF_FIELD: browser.csrf_token("revoke all")}
        )
    browser.check_csrf(request.form, "revoke all")
    disconnecting.take_back_all(browser.user.user_id, request.source)
    logs.note(outcome="all authorizations revoked")
    return http.see_other(http.here(request, PATH), notice=http.Notice.ALL_REVOKED)


def _record(request: http.Request, browser: SignedIn, client_id: str) -> None:
    found = application.get(client_id)
    logs.note(outcome="authorization revoked", client_id=found.public_id if found else client_id)
    security_event.record(
        browser.user.user_id,
        security_event.Kind.REVOKE,
        request.source,
        client_id=client_id,
        application_name=found.name if found else None,
    )


def _listed(user_id: str) -> list[Authorized]:
    """Most recently used first. Includes what grants still hold: they keep their scopes when the consent changes."""
    grants = list(grant.held_by(user_id))
    consents = consent.given_by(user_id)
    applications = store.read_all([Application.key(given.client_id) for given in consents])
    pairs = [(given, found) for given, found in zip(consents, applications, strict=True) if found]
    standing = [(given, found) for given, found in pairs if not found.is_deleted and consent.in_force(given, found)]
    grant.tidy_up_left(grants, [given for given, _ in standing])
    consent.tidy_up(given for given, found in pairs if found.is_deleted)
    slugs = {slug for given, _ in standing for slug in given.organizers or ()}
    slugs.update(slug for held in grants for slug in held.organizers or ())
    names = {found.slug: found.name for found in organizer.get_all(slugs)}
    listed = [
        _authorized(
            given,
            found,
            [held for held in grants if held.client_id == given.client_id and grant.is_allowed(held, given, found)],
            names,
        )
        for given, found in standing
    ]
    return sorted(listed, key=lambda item: item.last_used_at or item.since, reverse=True)


def _authorized(given: Consent, found: Application, grants: Iterable[Grant], names: dict[str, str]) -> Authorized:
    held = list(grants)
    stored = set(given.scopes).union(*(item.scope.split() for item in held))
    slugs = set(given.organizers or ()).union(*(item.organizers or () for item in held))
    return Authorized(
        application=found,
        scopes=scopes.shown(given_scopes.in_force(stored)),
        ends=given_scopes.ends(stored),
        organizers=sorted((names[slug] for slug in slugs if slug in names), key=organizer.name_order),
        since=int(given.created_at),
        last_used_at=max((int(item.last_used_at) for item in held), default=None),
    )
