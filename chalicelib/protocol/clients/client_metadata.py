"""An application's description of itself, sent to register or in a document at its client id (RFC 7591 §2).

Known members are checked strictly, and unknown ones are ignored. One description goes to many servers, so it may ask
for more than there is here: grant types, response types, scopes and redirect URIs that cannot be registered are left
out as long as something useful remains, and the response says what was registered (§3.2.1). An application that nobody
vouches for gets no access of its own. Nothing is fetched here: whoever counts the request fetches the keys at jwks_uri.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from oauthlib.oauth2 import OAuth2Error

from chalicelib import limits, logout_queue, names
from chalicelib.keys import signing
from chalicelib.messages import Problem
from chalicelib.models.application import BASIC, NATIVE, NONE, POST, PRIVATE_KEY_JWT, WEB, About, Application, Profile
from chalicelib.protocol.clients import dpop, private_key_jwt, sectors
from chalicelib.protocol.rules import about_links, answer_algorithms, redirect_uris, scopes, server_uris
from chalicelib.protocol.rules.grant_types import AUTHORIZATION_CODE, DEVICE_CODE, REFRESH_TOKEN

# The grant types that every application gets, also one that nobody vouches for.
GRANT_TYPES_OF_ALL = (AUTHORIZATION_CODE, REFRESH_TOKEN)


class InvalidClientMetadataError(OAuth2Error):  # type: ignore[misc] # oauthlib has no types and lacks these (§3.2.2)
    error = "invalid_client_metadata"


class InvalidRedirectUriError(OAuth2Error):  # type: ignore[misc]
    error = "invalid_redirect_uri"


@dataclass(frozen=True)
class ClientMetadata:
    name: str
    redirect_uris: list[str]
    profile: Profile
    about: About


def read(
    document: Mapping[str, Any],
    *,
    default_method: str = BASIC,
    is_vouched_for: bool = False,
    known_type: str | None = None,
) -> ClientMetadata:
    """Return the checked metadata. Raises InvalidClientMetadataError, InvalidRedirectUriError.

    default_method: how the client authenticates if the document does not say. is_vouched_for: somebody allowed it to
    register. Only then may it use the device grant, with which a stranger could ask anybody for a code. known_type: the
    application_type of a client that is being updated.
    """
    application_type = document.get("application_type")
    # An app on people's devices cannot keep a secret, and often does not say so (RFC 8252 §8.5).
    method = document.get("token_endpoint_auth_method", NONE if application_type == NATIVE else default_method)
    if method not in (BASIC, POST, PRIVATE_KEY_JWT, NONE):
        raise InvalidClientMetadataError("token_endpoint_auth_method is not supported.")
    wanted_uris = strings(document, "redirect_uris", [])
    has_device_grant = DEVICE_CODE in _grant_types(document, is_vouched_for=is_vouched_for)
    response_types = strings(document, "response_types", [])
    if response_types and "code" not in response_types:
        raise InvalidClientMetadataError("response_types must have code, the only one that is supported.")
    application_type = _application_type(document, method, wanted_uris, known_type)
    uris = _usable_uris(wanted_uris, is_native=application_type == NATIVE, needs_one=not has_device_grant)
    logout_uri = _usable(document.get("backchannel_logout_uri"), server_uris.check) if logout_queue.is_on() else None
    profile = Profile(
        auth_method=method,
        auth_method_named="token_endpoint_auth_method" in document,
        application_type=application_type,
        device_grant=has_device_grant,
        jwks=_jwks(document) if method == PRIVATE_KEY_JWT else None,
        jwks_uri=_jwks_uri(document) if method == PRIVATE_KEY_JWT else None,
        par_required=_flag(document, "require_pushed_authorization_requests"),
        dpop_bound_access_tokens=_wants_bound_tokens(document),
        id_token_alg=answer_algorithms.registrable(document, answer_algorithms.ID_TOKEN),
        userinfo_signed=answer_algorithms.registrable(document, answer_algorithms.USER_INFO) is not None,
        userinfo_alg=answer_algorithms.registrable(document, answer_algorithms.USER_INFO),
        default_max_age=_default_max_age(document),
        post_logout_redirect_uris=_post_logout_redirect_uris(document, is_native=application_type == NATIVE),
        backchannel_logout_uri=logout_uri,
        backchannel_logout_session_required=bool(logout_uri and _flag(document, "backchannel_logout_session_required")),
    )
    return ClientMetadata(_name(document, uris), uris, profile, _about(document))


def describe(application: Application) -> dict[str, Any]:
    """The registered metadata, under RFC 7591's names. scope: what the client may ask users for, whatever it listed."""
    return {
        "client_id": application.client_id,
        "client_id_issued_at": int(application.created_at),
        "client_name": application.name,
        "redirect_uris": [str(uri) for uri in application.redirect_uris],
        "token_endpoint_auth_method": application.auth_method,
        "application_type": application.application_type,
        "grant_types": [*GRANT_TYPES_OF_ALL, *([DEVICE_CODE] if application.device_grant else [])],
        "response_types": ["code"],
        "scope": scopes.as_text(scopes.supported()),
        **({"jwks_uri": str(application.jwks_uri)} if application.jwks_uri else {}),
        **({"require_pushed_authorization_requests": True} if application.needs_par else {}),
        **({"dpop_bound_access_tokens": True} if application.needs_proofs else {}),
        **_openid(application),
        **{name: value for name, value in asdict(application.about).items() if value and name != "description"},
    }


