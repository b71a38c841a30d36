"""/settings/applications: where a user registers and manages applications."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalice.app import Blueprint, Response

from chalicelib import credentials, limits, logs
from chalicelib.endpoints import http
from chalicelib.endpoints.developers import application_form, own_application
from chalicelib.endpoints.developers.application_form import Fields
from chalicelib.endpoints.http import browser_session
from chalicelib.endpoints.http.browser_session import CSRF_FIELD, SignedIn
from chalicelib.keys import server_key
from chalicelib.messages import Message
from chalicelib.models import (
    application,
    application_deletion,
    application_edit,
    client_secret,
    grant,
    ownership,
    registration_form,
    security_event,
    store,
    throttle,
    verification,
)
from chalicelib.models.application import Application
from chalicelib.models.user import User
from chalicelib.protocol.clients import fapi
from chalicelib.protocol.rules import scopes
from chalicelib.protocol.rules.request_parameters import Parameters, single

PATH = own_application.PATH
blueprint = Blueprint(__name__)


@http.route(blueprint, PATH, "GET", is_page=True)
def applications(request: http.Request) -> Response:
    browser = browser_session.require(request)
    owned = ownership.owned_by(browser.user)
    return http.page(request, "applications.html", applications=owned)


@http.route(blueprint, PATH + "/new", "GET", "POST", is_page=True, typed_again=application_form.FIELDS)
def new(request: http.Request) -> Response:
    browser = browser_session.require(request, back_to=PATH + "/new")
    if request.method == "GET":
        typed = application_form.read_typed(request, single(request.typed, "type") or application_form.WEBSITE)
        return _new_form(request, browser, typed or Fields(), form_id=credentials.new_id())
    form_id = single(request.form, "form_id") or ""
    browser.check_csrf(request.form, f"register {form_id}")
    filled = application_form.read(request.form, single(request.form, "type") or application_form.WEBSITE)
    if filled.profile.is_public and not server_key.is_set():
        filled.problems["type"] = [Message(server_key.MISSING)]  # the page says whom to ask
    application_form.find_sector(filled, browser.user)
    if filled.problems:
        return _new_form(request, browser, filled, form_id=form_id, status=400)
    try:
        made, secret = _register(browser.user, form_id, filled)
    except registration_form.AlreadyRegistered as error:
        return _registered_before(request, error.client_id)
    except registration_form.TooManyApplications:
        limit = limits.APPLICATIONS_PER_OWNER_LIMIT
        problem = Message("You have %(limit)s applications, which is the limit. Delete one first.", limit=limit)
        filled.problems["form"] = [problem]
        return _new_form(request, browser, filled, form_id=form_id, status=409)
    except throttle.TooManyTries as error:
        logs.note(outcome="registrations of an owner throttled")
        limit = limits.REGISTRATIONS_PER_OWNER
        problem = Message(
            "You have registered %(limit)s applications in one day, which is the limit. Try again tomorrow.",
            limit=limit,
        )
        filled.problems["form"] = [problem]
        headers = {"Retry-After": str(throttle.seconds_left(error.window_seconds))}
        return _new_form(request, browser, filled, form_id=form_id, status=429, headers=headers)
    logs.note(outcome="application registered", client_id=made.client_id)
    return _secret_page(request, made, secret)


def _registered_before(request: http.Request, client_id: str) -> Response:
    """After a second click: the application's page. Only the first response had the secret, perhaps unseen."""
    found, notice = application.get(client_id), None
    if found:
        notice = http.Notice.ALREADY_REGISTERED_WITH_SECRET if found.has_secret else http.Notice.ALREADY_REGISTERED
    return http.see_other(http.here(request, f"{PATH}/{client_id}"), notice=notice)


def _register(owner: User, form_id: str, filled: Fields) -> tuple[Application, str]:
    """Raises AlreadyRegistered, TooManyApplications, TooManyTries."""
    try:
        with registration_form.trying(owner):
            return registration_form.register(
                owner,
                form_id=form_id,
                most=limits.APPLICATIONS_PER_OWNER_LIMIT,
                name=filled.name,
                redirect_uris=filled.redirect_uris,
                profile=filled.profile,
                about=filled.said,
            )
    except throttle.TooManyTries:
        registration_form.check_first_click(owner, form_id)
        raise


