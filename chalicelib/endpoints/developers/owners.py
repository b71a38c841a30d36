"""/settings/applications/{client_id}/owners: who else manages an application, and whom its main owner invites."""

from __future__ import annotations

from chalice.app import Blueprint, Response

from chalicelib import limits, logs, names
from chalicelib.endpoints import http
from chalicelib.endpoints.developers import own_application
from chalicelib.endpoints.http import browser_session
from chalicelib.endpoints.http.browser_session import CSRF_FIELD, SignedIn
from chalicelib.messages import Message
from chalicelib.models import ownership, registration_form, security_event, store, throttle
from chalicelib.models.application import Application
from chalicelib.models.email_address import normalize
from chalicelib.models.security_event import Kind
from chalicelib.models.user import User
from chalicelib.protocol.rules.request_parameters import single

_PATH = own_application.PATH + "/{client_id}/owners"
blueprint = Blueprint(__name__)


@http.route(blueprint, _PATH, "GET", "POST", is_page=True, typed_again=("email",))
def owners(request: http.Request, client_id: str) -> Response:
    """The list, and the form that invites somebody."""
    path = _PATH.format(client_id=client_id)
    browser = browser_session.require(request, back_to=path)
    found = own_application.require(browser, client_id)
    listed = ownership.owners(found)
    if request.method == "GET":
        return _list(request, browser, found, listed, typed=single(request.typed, "email") or "")
    own_application.check_main_owner(browser, found)
    browser.check_csrf(request.form, f"invite {client_id}")
    typed = single(request.form, "email") or ""
    try:
        email = names.check_email(typed)
        if any(normalize(email) == normalize(owner.email) for owner in listed):
            raise names.InputProblem(Message("belongs to an owner already"))
        with throttle.trying(
            _invitation_limits(browser.user, email), window_seconds=limits.DAY_SECONDS, not_made=_NOT_SENT
        ):
            ownership.invite(found, email)
    except names.InputProblem as error:
        problem = Message("The address %(problem)s.", problem=error.message)
        return _list(request, browser, found, listed, typed=typed, problem=problem, status=400)
    except ownership.TooManyOwners:
        problem = Message(
            "An application has at most %(limit)s owners and open invitations.", limit=limits.OWNERS_LIMIT
        )
        return _list(request, browser, found, listed, typed=typed, problem=problem, status=409)
    except throttle.TooManyTries:
        logs.note(outcome="invitations throttled")
        problem = Message("You have sent too many invitations today. Try again tomorrow.")
        return _list(request, browser, found, listed, typed=typed, problem=problem, status=429)
    logs.note(outcome="owner invited", client_id=found.public_id)
    _mail(request, browser.user, found, email)
    return http.see_other(http.here(request, path), notice=http.Notice.OWNER_INVITED)


@http.route(blueprint, _PATH + "/withdraw", "POST", is_page=True, form_stands_at=_PATH)
def withdraw(request: http.Request, client_id: str) -> Response:
    path = _PATH.format(client_id=client_id)
    browser = browser_session.require(request, back_to=path)
    found = own_application.require(browser, client_id)
    own_application.check_main_owner(browser, found)
    email = single(request.form, "email") or ""
    browser.check_csrf(request.form, _withdraw_purpose(client_id, email))
    ownership.withdraw(found, email)
    logs.note(outcome="invitation withdrawn", client_id=found.public_id)
    return http.see_other(http.here(request, path), notice=http.Notice.INVITATION_WITHDRAWN)


@http.route(blueprint, _PATH + "/{user_id}", "GET", "POST", is_page=True)
def owner(request: http.Request, client_id: str, user_id: str) -> Response:
    """One owner, and what can be done: make them the main owner, remove them, or leave."""
    path = _PATH.format(client_id=client_id)
    browser = browser_session.require(request, back_to=f"{path}/{user_id}")
    found = own_application.require(browser, client_id)
    person = next((one for one in ownership.owners(found) if one.user_id == user_id), None)
    action = single(request.form, "action") if request.method == "POST" else None
    if (action == "remove" and person is None) or (action == "transfer" and user_id == found.owner_id):
        return http.see_other(http.here(request, path))  # a second click
    if user_id != browser.user.user_id:
        own_application.check_main_owner(browser, found)
    if person is None:
        raise http.Refusal(404, "not_found", Message("This application has no such owner."))
    purpose = f"owner {user_id} of {client_id} under {found.owner_id}"
    if request.method == "GET":
        return _one(request, browser, found, person, purpose)
    browser.check_csrf(request.form, purpose)
    if action == "transfer":
        own_application.check_main_owner(browser, found)
        return _transfer(request, browser, found, person, purpose)
    if user_id == found.owner_id:
        raise http.Refusal(400, "invalid_request", Message("The main owner cannot leave the application."))
    ownership.remove(found, user_id)
    _record(request, found, Kind.OWNER_REMOVED)
    logs.note(outcome="owner removed", client_id=found.public_id)
    if user_id == browser.user.user_id:
        return http.see_other(http.here(request, own_application.PATH), notice=http.Notice.OWNERSHIP_LEFT)
    return http.see_other(http.here(request, path), notice=http.Notice.OWNER_REMOVED)