def _openid(application: Application) -> dict[str, Any]:
    """What is registered of OpenID Connect's metadata (OpenID Connect Registration §2); nothing on a stage that cannot
    sign. What is not supported, such as encryption and other algorithms, is left out."""
    if not signing.readable_algorithms():
        return {}
    found = {
        **sectors.described(application),
        answer_algorithms.ID_TOKEN: answer_algorithms.for_id_token(application),
        "require_auth_time": True,  # each ID token of a sign-in has it
    }
    if application.userinfo_signed:
        found[answer_algorithms.USER_INFO] = answer_algorithms.for_user_info(application)
    if application.default_max_age is not None:
        found["default_max_age"] = int(application.default_max_age)
    if application.post_logout_redirect_uris:
        found["post_logout_redirect_uris"] = [str(uri) for uri in application.post_logout_redirect_uris]
    if application.backchannel_logout_uri and logout_queue.is_on():
        found["backchannel_logout_uri"] = str(application.backchannel_logout_uri)
        found["backchannel_logout_session_required"] = bool(application.backchannel_logout_session_required)
    return found


def _default_max_age(document: Mapping[str, Any]) -> int | None:
    """In seconds. What is no number of seconds is left out, as an unknown member is."""
    value = document.get("default_max_age")
    is_one = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= limits.MAX_AGE_LIMIT_SECONDS
    return value if signing.is_on() and is_one else None


def _post_logout_redirect_uris(document: Mapping[str, Any], *, is_native: bool) -> tuple[str, ...]:
    """Those that could be redirect URIs as well. The others are left out: a sign-out works without them."""
    if not signing.is_on():
        return ()
    uris = strings(document, "post_logout_redirect_uris", [])
    _check_number("post_logout_redirect_uris", uris)
    usable = [uri for uri in uris if redirect_uris.problem_with(uri, is_native=is_native, short_schemes=True) is None]
    return tuple(usable)


def strings(document: Mapping[str, Any], name: str, default: list[str]) -> list[str]:
    """The list of strings under this name, each once. Raises InvalidClientMetadataError if it is anything else."""
    values = document.get(name, default)
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise InvalidClientMetadataError(f"{name} must be a list of strings.")
    return list(dict.fromkeys(values))


def _flag(document: Mapping[str, Any], name: str) -> bool:
    value = document.get(name, False)
    if not isinstance(value, bool):
        raise InvalidClientMetadataError(f"{name} must be true or false.")
    return value


def _wants_bound_tokens(document: Mapping[str, Any]) -> bool:
    wanted = _flag(document, "dpop_bound_access_tokens")
    if wanted and not dpop.is_on():
        raise InvalidClientMetadataError("dpop_bound_access_tokens must be false: no DPoP proof is accepted here.")
    return wanted


def _about(document: Mapping[str, Any]) -> About:
    """What it says to people. Whatever cannot be shown is left out: none of it is needed to connect."""
    links = {name: _usable(document.get(name), about_links.check_link) for name in about_links.LINKS}
    contacts = document.get("contacts")
    usable = [_usable(one, names.check_mail_address) for one in contacts] if isinstance(contacts, list) else []
    found = tuple(dict.fromkeys(contact for contact in usable if contact))
    return About(**links, contacts=found[: limits.CONTACTS_LIMIT])


def _usable(value: object, check: Callable[[str], str]) -> str | None:
    try:
        return check(value) if isinstance(value, str) else None
    except Problem:
        return None


