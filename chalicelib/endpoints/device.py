"""/device: where a user types the code that a device shows, and allows it or not (RFC 8628 §3.3)."""

from __future__ import annotations

from urllib.parse import quote

from chalice.app import Blueprint, Response

from chalicelib import logs, settings
from chalicelib.endpoints import browser_session, http
from chalicelib.endpoints.browser_session import CSRF_FIELD, SignedIn
from chalicelib.messages import Message
from chalicelib.models import application, security_event, store, throttle
from chalicelib.models.application import Application
from chalicelib.models.consent import Consent
from chalicelib.models.device_request import DeviceRequest
from chalicelib.protocol import consents, paths, scopes
from chalicelib.protocol import device as rules
from chalicelib.protocol.requests import Parameters, single

UNKNOWN = Message("This code is unknown or has expired. Compare it with your device, or start again there.")
blueprint = Blueprint(__name__)


@http.route(blueprint, paths.DEVICE_AUTHORIZATION, "POST")
def device_authorization(request: http.Request) -> Response:
    answer = rules.device_authorization_response(request.as_client_request())
    return http.json_answer(answer.body, answer.status, answer.headers)


@http.route(blueprint, paths.DEVICE, "GET", "POST", is_page=True)
def device(request: http.Request) -> Response:
    browser = browser_session.require(request)
    given = request.form if request.method == "POST" else request.query
    user_code = single(given, "user_code")
    if user_code is None:
        return _code_page(request, browser)
    if request.method == "POST" and single(given, "decision") is None:
        browser.check_csrf(given, "device code")
    try:
        # Counted before the code is looked at: too many of one account or one address are guesses (§5.1).
        with throttle.trying(_limits(request, browser), window_seconds=settings.DEVICE_WINDOW_SECONDS) as counted:
            found, asking = _find(user_code)
    except throttle.TooManyTries:
        logs.note(outcome="device codes throttled", security_event="device codes guessed")
        message = Message("Too many attempts. Wait 15 minutes, then try again.")
        retry_after = {"Retry-After": str(settings.DEVICE_WINDOW_SECONDS)}
        return _code_page(request, browser, problem=message, status=429, headers=retry_after)
    if found is None or asking is None:
        return _code_page(request, browser, user_code=user_code, problem=UNKNOWN, status=400)
    for tried in counted:  # it was no guess
        tried.take_back()
    logs.note(client_id=asking.client_id)
    if request.method == "POST" and single(given, "decision"):
        return _answer(request, browser, found, asking, given)
    return _consent_page(request, browser, found, asking)


def _find(user_code: str) -> tuple[DeviceRequest | None, Application | None]:
    key = rules.key_of(user_code)
    found = store.read(key)[0] if key else None
    if found is None or not found.is_open:
        return None, None
    asking = application.get(found.client_id)
    return found, asking if asking and asking.active else None


def _answer(
    request: http.Request, browser: SignedIn, found: DeviceRequest, asking: Application, form: Parameters
) -> Response:
    browser.check_csrf(form, _purpose(found))
    decision = single(form, "decision")
    if decision in ("select_all", "select_none"):  # no answer yet: ticks the boxes where no script could
        return _consent_page(request, browser, found, asking, tick_all=decision == "select_all")
    is_allowed = decision == "allow"
    try:
        if not is_allowed:
            rules.deny(found)
        elif not rules.approve(found, browser.user, form.get("organizers", ())):
            problem = Message("Choose at least one organizer.")
            return _consent_page(request, browser, found, asking, problem=problem, status=400)
    except rules.AlreadyAnswered:
        return _code_page(request, browser, problem=UNKNOWN, status=400)
    if is_allowed:
        security_event.record(
            browser.user.user_id,
            security_event.Kind.CONSENT,
            request.caller,
            client_id=asking.client_id,
            application_name=asking.name,
        )
    return http.page(request, "device_done.html", application=asking, is_allowed=is_allowed)


def _limits(request: http.Request, browser: SignedIn) -> list[throttle.Limit]:
    return [
        throttle.Limit(throttle.named("device code account", browser.user.user_id), settings.DEVICE_TRIES_PER_ACCOUNT),
        *throttle.per_network("device code address", request.network, settings.DEVICE_TRIES_PER_ADDRESS),
    ]


def _purpose(found: DeviceRequest) -> str:
    """Binds the form to the very request that was shown."""
    return f"device {found.request_id} {found.device_digest}"


def _code_page(
    request: http.Request,
    browser: SignedIn,
    *,
    user_code: str = "",
    problem: str = "",
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response:
    return http.page(
        request,
        "device.html",
        status,
        headers=headers,
        user_code=user_code,
        problem=problem,
        hidden={CSRF_FIELD: browser.csrf_token("device code")},
    )


def _consent_page(
    request: http.Request,
    browser: SignedIn,
    found: DeviceRequest,
    asking: Application,
    *,
    tick_all: bool | None = None,
    problem: str = "",
    status: int = 200,
) -> Response:
    asked = found.scope.split()
    needs_organizers = scopes.need_organizers(asked)
    user_code = rules.shown(single(request.form if request.method == "POST" else request.query, "user_code") or "")
    owner, choices = consents.read_shown(asking, browser.user, asked)
    consent = store.read(Consent.key(browser.user.user_id, found.client_id))[0]
    back_here = f"{paths.DEVICE}?user_code={user_code}"
    return http.page(
        request,
        "consent.html" if choices or not needs_organizers else "no_organizer.html",
        status,
        application=asking,
        owner=owner,
        returns_to=None,
        scopes=asked,
        resource=found.resource,
        consent=consent if consent and not consent.predates_restore else None,
        needs_organizers=needs_organizers,
        organizers=choices,
        ticked=consents.ticked(choices, tick_all),
        switch_account=http.here(request, f"/login?switch=1&next={quote(back_here, safe='')}"),
        hidden={"user_code": user_code, CSRF_FIELD: browser.csrf_token(_purpose(found))},
        action=http.here(request, paths.DEVICE),
        problem=problem,
        user_code=user_code,
    )
