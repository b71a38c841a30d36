"""The consent page, shared by the authorization endpoint and devices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from chalice.app import Response

from chalicelib import logs
from chalicelib.endpoints import http
from chalicelib.endpoints.http import browser_session
from chalicelib.endpoints.http.browser_session import SignedIn
from chalicelib.messages import Message
from chalicelib.models import security_event, verification
from chalicelib.models.application import Application
from chalicelib.models.consent import Consent, in_force
from chalicelib.protocol.authorization import consents, organizer_choice
from chalicelib.protocol.rules import about_links, given_scopes, redirect_uris
from chalicelib.protocol.rules import scopes as scope_rules
from chalicelib.protocol.rules.request_parameters import Parameters, single

STALE = Message(
    "You signed in again, or something else changed, since this page was opened. Check it and answer once more."
)
# Decisions that only change what is shown and do not answer yet. They need no script.
_ONLY_SHOW = ("select_all", "select_none", "filter", organizer_choice.MORE)
_MARK = "consent_form"  # distinguishes this form from others that have no decision
TYPED_AGAIN = (_MARK, "scopes", "organizers", "find", organizer_choice.SHOWN)  # after a sign-in; never the decision


@dataclass(frozen=True)
class Question:
    """What a user is asked.

    purpose: binds the form to the exact request that was shown. address: the path that asks the question again.
    post_to: the path that the form is sent to. redirect_uri, origin: where the browser goes with the answer; None for a
    device. hidden: form fields. user_code: as a device shows it.
    """

    application: Application
    scopes: tuple[str, ...]
    resource: str | None
    purpose: str
    address: str
    post_to: str
    redirect_uri: str | None = None
    origin: str | None = None
    hidden: Mapping[str, str] = field(default_factory=dict)
    user_code: str | None = None


def is_sent(request: http.Request, form: Parameters) -> bool:
    """True for the consent form. When it comes back after a sign-in, from our page, it has no decision."""
    return single(form, "decision") is not None or (request.is_from_our_page and single(form, _MARK) is not None)


def answers(form: Parameters) -> bool:
    """True if the form allows or denies."""
    return single(form, "decision") not in (None, *_ONLY_SHOW)


def show(
    request: http.Request,
    browser: SignedIn,
    question: Question,
    consent: Consent | None,
    *,
    form: Parameters | None = None,
    notice: str = "",
    problem: str = "",
    status: int = 200,
) -> Response:
    """The page. form: as posted, to show again. notice: about the whole page. problem: about the organizers."""
    owner, logo, choice = organizer_choice.shown(question.application, browser.user, question.scopes, form)
    asked = scope_rules.ordered(question.scopes)
    possible = asked
    if not choice.count and scope_rules.need_organizers(asked):
        possible = scope_rules.possible_without_organizers(asked)
    needs_organizers = scope_rules.need_organizers(possible)
    before, uri = in_force(consent, question.application), question.redirect_uri
    place = redirect_uris.place(uri) if uri else None
    optional = [scope for scope in scope_rules.optional(asked) if scope in possible]
    ticked = form.get("scopes", ()) if form is not None else list(filter(scope_rules.ticked_at_first, optional))
    allows = scope_rules.shown(set(possible) - set(optional), question.resource)
    is_elsewhere = bool(before and before.scopes_at and question.origin and not before.knows_origin(question.origin))
    return http.page(
        request,
        "consent.html" if possible else "no_organizer.html",
        status,
        form_target=redirect_uris.form_target(uri) if uri else "",
        application=question.application,
        owner=owner,
        said=_said(question.application),
        logo=logo.data_url if logo else None,
        is_verified=verification.is_verified(question.application),
        returns_to=place,
        new_place=place if is_elsewhere else None,
        is_on_device=uri is not None and redirect_uris.is_on_device(uri),
        allows=allows,
        folded=_folded(before, question, allows, optional),
        impossible=[scope for scope in asked if scope not in possible],
        granted=scope_rules.shown(given_scopes.in_force(before.scopes)) if before else (),
        known=_known(before, question.resource) if before else (),
        grown=given_scopes.grown(before.scopes) if before else (),
        lasts=scope_rules.lasts(set(possible) - set(optional)),
        optional={scope: scope_rules.includes(scope, possible, question.resource) for scope in optional},
        ticked_scopes=ticked,
        resource=question.resource,
        consent=before,
        needs_organizers=needs_organizers,
        choice=choice,
        switch_account=http.here(request, f"/login?switch=1&next={quote(question.address, safe='')}"),
        hidden={**question.hidden, _MARK: "yes", browser_session.CSRF_FIELD: browser.csrf_token(question.purpose)},
        action=http.here(request, question.post_to),
        consent_notice=notice,
        problem=problem or choice.problem,
        user_code=question.user_code,
    )


def _known(before: Consent, resource: str | None) -> set[str]:
    """What the user already allowed at this API. What they allowed at another one only is new here."""
    here, elsewhere = (
        set(scope_rules.shown(given_scopes.in_force(given))) for given in before.allowed_here_and_elsewhere(resource)
    )
    return set(scope_rules.shown(given_scopes.in_force(before.scopes))) - (elsewhere - here)


def _folded(before: Consent | None, question: Question, allows: list[str], optional: list[str]) -> list[str]:
    """What the page says in one line, so that a request for more shows what is new: what the user already allowed for
    answers to this origin, at this API or at all. Nothing of a high risk or with an end, which starts anew or is
    lifted; and nothing if nothing is new."""
    given = before.allowed_at(question.origin, question.resource) if before and question.origin else None
    known = scope_rules.shown(given_scopes.in_force(given)) if given else []
    if set(allows).union(optional) <= set(known):
        return []
    lasting = {*scope_rules.lasts(allows), *given_scopes.ends(given or ())}
    return [name for name in allows if name in known and name not in lasting and not scope_rules.is_high_risk(name)]


def _said(application: Application) -> dict[str, Any]:
    """What the application says about itself. Each link with its host, which is what people can judge it by."""
    about = application.about
    links = {"client_uri": about.client_uri, "policy_uri": about.policy_uri, "tos_uri": about.tos_uri}
    return {
        "description": about.description,
        "links": [(name, url, about_links.host(url)) for name, url in links.items() if url],
        "contacts": about.contacts,
    }


def show_stale(
    request: http.Request, browser: SignedIn, question: Question, consent: Consent | None, form: Parameters
) -> Response:
    """The page again for a stale form, with what the same user had ticked.

    If that may not be shown, nothing is ticked, not even a single organizer: the user may have unticked it.
    """
    logs.note(outcome="stale form")
    kept = form if browser.was_filled_in_here(request, form) else {}
    return show(request, browser, question, consent, form=kept, notice=STALE, status=403)


def show_problem(
    request: http.Request,
    browser: SignedIn,
    question: Question,
    consent: Consent | None,
    form: Parameters,
    error: consents.ChoiceProblem,
) -> Response:
    """The page again, because the user's choice cannot be allowed."""
    if isinstance(error, consents.NoScope):
        return show(request, browser, question, consent, form=form, notice=error.message, status=400)
    return show(request, browser, question, consent, form=form, problem=error.message, status=400)


def note_allowed(request: http.Request, browser: SignedIn, application: Application) -> None:
    """Record the consent in the user's history."""
    security_event.record(
        browser.user.user_id,
        security_event.Kind.CONSENT,
        request.source,
        client_id=application.client_id,
        application_name=application.name,
    )
