"""Signing in with what an identity provider says: who gets in, as whom, and which organizers they then belong to."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

from chalicelib import credentials, limits, names, toml_file
from chalicelib.accounts.sign_in import AccountDisabled
from chalicelib.identity_providers import OpenIDProvider, PlatformPage, Provider
from chalicelib.models import linked_identity, organizer, security_event, store, user, user_organizers
from chalicelib.models.linked_identity import PLATFORM, Identity
from chalicelib.models.session import Proof
from chalicelib.models.store.table import as_set
from chalicelib.models.user import User
from chalicelib.request_source import RequestSource

T = TypeVar("T")
_LANGUAGE, _TIMEZONE = toml_file.LANGUAGES[0], "UTC"


class NoUsableAddress(Exception):
    """A new account needs an email address that the provider has verified, and there is none."""


class NoAccount(Exception):
    """There is no account, and this provider's users get none."""


class AddressTaken(Exception):
    """An account with this address exists, and nothing says that it is this person's."""


class IdentityTaken(Exception):
    """The identity belongs to another account, or the account has too many."""


@dataclass(frozen=True)
class Person:
    """Who signed in, as the provider says.

    email: ASCII; None if it is not verified or cannot be one. organizers: slugs; None if the provider does not say.
    methods, context: `amr` and `acr` as the provider says them; empty and None if it does not.
    """

    subject: str
    email: str | None
    fullname: str
    locale: str
    timezone: str
    organizers: tuple[str, ...] | None = None
    methods: tuple[str, ...] = ()
    context: str | None = None

    @property
    def proof(self) -> Proof:
        return Proof(self.methods, self.context)


class Unusable(ValueError):
    """The provider's words cannot be used. The message says why, and begins with the name of the member."""


def source_of(provider: OpenIDProvider | PlatformPage) -> str:
    """The source of the identities of its users."""
    is_platforms = isinstance(provider, PlatformPage) or provider.has_platform_subjects
    return PLATFORM if is_platforms else provider.issuer  # type: ignore[union-attr] # it has one, or is a page


def identity_of(person: Person, provider: OpenIDProvider | PlatformPage) -> Identity:
    return Identity(source_of(provider), person.subject)


def from_claims(claims: Mapping[str, Any], provider: OpenIDProvider) -> Person:
    """The person that verified claims describe (OpenID Connect Core §5.1). Raises Unusable.

    A name, language or time zone that cannot be used is replaced, since it is no reason to keep somebody out.
    """
    told = None
    # With very many groups, Microsoft Entra refers to the claim instead of sending it (OpenID Connect Core §5.6.2),
    # which says nothing. A claim that is simply missing says that there are none.
    elsewhere = claims.get("_claim_names")
    if provider.organizers_claim and not (isinstance(elsewhere, dict) and provider.organizers_claim in elsewhere):
        told = _organizers(claims.get(provider.organizers_claim, []), provider.organizers)
    person = _person(
        subject=claims["sub"],
        email=claims.get("email") if claims.get("email_verified") is True else None,
        fullname=claims.get("name"),
        locale=str(claims.get("locale") or "")[:2],
        timezone=claims.get("zoneinfo"),
        organizers=told,
    )
    amr = claims.get("amr")
    methods = [method for method in amr if _is_word(method)] if isinstance(amr, list) else []
    acr = claims.get("acr")
    most = limits.AUTHENTICATION_METHODS_LIMIT
    return replace(person, methods=tuple(methods[:most]), context=acr if _is_word(acr) else None)


def from_platform(said: Mapping[str, Any]) -> Person:
    """The person whom the platform's server names. said: the members of `Person`, and `email_verified`.

    Raises Unusable.
    """
    known = {"subject", "email", "email_verified", "fullname", "locale", "timezone", "organizers"}
    if unknown := sorted(set(said) - known):
        raise Unusable(f"{unknown[0]} is not one of: {', '.join(sorted(known))}")
    for name in ("email", "fullname", "locale", "timezone"):
        if not isinstance(said.get(name, ""), str):
            raise Unusable(f"{name} must be a text")
    if not isinstance(said.get("email_verified", False), bool):
        raise Unusable("email_verified must be true or false")
    if said.get("email"):
        try:
            names.check_email(said["email"])
        except names.InputProblem as error:
            raise Unusable(f"email {error}") from error
    told = said.get("organizers")
    if told is not None and not (isinstance(told, list) and all(isinstance(slug, str) for slug in told)):
        raise Unusable("organizers must be a list of slugs")
    return _person(
        subject=said.get("subject"),
        email=said.get("email") if said.get("email_verified") else None,
        fullname=said.get("fullname"),
        locale=said.get("locale"),
        timezone=said.get("timezone"),
        organizers=None if told is None else _organizers(told, {}),
    )


def as_json(person: Person) -> str:
    return json.dumps(asdict(person))


def from_json(said: str) -> Person:
    """What `as_json` made."""
    values = json.loads(said)
    organizers = values["organizers"]
    methods = tuple(values.get("methods", ()))  # missing in what an earlier version kept
    return Person(**{**values, "methods": methods, "organizers": None if organizers is None else tuple(organizers)})


