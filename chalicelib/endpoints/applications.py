"""/settings/applications: where a user registers applications and looks after them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from chalice.app import Blueprint, Response

from chalicelib import credentials, logs, names, server_key, settings
from chalicelib.endpoints import browser_session, http
from chalicelib.endpoints.browser_session import CSRF_FIELD, SignedIn
from chalicelib.messages import Message
from chalicelib.models import application, grant, security_event, store
from chalicelib.models.application import Application, Profile
from chalicelib.protocol import client_assertion, redirect_uris
from chalicelib.protocol.requests import Parameters, single

PATH = "/settings/applications"
SHOWN_CHARACTERS = 200
FIELDS = ("name", "type", "redirect_uris", "auth_method", "jwks", "pkce_required", "device_grant")
blueprint = Blueprint(__name__)


WEBSITE, BROWSER, APP = "website", "browser", "native"
_PROFILES = {
    WEBSITE: application.CLASSIC,
    BROWSER: Profile(auth_method=application.NONE),
    APP: Profile(auth_method=application.NONE, application_type=application.NATIVE),
}


@dataclass
class Fields:
    """The form as it was filled in.

    type: a key of _PROFILES. typed: the redirect URLs as they stand in the field. problems: what is wrong, by the
    field's name.
    """

    name: str = ""
    type: str = WEBSITE
    typed: str = ""
    redirect_uris: list[str] = field(default_factory=list)
    auth_method: str = application.BASIC
    jwks: str = ""
    pkce_required: bool = False
    device_grant: bool = False
    problems: dict[str, list[Message]] = field(default_factory=dict)

    @property
    def profile(self) -> Profile:
        profile = replace(_PROFILES[self.type], pkce_required=self.pkce_required, device_grant=self.device_grant)
        return profile if profile.is_public else replace(profile, auth_method=self.auth_method, jwks=self.jwks or None)


@http.route(blueprint, PATH, "GET", is_page=True)
def applications(request: http.Request) -> Response:
    browser = browser_session.require(request)
    owned = application.owned_by(browser.user.user_id)
    counts = {found.client_id: grant.connected_to(found.client_id) for found in owned}
    return http.page(request, "applications.html", applications=owned, counts=counts)


@http.route(blueprint, PATH + "/new", "GET", "POST", is_page=True, typed_again=FIELDS)
def new(request: http.Request) -> Response:
    browser = browser_session.require(request, back_to=PATH + "/new")
    if request.method == "GET":
        filled = _read_typed(request, single(request.typed, "type") or WEBSITE) or Fields()
        return _form(request, browser, filled, client_id=credentials.new_id())
    # The page made the client id, and the CSRF token vouches for it: a second click registers nothing twice.
    client_id = single(request.form, "client_id") or ""
    browser.check_csrf(request.form, f"register {client_id}")
    filled = _read_fields(request.form, single(request.form, "type") or WEBSITE)
    if filled.profile.is_public and not server_key.is_set():
        missing = Message(server_key.MISSING)
        problem = Message("%(problem)s Contact the administrator of this service.", problem=missing)
        filled.problems["type"] = [problem]
    if filled.problems:
        return _form(request, browser, filled, client_id=client_id, status=400)
    try:
        made, secret = application.create(
            client_id,
            owner_id=browser.user.user_id,
            name=filled.name,
            redirect_uris=filled.redirect_uris,
            profile=filled.profile,
        )
    except store.ConditionFailed:
        return http.see_other(http.here(request, f"{PATH}/{client_id}"))
    logs.note(outcome="application registered", client_id=client_id)
    return _secret_page(request, made, secret)


@http.route(blueprint, PATH + "/{client_id}", "GET", "POST", is_page=True, typed_again=FIELDS)
def one(request: http.Request, client_id: str) -> Response:
    browser = browser_session.require(request, back_to=f"{PATH}/{client_id}")
    found = _own(browser, client_id)
    if request.method == "GET":
        filled = _read_typed(request, _type_of(found)) or _as_stored(found)
        return _form(request, browser, filled, client_id=client_id, existing=found)
    browser.check_csrf(request.form, f"edit {client_id}")
    filled = _read_fields(request.form, _type_of(found))
    if filled.problems:
        return _form(request, browser, filled, client_id=client_id, existing=found, status=400)
    application.edit(client_id, name=filled.name, redirect_uris=filled.redirect_uris, profile=filled.profile)
    logs.note(outcome="application edited", client_id=client_id)
    if filled.profile.has_secret and not found.secret_digest:  # it has just begun to need one
        return http.see_other(http.here(request, f"{PATH}/{client_id}/secret"))
    return http.see_other(http.here(request, PATH), notice=http.Notice.APPLICATION_SAVED)


@http.route(blueprint, PATH + "/{client_id}/secret", "GET", "POST", is_page=True)
def secret(request: http.Request, client_id: str) -> Response:
    browser = browser_session.require(request, back_to=f"{PATH}/{client_id}/secret")
    found = _own(browser, client_id)
    if not found.has_secret:
        raise http.Refusal(404, "not_found", Message("This application has no secret."))
    if request.method == "GET":
        return _confirmation(request, browser, "regenerate_secret.html", found, f"regenerate {client_id}")
    browser.check_csrf(request.form, f"regenerate {client_id}")
    regenerated = application.rotate_secret(client_id, keep_old_seconds=_keep_old(request.form))
    logs.note(outcome="secret regenerated", client_id=client_id)
    security_event.record(
        browser.user.user_id,
        security_event.Kind.SECRET_REGENERATED,
        request.caller,
        client_id=client_id,
        application_name=found.name,
    )
    return _secret_page(request, _own(browser, client_id), regenerated)


@http.route(
    blueprint, PATH + "/{client_id}/previous-secret", "POST", is_page=True, form_stands_at=PATH + "/{client_id}"
)
def previous_secret(request: http.Request, client_id: str) -> Response:
    browser = browser_session.require(request, back_to=f"{PATH}/{client_id}")
    _own(browser, client_id)
    browser.check_csrf(request.form, f"end previous secret {client_id}")
    application.end_previous_secret(client_id)
    logs.note(outcome="previous secret ended", client_id=client_id)
    return http.see_other(http.here(request, f"{PATH}/{client_id}"))


@http.route(blueprint, PATH + "/{client_id}/delete", "GET", "POST", is_page=True)
def delete(request: http.Request, client_id: str) -> Response:
    browser = browser_session.require(request, back_to=PATH)
    found = _own(browser, client_id)
    if request.method == "GET":
        return _confirmation(request, browser, "delete_application.html", found, f"delete {client_id}")
    browser.check_csrf(request.form, f"delete {client_id}")
    application.delete(client_id)
    logs.note(outcome="application deleted", client_id=client_id)
    return http.see_other(http.here(request, PATH), notice=http.Notice.APPLICATION_DELETED)


def _own(browser: SignedIn, client_id: str) -> Application:
    """Raises Refusal, the same for another user's application as for one that does not exist."""
    found = application.get(client_id[: 2 * credentials.ID_LENGTH])
    if found is None or found.owner_id != browser.user.user_id:
        raise http.Refusal(404, "not_found", Message("You have no such application. It may have been deleted."))
    return found


