"""Identity providers: where people sign in besides, or instead of, with a password of ours.

IDENTITY_PROVIDERS names a TOML file in this folder, without `.toml`. It is read once, when the process starts. A
provider speaks OpenID Connect, or is a page of the platform, whose server says through our API who signed in.
docs/sign-in.md explains the keys.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from chalicelib import toml_file
from chalicelib.toml_file import check_keys, flag, table, words

ProvidersError = toml_file.FileError  # a file of providers cannot be used
FOLDER = Path(__file__).parent
_NAME = re.compile(r"[a-z][a-z0-9-]{0,19}")
_HTTPS_URL = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~%/-]*)?", re.ASCII)
# On a laptop, a provider may run beside Lanyard.
_LOOPBACK_URL = re.compile(r"http://(127\.0\.0\.1|localhost)(:[0-9]{1,5})?(/[A-Za-z0-9._~%/-]*)?", re.ASCII)
_SLUG = re.compile(r"[a-z0-9][a-z0-9_.-]{0,49}", re.ASCII)
_PARAMETER = re.compile(r"/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*", re.ASCII)
_TITLE_LIMIT_CHARACTERS = 40
_PROVIDERS_LIMIT = 20
_FILE_KEYS = {"passwords", "providers"}
_COMMON_KEYS = {"title", "new_accounts", "links_by_email"}
_OPENID_KEYS = _COMMON_KEYS | {
    "issuer",
    "client_id",
    "secret_parameter",
    "scopes",
    "platform_subjects",
    "organizers_claim",
    "organizers",
}
_PAGE_KEYS = _COMMON_KEYS | {"page"}


@dataclass(frozen=True)
class Provider:
    """What both kinds of provider have.

    name: in our addresses, and for good: it is part of the redirect URI. title: what people read, by language.
    makes_accounts: somebody who is new gets an account. links_by_email: somebody who has an account with an address
    that the provider says is theirs gets into that account; otherwise they have to sign in to it once.
    """

    name: str
    title: Mapping[str, str]
    makes_accounts: bool
    links_by_email: bool


@dataclass(frozen=True)
class OpenIDProvider(Provider):
    """An issuer of OpenID Connect.

    secret_parameter: the SSM parameter with our secret; None if another variable has it or we have none. scopes: what
    we request. has_platform_subjects: its `sub` is what the platform's server calls the same person. organizers_claim:
    the claim that says which organizers somebody belongs to, or None. organizers: the organizer for each value of the
    claim; if there are none, each value is itself a slug.
    """

    issuer: str
    client_id: str
    secret_parameter: str | None = None
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    has_platform_subjects: bool = False
    organizers_claim: str | None = None
    organizers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PlatformPage(Provider):
    """The platform's own sign-in page. url: of the page, to which the request's id is added."""

    url: str


@dataclass(frozen=True)
class Providers:
    """How people sign in. has_passwords: with passwords too. by_name: in the order of the file."""

    has_passwords: bool = True
    by_name: Mapping[str, OpenIDProvider | PlatformPage] = field(default_factory=dict)

    @property
    def secret_parameters(self) -> list[str]:
        """The SSM parameters that the API's function must be able to read."""
        found = (getattr(provider, "secret_parameter", None) for provider in self.by_name.values())
        return sorted({name for name in found if name})


def load(name: str, *, is_local: bool) -> Providers:
    """The providers in the file of this name; passwords alone for "". Raises ProvidersError."""
    return toml_file.load(FOLDER, name, lambda text: parse(text, is_local=is_local)) if name else Providers()


def parse(text: str, *, is_local: bool) -> Providers:
    """is_local: addresses on this machine are taken too. Raises ProvidersError."""
    found = toml_file.read(text)
    check_keys("the file", found, _FILE_KEYS)
    tables = table("providers", found.get("providers", {}))
    if not 0 < len(tables) <= _PROVIDERS_LIMIT:
        raise ProvidersError(f"providers: give 1 to {_PROVIDERS_LIMIT}, each as [providers.NAME]")
    read = {name: _provider(name, table(f"providers.{name}", one), is_local) for name, one in tables.items()}
    sources = [_source(provider) for provider in read.values()]
    if twice := next((source for source in sources if sources.count(source) > 1), None):
        raise ProvidersError(f"two providers have the same subjects, those of {twice}")
    return Providers(flag("passwords", found.get("passwords", True)), read)


