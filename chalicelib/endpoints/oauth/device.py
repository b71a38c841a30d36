"""/device: where a user types the code that a device shows, and allows or denies it (RFC 8628 §3.3)."""

from __future__ import annotations

from urllib.parse import quote

from chalice.app import Blueprint, Response

from chalicelib import limits, logs
from chalicelib.endpoints import http
from chalicelib.endpoints.http import browser_session
from chalicelib.endpoints.http.browser_session import CSRF_FIELD, SignedIn
from chalicelib.endpoints.oauth import consent_page
from chalicelib.endpoints.oauth.consent_page import Question
from chalicelib.messages import Message
from chalicelib.models import application, store, throttle
from chalicelib.models.application import Application
from chalicelib.models.consent import Consent
from chalicelib.models.device_request import DeviceRequest
from chalicelib.protocol.authorization import device as rules
from chalicelib.protocol.authorization.consents import ChoiceProblem
from chalicelib.protocol.rules import paths
from chalicelib.protocol.rules.request_parameters import Parameters, single

UNKNOWN = Message("This code is unknown or has expired. Compare it with your device, or start again there.")
_TYPED = "device code"  # the purpose of the form that a code is typed into
blueprint = Blueprint(__name__)


@http.route(blueprint, paths.DEVICE_AUTHORIZATION, "POST", cross_origin=True)
def device_authorization(request: http.Request) -> Response:
    answer = rules.device_authorization_response(request.as_client_request())
    return http.json_answer(answer.body, answer.status, answer.headers)


@http.route(
    blueprint,
    paths.DEVICE,
    "GET",
    "POST",
    is_page=True,
    typed_again=consent_page.TYPED_AGAIN,
    answers_stale_forms=True,
    body_limit_bytes=limits.CONSENT_FORM_LIMIT_BYTES,
)
def device(request: http.Request) -> Response:
    form = request.form if request.method == "POST" else None
    # A form that comes back after a sign-in has the code in its URL.
    user_code = single(form or {}, "user_code") or single(request.query, "user_code")
    browser = browser_session.require(request, back_to=_address(user_code) if user_code else paths.DEVICE)
    if user_code is None:
        return _code_page(request, browser)
    is_consent_form = form is not None and consent_page.is_sent(request, form)
    if form is not None and not is_consent_form and not browser.sent(form, _TYPED):
        return _code_page(request, browser, user_code=user_code, problem=consent_page.STALE, status=403)
    try:
        # Counted before the code is looked up: too many tries of one account or one address are guesses (§5.1).
        with throttle.trying(_limits(request, browser), window_seconds=limits.DEVICE_WINDOW_SECONDS) as counted:
            found, asking = _find(user_code, browser)
    except throttle.TooManyTries:
        logs.note(outcome="device codes throttled", security_event="device codes guessed")
        message = Message("Too many attempts. Wait 15 minutes, then try again.")
        retry_after = {"Retry-After": str(limits.DEVICE_WINDOW_SECONDS)}
        return _code_page(request, browser, problem=message, status=429, headers=retry_after)
    if found is None or asking is None:
        return _code_page(request, browser, user_code=user_code, problem=UNKNOWN, status=400)
    for tried in counted:  # it was not a guess
        tried.take_back()
    logs.note(client_id=asking.public_id)
    if not found.is_open:
        return _done_page(request, asking, is_allowed=found.is_allowed)
    question = _question(found, asking, user_code)
    if form is not None and is_consent_form:
        return _answer(request, browser, found, question, form)
    return consent_page.show(request, browser, question, _consent(browser, found))


def _find(user_code: str, browser: SignedIn) -> tuple[DeviceRequest | None, Application | None]:
    """The request with this code, if it is open or was answered by this user, and its application."""
    key = rules.key_of(user_code)
    found = store.read(key)[0] if key else None
    if found is None or not (found.is_open or found.was_answered_by(browser.user.user_id)):
        return None, None
    asking = application.get(found.client_id)
    return found, asking if asking and asking.active else None


def _answer(
    request: http.Request, browser: SignedIn, found: DeviceRequest, question: Question, form: Parameters
) -> Response:
    if not browser.sent(form, question.purpose):
        return consent_page.show_stale(request, browser, question, _consent(browser, found), form)
    asking, decision = question.application, single(form, "decision")
    if not consent_page.answers(form):
        return consent_page.show(request, browser, question, _consent(browser, found), form=form)
    try:
        if decision != "allow":
            rules.deny(found, browser.user)
        else:
            rules.approve(found, asking, browser.user, form.get("scopes", ()), form.get("organizers", ()))
            consent_page.note_allowed(request, browser, asking)
    except ChoiceProblem as error:
        return consent_page.show_problem(request, browser, question, _consent(browser, found), form, error)
    except rules.AlreadyAnswered:  # since it was read, for example by a second click
        answered = store.read(found.own_key)[0]
        if answered is None or not answered.was_answered_by(browser.user.user_id):
            return _code_page(request, browser, problem=UNKNOWN, status=400)
        return _done_page(request, asking, is_allowed=answered.is_allowed)
    return _done_page(request, asking, is_allowed=decision == "allow")


def _consent(browser: SignedIn, found: DeviceRequest) -> Consent | None:
    return store.read(Consent.key(browser.user.user_id, found.client_id))[0]


def _address(user_code: str) -> str:
    return f"{paths.DEVICE}?user_code={quote(rules.shown(user_code))}"


def _question(found: DeviceRequest, asking: Application, user_code: str) -> Question:
    shown = rules.shown(user_code)
    return Question(
        application=asking,
        scopes=tuple(found.scope.split()),
        resource=found.resource,
        purpose=_purpose(found),
        address=_address(user_code),
        post_to=paths.DEVICE,
        hidden={"user_code": shown},
        user_code=shown,
    )


def _limits(request: http.Request, browser: SignedIn) -> list[throttle.Limit]:
    return [
        throttle.Limit(throttle.named("device code account", browser.user.user_id), limits.DEVICE_TRIES_PER_ACCOUNT),
        *throttle.per_network("device code address", request.network, limits.DEVICE_TRIES_PER_ADDRESS),
    ]


def _purpose(found: DeviceRequest) -> str:
    """Binds the form to the exact request that was shown."""
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
        hidden={CSRF_FIELD: browser.csrf_token(_TYPED)},
    )


def _done_page(request: http.Request, asking: Application, *, is_allowed: bool) -> Response:
    return http.page(request, "device_done.html", application=asking, is_allowed=is_allowed)