def _transfer(request: http.Request, browser: SignedIn, found: Application, to: User, purpose: str) -> Response:
    try:
        ownership.transfer(found, to, keeps=True, most=limits.APPLICATIONS_PER_OWNER_LIMIT)
    except registration_form.TooManyApplications:
        problem = Message("They have as many applications of their own as they may have.")
        return _one(request, browser, found, to, purpose, problem=problem, status=409)
    except store.ConditionFailed:
        problem = Message("The owners have changed in the meantime, or this one is disabled. Look again.")
        found = own_application.require(browser, found.client_id)
        return _one(request, browser, found, to, purpose, problem=problem, status=409)
    _record(request, found, Kind.APPLICATION_TRANSFERRED)
    logs.note(outcome="application transferred", client_id=found.public_id)
    path = _PATH.format(client_id=found.client_id)
    return http.see_other(http.here(request, path), notice=http.Notice.APPLICATION_TRANSFERRED)


def _record(request: http.Request, found: Application, kind: Kind) -> None:
    """Record it for everybody who was an owner before."""
    security_event.record_for(
        found.owner_ids, kind, request.source, client_id=found.client_id, application_name=found.name
    )


def _mail(request: http.Request, inviter: User, found: Application, email: str) -> None:
    """Tell the invited person. Nothing depends on this mail: the page shows the link too.

    It quotes neither the application's name nor the inviter's: anybody can choose those, and send their words to
    strangers.
    """
    days = limits.INVITATION_LIFETIME_SECONDS // limits.DAY_SECONDS
    shown = {"inviter": inviter, "link": _link(request, found), "days": days}
    http.mail_notice(request, email, "invitation.txt", user=None, **shown)


def _link(request: http.Request, found: Application) -> str:
    return f"{request.base_url}{own_application.PATH}/{found.client_id}/invitation"


def _invitation_limits(inviter: User, email: str) -> list[throttle.Limit]:
    return [
        throttle.Limit(throttle.named("invitations", inviter.user_id), limits.INVITATIONS_PER_OWNER),
        throttle.Limit(throttle.named("invitations to", normalize(email)), limits.INVITATIONS_PER_OWNER),
    ]


_NOT_SENT = (store.StoreUnavailable, ownership.TooManyOwners)


def _withdraw_purpose(client_id: str, email: str) -> str:
    return f"withdraw {client_id} {email}"


def _list(
    request: http.Request,
    browser: SignedIn,
    found: Application,
    listed: list[User],
    *,
    typed: str,
    problem: str = "",
    status: int = 200,
) -> Response:
    client_id = found.client_id
    return http.page(
        request,
        "owners.html",
        status,
        application=found,
        owners=listed,
        is_main=found.owner_id == browser.user.user_id,
        link=_link(request, found),
        typed=typed,
        problem=problem,
        hidden={CSRF_FIELD: browser.csrf_token(f"invite {client_id}")},
        invitations=[
            (
                invitation,
                {
                    "email": invitation.email,
                    CSRF_FIELD: browser.csrf_token(_withdraw_purpose(client_id, invitation.email)),
                },
            )
            for invitation in ownership.invitations(found)
        ],
    )


def _one(
    request: http.Request,
    browser: SignedIn,
    found: Application,
    person: User,
    purpose: str,
    *,
    problem: str = "",
    status: int = 200,
) -> Response:
    return http.page(
        request,
        "owner.html",
        status,
        application=found,
        person=person,
        is_main=found.owner_id == browser.user.user_id,
        problem=problem,
        hidden={CSRF_FIELD: browser.csrf_token(purpose)},
    )