def _grant_types(document: Mapping[str, Any], *, is_vouched_for: bool) -> list[str]:
    """The grant types that the client gets of those it names. At least one of them must lead to a first token."""
    first = (AUTHORIZATION_CODE, DEVICE_CODE) if is_vouched_for else (AUTHORIZATION_CODE,)
    named = strings(document, "grant_types", []) or list(GRANT_TYPES_OF_ALL)
    if not set(named) & set(first):
        raise InvalidClientMetadataError(f"grant_types must have {' or '.join(first)}.")
    return [grant_type for grant_type in named if grant_type in (*first, REFRESH_TOKEN)]


def _application_type(document: Mapping[str, Any], method: str, uris: list[str], known_type: str | None) -> str:
    """What the client is, which §3.2.1 allows to differ from what it says."""
    on_device = [redirect_uris.is_on_device(uri) for uri in uris]
    stated = document.get("application_type", NATIVE if any(on_device) else WEB)
    if stated not in (WEB, NATIVE):
        raise InvalidClientMetadataError("application_type must be web or native.")
    if method != NONE:
        return WEB  # a client that authenticates gets no native redirect URIs
    if stated == known_type:
        return str(stated)
    # Many native applications do not say that they are, and some say web. Their redirect URIs give them away.
    only_native = any(redirect_uris.has_private_scheme(uri) for uri in uris) or (bool(uris) and all(on_device))
    return NATIVE if only_native else str(stated)


def _usable_uris(uris: list[str], *, is_native: bool, needs_one: bool) -> list[str]:
    """The ones that may be registered, in their order. Raises InvalidRedirectUriError if none may, with the reason."""
    if needs_one and not uris:
        raise InvalidRedirectUriError(f"redirect_uris must have from 1 to {limits.REDIRECT_URIS_LIMIT} addresses.")
    _check_number("redirect_uris", uris)
    problems = {uri: redirect_uris.problem_with(uri, is_native=is_native, short_schemes=True) for uri in uris}
    usable = [uri for uri in uris if problems[uri] is None]
    if uris and not usable:
        raise InvalidRedirectUriError(f"None of redirect_uris can be registered: the first one {problems[uris[0]]}.")
    return usable


def _check_number(name: str, uris: list[str]) -> None:
    if len(uris) > limits.REDIRECT_URIS_LIMIT:
        raise InvalidRedirectUriError(f"{name} must have at most {limits.REDIRECT_URIS_LIMIT} addresses.")
    if sum(map(len, uris)) > limits.REDIRECT_URIS_LIMIT_CHARACTERS:
        most = limits.REDIRECT_URIS_LIMIT_CHARACTERS
        raise InvalidRedirectUriError(f"{name} must have at most {most} characters in total.")


def _jwks(document: Mapping[str, Any]) -> str | None:
    """The keys that were sent; None if they are at a jwks_uri. Raises InvalidClientMetadataError for both (§2)."""
    if document.get("jwks_uri") is not None:
        if document.get("jwks") is not None:
            raise InvalidClientMetadataError("Send jwks or jwks_uri, not both.")
        return None
    try:
        return private_key_jwt.checked_keys(document.get("jwks"))
    except private_key_jwt.KeysProblem as error:
        raise InvalidClientMetadataError(f"jwks {error}.") from error


def _jwks_uri(document: Mapping[str, Any]) -> str | None:
    """Where the keys are, which the caller fetches."""
    if document.get("jwks_uri") is None:
        return None
    try:
        return server_uris.check(str(document["jwks_uri"]))
    except redirect_uris.RedirectUriError as error:
        raise InvalidClientMetadataError(f"jwks_uri {error}.") from error


def _name(document: Mapping[str, Any], uris: list[str]) -> str:
    """The name that people see. Without a client_name, it is the redirect URI's host, if that is a host."""
    given = document.get("client_name")
    if given is None:
        return _name_from_host(redirect_uris.place(uris[0]) if uris else None)
    if not isinstance(given, str):
        raise InvalidClientMetadataError("client_name must be a string.")
    try:
        return names.check_application_name(given)
    except names.InputProblem as error:
        raise InvalidClientMetadataError(f"client_name {error}.") from error


def _name_from_host(place: redirect_uris.Place | None) -> str:
    if place is None or place.is_app:  # any app can take any scheme, even one that reads like somebody else's host
        return "Unnamed application"
    try:
        return names.check_application_name(place.name)
    except names.InputProblem as error:
        raise InvalidClientMetadataError(
            f"client_name is missing, and the first redirect URI's host cannot be the name: it {error}. "
            "Send a client_name."
        ) from error
