"""The form of an application: what a developer typed, and the problem with each field that cannot be accepted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from chalicelib import limits, logout_queue, names
from chalicelib.endpoints import http
from chalicelib.endpoints.developers import openid_form
from chalicelib.endpoints.developers.openid_form import OpenIDFields
from chalicelib.keys import signing
from chalicelib.messages import Message, Problem
from chalicelib.models import application
from chalicelib.models.application import About, Application, Profile
from chalicelib.models.user import User
from chalicelib.protocol.clients import dpop, fapi, private_key_jwt
from chalicelib.protocol.rules import about_links, redirect_uris, server_uris
from chalicelib.protocol.rules.request_parameters import Parameters, single

SHOWN_CHARACTERS = 200
WITH_SECRET = "secret"  # noqa: S105 - the choice beside PRIVATE_KEY_JWT
ABOUT = ("description", "client_uri", "logo_uri", "policy_uri", "tos_uri", "contact")
FIELDS = (
    "name",
    "type",
    "redirect_uris",
    "auth_method",
    "jwks",
    "pkce_required",
    "device_grant",
    "par_required",
    "dpop_bound_access_tokens",
    "fapi",
    "post_logout_redirect_uris",
    "backchannel_logout_uri",
    *openid_form.FIELDS,
    *ABOUT,
)
WEBSITE, BROWSER, APP = "website", "browser", "native"
_PROFILES = {
    WEBSITE: application.CLASSIC,
    BROWSER: Profile(auth_method=application.NONE),
    APP: Profile(auth_method=application.NONE, application_type=application.NATIVE),
}


@dataclass
class Fields:
    """The form as filled in.

    type: a key of _PROFILES. typed, typed_after_sign_out: the redirect URLs, and those after a sign-out, as they are in
    the field. about: by the names in ABOUT. openid: about signing people in. problems: what is wrong, by field name.
    """

    name: str = ""
    type: str = WEBSITE
    typed: str = ""
    redirect_uris: list[str] = field(default_factory=list)
    typed_after_sign_out: str = ""
    post_logout_redirect_uris: list[str] = field(default_factory=list)
    backchannel_logout_uri: str = ""
    backchannel_logout_session_required: bool = False
    auth_method: str = application.BASIC
    auth_method_named: bool | None = False
    jwks: str = ""
    pkce_required: bool = False
    device_grant: bool = False
    par_required: bool = False
    dpop_bound_access_tokens: bool = False
    fapi: bool = False
    openid: OpenIDFields = field(default_factory=OpenIDFields)
    about: dict[str, str] = field(default_factory=dict)
    problems: dict[str, list[Message]] = field(default_factory=dict)

    @property
    def offers_proofs(self) -> bool:
        """True if tokens can be bound to a key on this stage."""
        return dpop.is_on()

    @property
    def profile(self) -> Profile:
        profile = replace(
            _PROFILES[self.type],
            pkce_required=self.pkce_required,
            device_grant=self.device_grant,
            par_required=self.par_required,
            fapi=self.fapi,
            dpop_bound_access_tokens=self.dpop_bound_access_tokens,
            post_logout_redirect_uris=tuple(self.post_logout_redirect_uris),
            backchannel_logout_uri=self.backchannel_logout_uri or None,
            backchannel_logout_session_required=self.backchannel_logout_session_required,
        )
        profile = self.openid.added_to(profile)
        if profile.is_public:
            return profile
        method, is_named = self.auth_method, self.auth_method_named
        return replace(profile, auth_method=method, auth_method_named=is_named, jwks=self.jwks or None)

    @property
    def offers_sign_out(self) -> bool:
        """True on a stage at which applications sign people in, and can ask to sign them out."""
        return signing.is_on()

    @property
    def offers_telling(self) -> bool:
        """True on a stage that tells applications when a session ends."""
        return logout_queue.is_on()

    @property
    def said(self) -> About:
        """What the application says about itself."""
        links = {name: self.about.get(name) or None for name in about_links.LINKS}
        contact = self.about.get("contact")
        return About(self.about.get("description") or None, **links, contacts=(contact,) if contact else ())


def type_of(found: Application) -> str:
    if found.is_confidential:
        return WEBSITE
    return APP if found.is_native else BROWSER


def as_stored(found: Application) -> Fields:
    after_sign_out = [str(uri) for uri in found.post_logout_redirect_uris or ()]
    return Fields(
        name=found.name,
        type=type_of(found),
        typed="\n".join(found.redirect_uris),
        typed_after_sign_out="\n".join(after_sign_out),
        post_logout_redirect_uris=after_sign_out,
        backchannel_logout_uri=found.backchannel_logout_uri or "",
        backchannel_logout_session_required=bool(found.backchannel_logout_session_required),
        auth_method=found.auth_method,
        auth_method_named=found.is_method_named,
        jwks=found.jwks or "",
        pkce_required=bool(found.pkce_required),
        device_grant=bool(found.device_grant),
        par_required=bool(found.par_required),
        dpop_bound_access_tokens=bool(found.dpop_bound_access_tokens),
        fapi=bool(found.fapi),
        openid=openid_form.as_stored(found),
        about={
            "description": found.description or "",
            **{name: getattr(found, name) or "" for name in about_links.LINKS},
            "contact": ", ".join(found.contacts or ()),
        },
    )


def _read_authentication(form: Parameters, filled: Fields, present: Application | None) -> None:
    """Read how a website authenticates into `filled`. Other types have no choice."""
    if filled.type != WEBSITE:
        return
    choice = single(form, "auth_method") or WITH_SECRET
    if choice not in (WITH_SECRET, application.PRIVATE_KEY_JWT):
        raise http.Refusal(400, "invalid_request", Message("There is no such way to authenticate."))
    if choice == application.PRIVATE_KEY_JWT:
        filled.auth_method = application.PRIVATE_KEY_JWT
    elif present and present.has_secret:  # the form does not change how it may send its secret
        filled.auth_method, filled.auth_method_named = present.auth_method, present.is_method_named
    filled.jwks = (single(form, "jwks") or "").strip()
    if filled.auth_method == application.PRIVATE_KEY_JWT:
        try:
            filled.jwks = private_key_jwt.read_keys(filled.jwks)
        except private_key_jwt.KeysProblem as error:
            filled.problems["jwks"] = [Message("The key set %(problem)s.", problem=error.message)]
    else:
        filled.jwks = ""


def read(form: Parameters, type_: str, *, present: Application | None = None) -> Fields:
    """Read the form. `problems` has the reasons for everything that cannot be accepted.

    present: the application that is being edited. Its name may stay, even if it could not be chosen now.
    """
    if type_ not in _PROFILES:
        raise http.Refusal(400, "invalid_request", Message("There is no such type of application."))
    filled = Fields(name=single(form, "name") or "", type=type_, pkce_required=single(form, "pkce_required") == "on")
    filled.device_grant = single(form, "device_grant") == "on"
    filled.par_required, filled.fapi = single(form, "par_required") == "on", single(form, "fapi") == "on"
    filled.dpop_bound_access_tokens = single(form, "dpop_bound_access_tokens") == "on"
    try:
        if present is None or filled.name != present.name:
            filled.name = names.check_application_name(filled.name)
    except names.InputProblem as error:
        filled.problems["name"] = [Message("The name %(problem)s.", problem=error.message)]
    _read_authentication(form, filled, present)
    _read_redirect_uris(form, filled)
    _read_sign_out(form, filled, present)
    filled.openid = openid_form.read(form, present, filled.problems, is_fapi=filled.fapi)
    _read_about(form, filled)
    if filled.fapi and (problem := fapi.problem_with(filled.profile, filled.redirect_uris)):
        filled.problems["fapi"] = [problem]
    return filled


def _read_sign_out(form: Parameters, filled: Fields, present: Application | None) -> None:
    """Read what a sign-out leads to. What this stage does not offer stays as it is."""
    stored = as_stored(present) if present is not None else Fields()
    filled.backchannel_logout_session_required = stored.backchannel_logout_session_required
    filled.post_logout_redirect_uris = stored.post_logout_redirect_uris
    filled.backchannel_logout_uri = stored.backchannel_logout_uri
    if filled.offers_sign_out:
        uris, typed = _read_uris(form, filled, "post_logout_redirect_uris")
        filled.post_logout_redirect_uris, filled.typed_after_sign_out = uris, typed
    if filled.offers_telling:
        filled.backchannel_logout_uri = typed = (single(form, "backchannel_logout_uri") or "").strip()
        try:
            filled.backchannel_logout_uri = server_uris.check(typed) if typed else ""
        except redirect_uris.RedirectUriError as error:
            filled.problems["backchannel_logout_uri"] = [Message("This %(problem)s.", problem=error.message)]


def find_sector(filled: Fields, developer: User, *, present: Application | None = None) -> None:
    """Find the sector of an application that has pairwise identifiers; for a form that can be accepted otherwise, since
    this may fetch a document. present: the application that is being edited. Raises StoreUnavailable."""
    if filled.openid.are_offered and not filled.problems:
        filled.openid = openid_form.with_sector(
            filled.openid, filled.redirect_uris, present, filled.problems, developer_id=developer.user_id
        )


def _read_about(form: Parameters, filled: Fields) -> None:
    """Read what the application says about itself. An empty field says nothing."""
    checks: dict[str, Callable[[str], str]] = {
        "description": names.check_description,
        **dict.fromkeys(about_links.LINKS, about_links.check_link),
        "contact": names.check_mail_address,
    }
    for name, check in checks.items():
        filled.about[name] = typed = (single(form, name) or "").strip()
        try:
            filled.about[name] = check(typed) if typed else ""
        except Problem as error:
            filled.problems[name] = [Message("This %(problem)s.", problem=error.message)]


def read_typed(request: http.Request, type_: str, *, present: Application | None = None) -> Fields | None:
    """What was typed into a stale form; None if the form is not shown again."""
    return read(request.typed, type_, present=present) if request.typed else None


def _read_redirect_uris(form: Parameters, filled: Fields) -> None:
    filled.redirect_uris, filled.typed = _read_uris(form, filled, "redirect_uris")
    if not filled.redirect_uris and not filled.device_grant:
        filled.problems["redirect_uris"] = [Message("Enter at least one redirect URL.")]


def _read_uris(form: Parameters, filled: Fields, name: str) -> tuple[list[str], str]:
    """The addresses in this field, one per line, and what was typed. Their problems go into `filled`."""
    typed = (single(form, name) or "").splitlines()
    lines = [(number, line.strip()) for number, line in enumerate(typed, 1) if line.strip()]
    uris = list(dict.fromkeys(line for _, line in lines))
    is_native = filled.type == APP
    problems = [problem for number, line in lines if (problem := _problem_with(number, line, is_native))]
    if len(uris) > limits.REDIRECT_URIS_LIMIT:
        problems.append(Message("Enter at most %(limit)s redirect URLs.", limit=limits.REDIRECT_URIS_LIMIT))
    if sum(map(len, uris)) > limits.REDIRECT_URIS_LIMIT_CHARACTERS:
        most = limits.REDIRECT_URIS_LIMIT_CHARACTERS
        problems.append(Message("All redirect URLs together must not be longer than %(limit)s characters.", limit=most))
    if problems:
        filled.problems[name] = problems
    return uris, "\n".join(typed)


def _problem_with(number: int, uri: str, is_native: bool) -> Message | None:
    try:
        redirect_uris.check_registrable(uri, is_native=is_native)
    except redirect_uris.RedirectUriError as error:
        shown = uri if len(uri) <= SHOWN_CHARACTERS else f"{uri[:SHOWN_CHARACTERS]}…"
        if not uri.isascii():  # isolated, so that right-to-left text does not reorder the sentence
            shown = f"\u2068{shown}\u2069"
        return Message("Line %(number)s: %(uri)s %(problem)s.", number=number, uri=shown, problem=error.message)
    return None
