"""/settings/profile: what applications are told about a user, and what the pages use."""

from __future__ import annotations

from dataclasses import dataclass, field

from chalice.app import Blueprint, Response

from chalicelib import logs, names
from chalicelib.endpoints import http
from chalicelib.endpoints.http import browser_session
from chalicelib.endpoints.http.browser_session import CSRF_FIELD, SignedIn
from chalicelib.messages import Message
from chalicelib.models import security_event, user
from chalicelib.pages import language
from chalicelib.protocol.rules.request_parameters import Parameters, single

PATH = "/settings/profile"
_CHECKS = {"fullname": names.check_name, "locale": names.check_locale, "timezone": names.check_timezone}
blueprint = Blueprint(__name__)


@dataclass
class Fields:
    """The form as filled in. entered, problems: by field name."""

    entered: dict[str, str]
    problems: dict[str, str] = field(default_factory=dict)


@http.route(blueprint, PATH, "GET", "POST", is_page=True, typed_again=_CHECKS)
def profile(request: http.Request) -> Response:
    browser = browser_session.require(request, back_to=PATH)
    if request.method == "GET":
        as_stored = Fields({name: str(getattr(browser.user, name)) for name in _CHECKS})
        return _page(request, browser, _read_fields(request.typed) if request.typed else as_stored)
    browser.check_csrf(request.form, PATH)
    filled = _read_fields(request.form)
    if filled.problems:
        return _page(request, browser, filled, status=400)
    user.edit(browser.user.user_id, **filled.entered)
    security_event.record(browser.user.user_id, security_event.Kind.PROFILE_CHANGED, request.source)
    logs.note(outcome="profile changed")
    return http.see_other(http.here(request, PATH), notice=http.Notice.PROFILE_SAVED)


def _read_fields(form: Parameters) -> Fields:
    filled = Fields({name: single(form, name) or "" for name in _CHECKS})
    for name, check in _CHECKS.items():
        try:
            filled.entered[name] = check(filled.entered[name])
        except names.InputProblem as error:
            filled.problems[name] = _problem(name, error.message)
    return filled


def _problem(name: str, problem: str) -> Message:
    match name:
        case "fullname":
            return Message("The name %(problem)s.", problem=problem)
        case "locale":
            return Message("The language %(problem)s.", problem=problem)
        case _:
            return Message("The time zone %(problem)s.", problem=problem)


def _page(request: http.Request, browser: SignedIn, filled: Fields, *, status: int = 200) -> Response:
    return http.page(
        request,
        "profile.html",
        status,
        user=browser.user,
        filled=filled,
        languages=language.LANGUAGES,
        timezones=names.common_timezones(),
        hidden={CSRF_FIELD: browser.csrf_token(PATH)},
    )
