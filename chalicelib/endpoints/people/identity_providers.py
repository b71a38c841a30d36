"""Signing in at an identity provider: /login/with/NAME leads there, /login/with/NAME/back takes the answer."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from chalice.app import Blueprint, Response

from chalicelib import credentials, limits, logs, settings
from chalicelib.accounts import federated_sign_in
from chalicelib.accounts.federated_sign_in import Person
from chalicelib.accounts.sign_in import AccountDisabled
from chalicelib.endpoints import http
from chalicelib.endpoints.http import browser_session
from chalicelib.identity_providers import OpenIDProvider, PlatformPage
from chalicelib.keys.parameter_store import ParameterUnavailable
from chalicelib.messages import Message
from chalicelib.models import sign_in_request, throttle
from chalicelib.models.sign_in_request import SignInRequest
from chalicelib.models.user import User
from chalicelib.pages import language
from chalicelib.protocol.rules import paths
from chalicelib.protocol.rules.request_parameters import single
from chalicelib.protocol.upstream import relying_party
from chalicelib.protocol.upstream.provider_documents import ProviderUnavailable
from chalicelib.protocol.upstream.relying_party import NotAccepted, Secrets

LINK = "/login/link"
_OUT_OF_DATE = Message("This sign-in is out of date, or began in another browser. Start again.")
_UNREACHABLE = Message("The service where you sign in cannot be reached at the moment. Start again.")
_NOT_SIGNED_IN = Message("You did not sign in there. Try again, or choose another way.")
_NOT_ACCEPTED = Message("The answer of the service where you signed in cannot be accepted. Start again.")
_NO_ADDRESS = Message("The service where you signed in has not confirmed an email address of yours. Confirm it there.")
_NO_ACCOUNT = Message("There is no account for you here. Ask the administrator.")
_NO_WAY_TO_LINK = Message(
    "There is an account with your email address, but no other way to sign in to it. Ask the administrator."
)
_ADDRESS_TAKEN = Message("There is an account with your email address. Sign in to it once, to link the two.")
blueprint = Blueprint(__name__)


@http.route(blueprint, paths.SIGN_IN_WITH + "/{name}", "GET", is_page=True)
def begin(request: http.Request, name: str) -> Response:
    provider = _provider(name)
    links = single(request.query, "link") is not None
    # Without a session, a link would become a sign-in, and perhaps a second account.
    signed_in = browser_session.require(request) if links else browser_session.signed_in(request)
    browser, cookies = browser_session.begin_elsewhere(request)
    is_again = single(request.query, "again") is not None
    spoken = language.choose(signed_in.user.locale if signed_in else None, request.header("accept-language"))
    if isinstance(provider, OpenIDProvider):
        relying_party.check_reachable(provider)  # before anything is stored
    with throttle.trying(_limits(request), window_seconds=limits.SIGN_IN_WINDOW_SECONDS):
        request_id = sign_in_request.begin(
            provider.name,
            browser=browser,
            next_path=browser_session.local_path(single(request.query, "next")),
            is_again=is_again,
            links=links,
            language=spoken,
        )
    if isinstance(provider, PlatformPage):
        address = f"{provider.url}?{urlencode({'request': request_id})}"
    else:
        address = relying_party.address(
            provider,
            _redirect_uri(request, provider),
            _secrets(request_id, browser),
            is_again=is_again,
            login_hint=signed_in.user.email if signed_in and is_again else None,
            language=spoken,
        )
    logs.note(outcome="sign-in led elsewhere")
    return http.see_other(address, headers={"Set-Cookie": cookies})


@http.route(blueprint, paths.SIGN_IN_WITH + "/{name}/back", "GET", is_page=True)
def back(request: http.Request, name: str) -> Response:
    """The answer of a provider (OpenID Connect Core §3.1.2.5), or of the platform's page."""
    provider, query = _provider(name), request.query
    request_id = single(query, "state" if isinstance(provider, OpenIDProvider) else "request")
    browser = browser_session.begun_elsewhere(request)
    try:
        begun = sign_in_request.find_in_browser(request_id, provider.name, browser)
        assert request_id is not None  # or nothing would have been found
        assert browser is not None
        said = _answer_of(request, provider, begun, request_id, browser)
    except sign_in_request.NotUsable as error:
        logs.note(outcome="sign-in elsewhere out of date")
        return http.sign_in_page(request, error.next_path or "/", problem=_OUT_OF_DATE, status=400)
    except (ProviderUnavailable, ParameterUnavailable) as error:
        logs.note(outcome="temporarily_unavailable", provider_error=str(error))
        return http.sign_in_page(request, str(begun.next_path), problem=_UNREACHABLE, status=503)
    except (NotAccepted, federated_sign_in.Unusable) as error:
        logs.note(outcome="sign-in elsewhere not accepted", provider_error=str(error))
        return http.sign_in_page(request, str(begun.next_path), problem=_NOT_ACCEPTED, status=400)
    if said is None:
        logs.note(outcome="not signed in elsewhere")
        return http.sign_in_page(request, str(begun.next_path), problem=_NOT_SIGNED_IN, status=403)
    if begun.links:
        return _to_link_page(request, begun, request_id, said)
    return _sign_in(request, provider, begun, request_id, said)


