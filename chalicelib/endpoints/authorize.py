"""GET and POST /api/v1/oauth/authorize: the application asks, the user answers (RFC 6749 §4.1.1)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from chalice.app import Blueprint, Response

from chalicelib import logs, settings
from chalicelib.endpoints import browser_session, http
from chalicelib.endpoints.browser_session import SignedIn
from chalicelib.messages import Message
from chalicelib.models import pushed_request, security_event, store
from chalicelib.models.application import Application
from chalicelib.models.consent import Consent
from chalicelib.models.pushed_request import PushedRequest
from chalicelib.protocol import (
    authorization,
    consents,
    metadata_documents,
    paths,
    pushed_requests,
    redirect_uris,
    requests,
)
from chalicelib.protocol.authorization import AuthorizationRequest, NotThisApplication, RefusedRequest

PATH = paths.AUTHORIZATION
blueprint = Blueprint(__name__)


@http.route(blueprint, PATH, "GET", "POST", is_page=True)
def authorize(request: http.Request) -> Response:
    if request.is_head:
        allowed = "GET, POST"  # it would make a code
        raise http.Refusal(
            405, "invalid_request", Message("Only %(methods)s can be used here.", methods=allowed), {"Allow": allowed}
        )
    form = request.form if request.method == "POST" else None
    # The consent form's address carries the request; a request that is itself a POST may be all in its body (§3.1).
    parameters = request.query if form is None or request.query else form
    if form is not None and requests.single(form, "decision") is None:
        return http.see_other(http.here(request, _path_of(parameters)))
    browser, application, consent, pushed = _read(request, parameters)
    try:
        application = _described(request, parameters, browser, application)
        asked = pushed_requests.read_request(parameters, application, pushed, issuer=request.base_url)
    except NotThisApplication as error:
        return _not_this_application(request, error, parameters)
    except RefusedRequest as error:
        if browser is None:  # or anybody's link would lead through here to wherever somebody registered (9700 §4.11.2)
            raise http.NotSignedIn(_path_of(parameters)) from error
        return http.see_other(error.location)
    logs.note(client_id=asked.application.client_id)
    if browser is None:
        raise http.NotSignedIn(f"{PATH}?{requests.encode(asked.parameters)}")
    if form is None:
        return _ask_or_remember(request, asked, browser, consent)
    return _answer(request, asked, browser, consent, form)


def _path_of(parameters: requests.Parameters) -> str:
    """The path that asks this again, with a GET, mistakes included."""
    return f"{PATH}?{requests.encode_all(parameters, requests.AUTHORIZATION)}"


def _read(
    request: http.Request, parameters: requests.Parameters
) -> tuple[SignedIn | None, Application | None, Consent | None, PushedRequest | None]:
    """All that decides, in one round trip."""
    cookie = browser_session.read_cookie(request)
    client_id = requests.single(parameters, "client_id") or ""
    application_key = Application.key(client_id) if 0 < len(client_id) <= settings.CLIENT_ID_LIMIT_CHARACTERS else None
    pushed_key = pushed_requests.key_of(parameters)
    if cookie is None:
        application, pushed = store.read(application_key, pushed_key)
        return None, _called(application, client_id), None, pushed
    consent_key = Consent.key(cookie.user_id, application_key.hash_key) if application_key else None
    session, user, application, consent, pushed = store.read(
        cookie.session_key, cookie.user_key, application_key, consent_key, pushed_key
    )
    browser = browser_session.recognize(request, cookie, session, user)
    return browser, _called(application, client_id), consent, pushed


def _called(found: Application | None, client_id: str) -> Application | None:
    """The application, if this is its client id: the id that one with a document is stored under is not."""
    return found if found is not None and found.public_id == client_id else None


def _described(
    request: http.Request, parameters: requests.Parameters, browser: SignedIn | None, known: Application | None
) -> Application | None:
    """Of an application that describes itself, what its document says now; of any other, what is known.

    Raises NotSignedIn before anything is fetched: strangers cannot have this server call others.
    """
    client_id = requests.single(parameters, "client_id") or ""
    if not metadata_documents.is_one(client_id):
        return known
    if not metadata_documents.are_taken():
        return None
    if browser is None and known is None:
        raise http.NotSignedIn(request.local_address)
    return metadata_documents.current(client_id, known, browser.user) if browser else known


def _ask_or_remember(
    request: http.Request, asked: AuthorizationRequest, browser: SignedIn, consent: Consent | None
) -> Response:
    if consent is not None and authorization.is_remembered(asked, consent, browser.user):
        location = authorization.allow_again(asked, consent, browser.user, issuer=request.base_url)
        if location is not None:
            return _send_back(asked, location)
    return _consent_page(request, asked, browser, consent)


def _answer(
    request: http.Request,
    asked: AuthorizationRequest,
    browser: SignedIn,
    consent: Consent | None,
    form: requests.Parameters,
) -> Response:
    """What the user said, to the request that they were shown: granted is what was posted, asked for and allowed."""
    browser.check_csrf(form, _purpose(asked))
    decision = requests.single(form, "decision")
    if decision in ("select_all", "select_none"):  # no answer yet: ticks the boxes where no script could
        return _consent_page(request, asked, browser, consent, tick_all=decision == "select_all")
    if decision != "allow":
        return _send_back(asked, authorization.deny(asked, issuer=request.base_url))
    ticked = form.get("organizers", ())
    location = authorization.allow(asked, browser.user, ticked, known=consent, issuer=request.base_url)
    if location is None:
        problem = Message("Choose at least one organizer.")
        return _consent_page(request, asked, browser, consent, problem=problem, status=400)
    security_event.record(
        browser.user.user_id,
        security_event.Kind.CONSENT,
        request.caller,
        client_id=asked.application.client_id,
        application_name=asked.application.name,
    )
    return _send_back(asked, location)


def _send_back(asked: AuthorizationRequest, location: str) -> Response:
    """To the application with its answer, once for a request that was pushed."""
    if asked.pushed_digest:
        pushed_request.use(asked.pushed_digest)
    return http.see_other(location)


def _consent_page(
    request: http.Request,
    asked: AuthorizationRequest,
    browser: SignedIn,
    consent: Consent | None,
    *,
    tick_all: bool | None = None,
    problem: str = "",
    status: int = 200,
) -> Response:
    owner, choices = consents.read_shown(asked.application, browser.user, asked.scopes)
    asked_again = f"{PATH}?{requests.encode(asked.parameters)}"
    return http.page(
        request,
        "consent.html" if choices or not asked.needs_organizers else "no_organizer.html",
        status,
        form_target=redirect_uris.form_target(asked.redirect_uri),
        application=asked.application,
        owner=owner,
        returns_to=redirect_uris.place(asked.redirect_uri),
        scopes=asked.scopes,
        resource=asked.resource,
        consent=consent if consent and not consent.predates_restore else None,
        needs_organizers=asked.needs_organizers,
        organizers=choices,
        ticked=consents.ticked(choices, tick_all),
        switch_account=http.here(request, f"/login?switch=1&next={quote(asked_again, safe='')}"),
        hidden={browser_session.CSRF_FIELD: browser.csrf_token(_purpose(asked))},
        # In the address and not in fields: browsers change line breaks in a field, and so in a state.
        action=http.here(request, asked_again),
        problem=problem,
    )


def _purpose(asked: AuthorizationRequest) -> str:
    """Binds the form to the very request that was shown."""
    return "consent " + requests.encode(dict(sorted(asked.parameters.items())))


def _not_this_application(
    request: http.Request, error: NotThisApplication, parameters: requests.Parameters
) -> Response:
    """Nobody is redirected; the user learns that it is not their fault, and the developer what to mend."""
    logs.note(outcome=f"invalid {error.problem}")
    received = requests.known(parameters, ("client_id", "redirect_uri"))
    shown: dict[str, Any] = {"problem": error.problem, "detail": error.detail, "received": received}
    return http.page(request, "not_this_application.html", 400, **shown)