def _type_of(found: Application) -> str:
    if found.is_confidential:
        return WEBSITE
    return APP if found.is_native else BROWSER


def _as_stored(found: Application) -> Fields:
    return Fields(
        name=found.name,
        type=_type_of(found),
        typed="\n".join(found.redirect_uris),
        auth_method=found.auth_method,
        jwks=found.jwks or "",
        pkce_required=bool(found.pkce_required),
        device_grant=bool(found.device_grant),
    )


def _keep_old(form: Parameters) -> int:
    """For how many seconds the old secret goes on: none where nothing was chosen."""
    chosen = single(form, "keep_old_seconds") or "0"
    if not (chosen.isascii() and chosen.isdigit() and int(chosen) <= settings.SECRET_OVERLAP_MAX_SECONDS):
        raise http.Refusal(400, "invalid_request", Message("The old secret cannot keep working for that long."))
    return int(chosen)


def _read_authentication(form: Parameters, filled: Fields) -> None:
    """How a website proves itself, into `filled`; others have no choice."""
    if filled.type != WEBSITE:
        return
    filled.auth_method = single(form, "auth_method") or application.BASIC
    if filled.auth_method not in (application.BASIC, application.POST, application.PRIVATE_KEY_JWT):
        raise http.Refusal(400, "invalid_request", Message("There is no such way to authenticate."))
    filled.jwks = (single(form, "jwks") or "").strip()
    if filled.auth_method == application.PRIVATE_KEY_JWT:
        try:
            filled.jwks = client_assertion.read_keys(filled.jwks)
        except client_assertion.KeysProblem as error:
            filled.problems["jwks"] = [Message("The key set %(problem)s.", problem=error.message)]
    else:
        filled.jwks = ""