@http.route(blueprint, LINK, "GET", "POST", is_page=True, typed_again=("request",))
def link(request: http.Request) -> Response:
    """Links the identity that somebody signed in with elsewhere to the account that they are signed in to."""
    request_id = single(request.given, "request")
    browser = browser_session.require(request, back_to=_link_path(request_id or ""))
    begun = sign_in_request.kept(request_id, browser_session.begun_elsewhere(request))
    provider = settings.SETTINGS.providers.by_name.get(str(begun.provider)) if begun else None
    if begun is None or provider is None:
        raise http.Refusal(400, "invalid_request", _OUT_OF_DATE)
    person, problem = federated_sign_in.from_json(str(begun.said)), ""
    if request.method == "POST":
        browser.check_csrf(request.form, LINK, str(begun.request_digest))
        try:
            federated_sign_in.link(browser.user, person, provider, request.source)
        except federated_sign_in.IdentityTaken:
            problem = Message("It is linked to another account, or this account has too many links.")
        else:
            _tell_owner(request, browser.user, provider)
            logs.note(outcome="identity linked")
            place = http.here(request, str(begun.next_path))
            return http.see_other(place, notice=http.Notice.IDENTITY_LINKED)
    csrf_token = browser.csrf_token(LINK, str(begun.request_digest))
    return http.page(
        request,
        "link_identity.html",
        409 if problem else 200,
        form_target=None,  # the page that waits may redirect to an application
        user=browser.user,
        provider=provider,
        person=person,
        problem=problem,
        next=str(begun.next_path),
        hidden={browser_session.CSRF_FIELD: csrf_token, "request": request_id},
    )


def _limits(request: http.Request) -> list[throttle.Limit]:
    """Each request is an item, which anybody can make the server store."""
    return throttle.per_network("sign-in elsewhere", request.network, limits.SIGN_INS_PER_ADDRESS)


def _provider(name: str) -> OpenIDProvider | PlatformPage:
    found = settings.SETTINGS.providers.by_name.get(name)
    if found is None:
        raise http.Refusal(404, "not_found", Message("There is no such page."))
    return found


def _answer_of(
    request: http.Request,
    provider: OpenIDProvider | PlatformPage,
    begun: SignInRequest,
    request_id: str,
    browser: str,
) -> Person | None:
    """Who signed in; None if nobody did. Uses the request up.

    Raises NotUsable, NotAccepted, Unusable, ProviderUnavailable, ParameterUnavailable.
    """
    if isinstance(provider, PlatformPage):
        answer = single(request.query, "answer") or ""
        if begun.refused_at is None and not credentials.matches(answer, begun.answer_digest):
            raise sign_in_request.NotUsable
        sign_in_request.use(begun)
        return federated_sign_in.from_json(str(begun.said)) if begun.refused_at is None else None
    sign_in_request.use(begun)
    code = single(request.query, "code")
    if code is None:
        return None
    claims = relying_party.claims(
        provider,
        _redirect_uri(request, provider),
        _secrets(request_id, browser),
        code=code,
        issuer=single(request.query, "iss"),
    )
    return federated_sign_in.from_claims(claims, provider)


def _sign_in(
    request: http.Request,
    provider: OpenIDProvider | PlatformPage,
    begun: SignInRequest,
    request_id: str,
    person: Person,
) -> Response:
    next_path = str(begun.next_path)
    try:
        found, cookies = federated_sign_in.sign_in(
            person,
            provider,
            source=request.source,
            begin=lambda right: browser_session.start(request, right, person.proof),
            tell=lambda owner: _tell_owner(request, owner, provider),
        )
    except AccountDisabled:
        logs.note(outcome="sign-in of a disabled account")
        return http.sign_in_page(request, next_path, is_disabled=True, status=403)
    except federated_sign_in.NoUsableAddress:
        logs.note(outcome="sign-in without a verified address")
        return http.sign_in_page(request, next_path, problem=_NO_ADDRESS, status=403)
    except federated_sign_in.NoAccount:
        logs.note(outcome="sign-in without an account")
        return http.sign_in_page(request, next_path, problem=_NO_ACCOUNT, status=403)
    except federated_sign_in.AddressTaken:
        logs.note(outcome="sign-in has to be linked")
        if not (ways := settings.SETTINGS.providers).has_passwords and len(ways.by_name) == 1:
            return http.sign_in_page(request, next_path, problem=_NO_WAY_TO_LINK, status=409)
        sign_in_request.keep(begun, federated_sign_in.as_json(person))
        onward = _link_path(request_id)
        return http.sign_in_page(request, onward, email=person.email or "", problem=_ADDRESS_TAKEN, status=409)
    logs.note(outcome="signed in", user_id=found.user_id)
    return http.see_other(http.here(request, next_path), headers={"Set-Cookie": cookies})


def _tell_owner(request: http.Request, owner: User, provider: OpenIDProvider | PlatformPage) -> None:
    """Tell the owner by mail that an identity was linked, in case somebody else did it. Nothing depends on the mail."""
    title = provider.title[language.choose(owner.locale, request.header("accept-language"))]
    security = request.base_url + paths.SECURITY
    http.mail_notice(request, owner.email, "identity_linked.txt", user=owner, title=title, security=security)


def _to_link_page(request: http.Request, begun: SignInRequest, request_id: str, person: Person) -> Response:
    sign_in_request.keep(begun, federated_sign_in.as_json(person))
    return http.see_other(http.here(request, _link_path(request_id)))


def _secrets(request_id: str, browser: str) -> Secrets:
    """Derived, so that nothing secret is stored. The nonce and the verifier need the browser's own secret."""
    nonce, verifier = (credentials.derive(browser, purpose, request_id) for purpose in ("nonce", "code verifier"))
    return Secrets(request_id, nonce, verifier)


def _redirect_uri(request: http.Request, provider: OpenIDProvider) -> str:
    return f"{request.base_url}{paths.SIGN_IN_WITH}/{provider.name}/back"


def _link_path(request_id: str) -> str:
    return f"{LINK}?request={quote(request_id, safe='')}"