@http.route(blueprint, PATH + "/{client_id}", "GET", "POST", is_page=True, typed_again=application_form.FIELDS)
def one(request: http.Request, client_id: str) -> Response:
    browser = browser_session.require(request, back_to=f"{PATH}/{client_id}")
    found = own_application.require(browser, client_id)
    if request.method == "GET":
        typed = application_form.read_typed(request, application_form.type_of(found), present=found)
        return _edit_form(request, browser, typed or application_form.as_stored(found), found)
    browser.check_csrf(request.form, f"edit {client_id}")
    filled = application_form.read(request.form, application_form.type_of(found), present=found)
    application_form.find_sector(filled, browser.user, present=found)
    if filled.problems:
        return _edit_form(request, browser, filled, found, status=400)
    application_edit.edit(
        client_id, name=filled.name, redirect_uris=filled.redirect_uris, profile=filled.profile, about=filled.said
    )
    logs.note(outcome="application edited", client_id=found.public_id)
    if filled.profile.has_secret and not found.secret_digest:  # its new authentication method needs one
        return http.see_other(http.here(request, f"{PATH}/{client_id}/secret"))
    return http.see_other(http.here(request, PATH), notice=http.Notice.APPLICATION_SAVED)


@http.route(blueprint, PATH + "/{client_id}/secret", "GET", "POST", is_page=True)
def secret(request: http.Request, client_id: str) -> Response:
    browser = browser_session.require(request, back_to=f"{PATH}/{client_id}/secret")
    found = own_application.require(browser, client_id)
    if not found.has_secret:
        raise http.Refusal(404, "not_found", Message("This application has no secret."))
    if request.method == "GET":
        return _secret_form(request, browser, found)
    # The form is bound to the secret that it was shown with: a second click must not replace the new one.
    shown = single(request.form, "secret") or ""
    browser.check_csrf(request.form, _regenerate_purpose(client_id, shown))
    keep_old_seconds = _keep_old(request.form)
    if shown != client_secret.mark(found.secret_digest):
        return _stale_secret_form(request, browser, found)
    try:
        changed, regenerated = client_secret.rotate(found, keep_old_seconds=keep_old_seconds)
    except store.ConditionFailed:
        return _stale_secret_form(request, browser, own_application.require(browser, client_id))
    except client_secret.TooManySecrets:
        return _secret_form(request, browser, found, is_full=True)
    logs.note(outcome="secret regenerated", client_id=found.public_id)
    security_event.record_for(
        found.owner_ids,
        security_event.Kind.SECRET_REGENERATED,
        request.source,
        client_id=client_id,
        application_name=found.name,
    )
    return _secret_page(request, changed, regenerated)


@http.route(
    blueprint, PATH + "/{client_id}/previous-secret", "POST", is_page=True, form_stands_at=PATH + "/{client_id}"
)
def previous_secret(request: http.Request, client_id: str) -> Response:
    browser = browser_session.require(request, back_to=f"{PATH}/{client_id}")
    found = own_application.require(browser, client_id)
    of = single(request.form, "secret") or ""
    browser.check_csrf(request.form, _end_purpose(client_id, of))
    client_secret.end_older(client_id, of)
    logs.note(outcome="previous secret ended", client_id=found.public_id)
    return http.see_other(http.here(request, f"{PATH}/{client_id}"))


@http.route(blueprint, PATH + "/{client_id}/delete", "GET", "POST", is_page=True)
def delete(request: http.Request, client_id: str) -> Response:
    browser = browser_session.require(request, back_to=PATH)
    found = own_application.require(browser, client_id)
    own_application.check_main_owner(browser, found)
    if request.method == "GET":
        hidden = {CSRF_FIELD: browser.csrf_token(f"delete {client_id}")}
        return _confirmation(request, "delete_application.html", found, hidden)
    browser.check_csrf(request.form, f"delete {client_id}")
    application_deletion.delete(client_id)
    logs.note(outcome="application deleted", client_id=found.public_id)
    return http.see_other(http.here(request, PATH), notice=http.Notice.APPLICATION_DELETED)