def _read_typed(request: http.Request, type_: str) -> Fields | None:
    """What was typed into this form before it was out of date; None where that is not so."""
    return _read_fields(request.typed, type_) if request.typed else None


def _read_fields(form: Parameters, type_: str) -> Fields:
    """What was filled in, with a reason beside every line that cannot be taken."""
    if type_ not in _PROFILES:
        raise http.Refusal(400, "invalid_request", Message("There is no such type of application."))
    filled = Fields(name=single(form, "name") or "", type=type_, pkce_required=single(form, "pkce_required") == "on")
    filled.device_grant = single(form, "device_grant") == "on"
    try:
        filled.name = names.check_name(filled.name)
    except names.NameProblem as error:
        filled.problems["name"] = [Message("The name %(problem)s.", problem=error.message)]
    _read_authentication(form, filled)
    _read_redirect_uris(form, filled)
    return filled


def _read_redirect_uris(form: Parameters, filled: Fields) -> None:
    typed = (single(form, "redirect_uris") or "").splitlines()
    filled.typed = "\n".join(typed)
    lines = [(number, line.strip()) for number, line in enumerate(typed, 1) if line.strip()]
    filled.redirect_uris = list(dict.fromkeys(line for _, line in lines))
    is_native = filled.type == APP
    problems = [problem for number, line in lines if (problem := _problem_with(number, line, is_native))]
    if not lines and not filled.device_grant:
        problems = [Message("Enter at least one redirect URL.")]
    if len(filled.redirect_uris) > settings.REDIRECT_URIS_LIMIT:
        problems.append(Message("Enter at most %(limit)s redirect URLs.", limit=settings.REDIRECT_URIS_LIMIT))
    if problems:
        filled.problems["redirect_uris"] = problems


def _problem_with(number: int, uri: str, is_native: bool) -> Message | None:
    try:
        redirect_uris.check_registrable(uri, is_native=is_native)
    except redirect_uris.RedirectUriError as error:
        shown = uri if len(uri) <= SHOWN_CHARACTERS else f"{uri[:SHOWN_CHARACTERS]}…"
        if not uri.isascii():  # what runs from right to left must not take the sentence with it
            shown = f"\u2068{shown}\u2069"
        return Message("Line %(number)s: %(uri)s %(problem)s.", number=number, uri=shown, problem=error.message)
    return None


def _form(
    request: http.Request,
    browser: SignedIn,
    filled: Fields,
    *,
    client_id: str,
    existing: Application | None = None,
    status: int = 200,
) -> Response:
    purpose = f"edit {client_id}" if existing else f"register {client_id}"
    hidden = {"client_id": client_id, CSRF_FIELD: browser.csrf_token(purpose)}
    ends = {CSRF_FIELD: browser.csrf_token(f"end previous secret {client_id}")}
    shown: dict[str, Any] = {"count": grant.connected_to(client_id), **_connecting(request)} if existing else {}
    return http.page(
        request,
        "application_form.html",
        status,
        with_script=existing is not None,
        filled=filled,
        existing=existing,
        hidden=hidden,
        end_previous=ends,
        **shown,
    )


def _secret_page(request: http.Request, of: Application, client_secret: str | None) -> Response:
    return http.page(
        request,
        "application_secret.html",
        with_script=True,
        application=of,
        client_secret=client_secret,
        **_connecting(request),
    )


def _connecting(request: http.Request) -> dict[str, Any]:
    """What the "Connect" part of a page needs besides the application."""
    return {"base_url": request.base_url, "code_lifetime_seconds": settings.SETTINGS.code_lifetime_seconds}


def _confirmation(request: http.Request, browser: SignedIn, template: str, of: Application, purpose: str) -> Response:
    hidden: Mapping[str, str] = {CSRF_FIELD: browser.csrf_token(purpose)}
    return http.page(request, template, application=of, hidden=hidden, count=grant.connected_to(of.client_id))