def _source(provider: OpenIDProvider | PlatformPage) -> str:
    return provider.issuer if isinstance(provider, OpenIDProvider) else "the platform's pages"


def _provider(name: str, found: Mapping[str, Any], is_local: bool) -> OpenIDProvider | PlatformPage:
    place = f"providers.{name}"
    if not _NAME.fullmatch(name):
        raise ProvidersError(f"{place}: a name has at most 20 of a-z, 0-9 and '-', and starts with a letter")
    if ("issuer" in found) == ("page" in found):
        raise ProvidersError(f"{place} must have either an issuer or a page")
    is_page = "page" in found
    check_keys(place, found, _PAGE_KEYS if is_page else _OPENID_KEYS)
    common: dict[str, Any] = {
        "name": name,
        "title": words(f"{place}.title", found.get("title"), most_characters=_TITLE_LIMIT_CHARACTERS),
        "makes_accounts": flag(f"{place}.new_accounts", found.get("new_accounts", True)),
        "links_by_email": flag(f"{place}.links_by_email", found.get("links_by_email", False)),
    }
    if is_page:
        return PlatformPage(**common, url=_url(f"{place}.page", found["page"], is_local))
    claim = found.get("organizers_claim")
    return OpenIDProvider(
        **common,
        issuer=_issuer(f"{place}.issuer", found["issuer"], is_local),
        client_id=_text(f"{place}.client_id", found.get("client_id")),
        secret_parameter=_parameter(f"{place}.secret_parameter", found.get("secret_parameter")),
        scopes=_scopes(f"{place}.scopes", found.get("scopes", list(OpenIDProvider.scopes))),
        has_platform_subjects=flag(f"{place}.platform_subjects", found.get("platform_subjects", False)),
        organizers_claim=None if claim is None else _text(f"{place}.organizers_claim", claim),
        organizers=_organizers(f"{place}.organizers", found.get("organizers", {}), claim),
    )


def _url(place: str, value: Any, is_local: bool) -> str:
    text = value if isinstance(value, str) else ""
    try:
        is_one = bool(_HTTPS_URL.fullmatch(text) or (is_local and _LOOPBACK_URL.fullmatch(text)))
        is_one = is_one and urlsplit(text).port != 0
    except ValueError:  # a port that is too large
        is_one = False
    if not is_one:
        raise ProvidersError(f"{place} must be an https:// address without a query, not {value!r}")
    return text


def _issuer(place: str, value: Any, is_local: bool) -> str:
    text = _url(place, value, is_local)
    if text.startswith("https:") and urlsplit(text).port not in (None, 443):
        raise ProvidersError(f"{place} must have no port: Lanyard reaches providers on port 443 alone")
    return text


def _parameter(place: str, value: Any) -> str | None:
    if value is not None and (not isinstance(value, str) or not _PARAMETER.fullmatch(value)):
        raise ProvidersError(f"{place} must be the name of an SSM parameter, such as /lanyard/prod/staff")
    return value


def _scopes(place: str, value: Any) -> tuple[str, ...]:
    is_list = isinstance(value, list) and all(isinstance(one, str) and re.fullmatch(r"[!-~]+", one) for one in value)
    if not is_list or "openid" not in value:
        raise ProvidersError(f"{place} must be a list of scopes with openid among them")
    return tuple(value)


def _organizers(place: str, value: Any, claim: Any) -> Mapping[str, str]:
    slugs = table(place, value)
    if slugs and claim is None:
        raise ProvidersError(f"{place} needs organizers_claim, the claim whose values it maps")
    for told, slug in slugs.items():
        if not isinstance(slug, str) or not _SLUG.fullmatch(slug):
            raise ProvidersError(f"{place}.{told} must be the slug of an organizer")
    return slugs


def _text(place: str, value: Any) -> str:
    if not isinstance(value, str) or not value or not value.isprintable() or len(value) > 255:
        raise ProvidersError(f"{place} must be a text of at most 255 characters")
    return value