def _keep_old(form: Parameters) -> int:
    """How many seconds the old secret keeps working; 0 if nothing was chosen."""
    chosen = single(form, "keep_old_seconds") or "0"
    if not (
        chosen.isascii() and chosen.isdigit() and len(chosen) < 9 and int(chosen) <= limits.SECRET_OVERLAP_MAX_SECONDS
    ):
        raise http.Refusal(400, "invalid_request", Message("The old secret cannot keep working for that long."))
    return int(chosen)


def _regenerate_purpose(client_id: str, shown: str) -> str:
    """The purpose of a form that regenerates a secret, which contains the mark of the secret it was shown with."""
    return f"regenerate {client_id} {shown}"


def _end_purpose(client_id: str, of: str) -> str:
    return f"end previous secret {client_id} {of}"


def _new_form(
    request: http.Request,
    browser: SignedIn,
    filled: Fields,
    *,
    form_id: str,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The registration form. form_id: distinguishes a second click on this form from another form."""
    hidden = {"form_id": form_id, CSRF_FIELD: browser.csrf_token(f"register {form_id}")}
    return http.page(
        request, "application_form.html", status, headers=headers, filled=filled, existing=None, hidden=hidden
    )


def _edit_form(
    request: http.Request, browser: SignedIn, filled: Fields, existing: Application, *, status: int = 200
) -> Response:
    return http.page(
        request,
        "application_form.html",
        status,
        with_script=True,
        filled=filled,
        existing=existing,
        hidden={CSRF_FIELD: browser.csrf_token(f"edit {existing.client_id}")},
        older_secrets=_older_secrets(browser, existing),
        is_verified=verification.is_verified(existing),
        count=grant.connected_to(existing.client_id),
        **_connecting(request, existing),
    )


def _older_secrets(browser: SignedIn, of: Application) -> list[dict[str, Any]]:
    """When each old secret ends and was last used, and the hidden fields of the form that ends it now."""
    listed = []
    for older in of.older_secrets:
        mark = client_secret.mark(older.digest)
        hidden = {"secret": mark, CSRF_FIELD: browser.csrf_token(_end_purpose(of.client_id, mark))}
        listed.append({"until": older.until, "used_at": older.used_at, "hidden": hidden})
    return listed


def _secret_form(
    request: http.Request, browser: SignedIn, of: Application, *, is_done: bool = False, is_full: bool = False
) -> Response:
    """is_done: the form has already taken effect. is_full: the maximum number of old secrets is in use."""
    mark = client_secret.mark(of.secret_digest)
    hidden = {"secret": mark, CSRF_FIELD: browser.csrf_token(_regenerate_purpose(of.client_id, mark))}
    shown = {"is_done": is_done, "is_full": is_full}
    return _confirmation(request, "regenerate_secret.html", of, hidden, 409 if is_done or is_full else 200, **shown)


def _stale_secret_form(request: http.Request, browser: SignedIn, of: Application) -> Response:
    """After a second click. The mark of an imported secret also changes when it is first used, and then nothing is done
    yet: the form is shown again."""
    return _secret_form(request, browser, of, is_done=not of.has_imported_secret)


def _secret_page(request: http.Request, of: Application, client_secret: str | None) -> Response:
    return http.page(
        request,
        "application_secret.html",
        with_script=True,
        application=of,
        client_secret=client_secret,
        **_connecting(request, of),
    )


def _connecting(request: http.Request, of: Application) -> dict[str, Any]:
    """What the "Connect" part of a page needs besides the application."""
    return {
        "base_url": request.base_url,
        "code_lifetime_seconds": fapi.code_lifetime_seconds(of),
        "asked_scope": scopes.example(),
    }


def _confirmation(
    request: http.Request, template: str, of: Application, hidden: Mapping[str, str], status: int = 200, **shown: Any
) -> Response:
    count = grant.connected_to(of.client_id)
    return http.page(request, template, status, application=of, hidden=hidden, count=count, **shown)