def sign_in(
    person: Person,
    provider: OpenIDProvider | PlatformPage,
    *,
    source: RequestSource,
    begin: Callable[[User], T],
    tell: Callable[[User], None],
) -> tuple[User, T]:
    """Return the user who signs in, and the session that `begin` makes for them. tell: called with the owner of an
    account that was there, if the identity is now linked to it.

    Raises AccountDisabled, NoUsableAddress, NoAccount, AddressTaken, StoreUnavailable.
    """
    identity = identity_of(person, provider)
    found = user.find_by_identity(identity) or _newcomer(person, provider, identity, source, tell)
    if not found.active:
        raise AccountDisabled
    if person.organizers is not None:
        compare_organizers(found, person.organizers, _managed(provider))
    session = begin(found)
    security_event.record(found.user_id, security_event.Kind.SIGN_IN, source)
    return found, session


def link(to: User, person: Person, provider: OpenIDProvider | PlatformPage, source: RequestSource) -> None:
    """Link the identity to the account that somebody is signed in to. Raises IdentityTaken."""
    try:
        user.link(to.user_id, identity_of(person, provider))
    except store.ConditionFailed as error:
        raise IdentityTaken from error
    security_event.record(to.user_id, security_event.Kind.IDENTITY_LINKED, source)


def compare_organizers(of: User, told: Collection[str], managed: Collection[str] | None) -> None:
    """Make the user's organizers those that the provider told. Those that do not exist are passed over.

    managed: the organizers that the provider can tell; the others stay as they are. None: it can tell all of them.
    """
    mine = user_organizers.of(of) if managed is None else user_organizers.among(of, managed)
    there = {found.slug for found in organizer.get_all(set(told) - mine)}
    there = {slug for slug in sorted(there) if _added(of, slug)}
    gone = mine - set(told)
    for slug in sorted(gone):
        user.remove_member(of.user_id, slug)
    of.memberships = as_set((set(of.memberships or ()) | there) - gone)


def _added(to: User, slug: str) -> bool:
    """False if the organizer, or the user, was deleted just now."""
    try:
        user.add_member(to.user_id, slug)
    except store.ConditionFailed:
        return False
    return True


def _newcomer(
    person: Person, provider: Provider, identity: Identity, source: RequestSource, tell: Callable[[User], None]
) -> User:
    """The account of somebody whose identity is not known yet: the one with their address, or a new one."""
    if person.email is None:
        raise NoUsableAddress
    if taken := user.find_by_email(person.email):
        if not provider.links_by_email:
            raise AddressTaken
        if not taken.active:
            raise AccountDisabled
        try:
            user.link(taken.user_id, identity, verified_email=taken.email)
        except store.ConditionFailed as error:
            raise AddressTaken from error
        security_event.record(taken.user_id, security_event.Kind.IDENTITY_LINKED, source)
        tell(taken)
        return taken
    if not provider.makes_accounts:
        raise NoAccount
    made = user.made(
        person.email,
        credentials.NO_PASSWORD,
        fullname=person.fullname,
        locale=person.locale,
        timezone=person.timezone,
        linked_identities={str(identity)},
        verified_email=person.email,
    )
    try:
        user.add(made)
    except store.ConditionFailed:  # the same person signed in twice at once, or the address was taken just now
        if found := user.find_by_identity(identity):
            return found
        raise AddressTaken from None
    security_event.record(made.user_id, security_event.Kind.ACCOUNT_CREATED, source)
    return made


def _managed(provider: Provider) -> Collection[str] | None:
    mapped = provider.organizers if isinstance(provider, OpenIDProvider) else {}
    return set(mapped.values()) or None


def _person(
    *, subject: Any, email: Any, fullname: Any, locale: Any, timezone: Any, organizers: tuple[str, ...] | None
) -> Person:
    try:
        linked_identity.check_subject(subject if isinstance(subject, str) else "")
    except ValueError as error:
        raise Unusable(f"subject {error}") from error
    address = _or_else(names.check_mail_address, email, None)  # others may become somebody else's in lowercase
    before_at = (address or "").partition("@")[0]
    return Person(
        subject=subject,
        email=address,
        fullname=_or_else(names.check_name, fullname, None)
        or _or_else(names.check_name, before_at, None)
        or subject[:20],
        locale=_or_else(names.check_locale, locale, None) or _LANGUAGE,
        timezone=_or_else(names.check_timezone, timezone, None) or _TIMEZONE,
        organizers=organizers,
    )


def _is_word(value: Any) -> bool:
    """True for a text that can be kept and passed on: printable ASCII without spaces, at most 100 characters."""
    return isinstance(value, str) and re.fullmatch(r"[!-~]{1,100}", value, re.ASCII) is not None


def _or_else(check: Callable[[str], str], given: Any, otherwise: str | None) -> str | None:
    if not isinstance(given, str):
        return otherwise
    try:
        return check(given)
    except ValueError:
        return otherwise


def _organizers(told: Any, by_value: Mapping[str, str]) -> tuple[str, ...]:
    """The slugs that a list of texts, or one text, stands for. Raises Unusable if there are too many."""
    values = [told] if isinstance(told, str) else told if isinstance(told, list) else []
    texts = [value for value in values if isinstance(value, str)]
    slugs = {by_value[text] for text in texts if text in by_value} if by_value else set(texts)
    found = sorted(slug for slug in slugs if organizer.SLUG.fullmatch(slug))
    if len(found) > limits.ORGANIZERS_TOLD_LIMIT:
        raise Unusable(f"organizers must be at most {limits.ORGANIZERS_TOLD_LIMIT}")
    return tuple(found)
