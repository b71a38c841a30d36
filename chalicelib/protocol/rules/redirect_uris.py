"""Redirect URIs: which may be registered, and when one that is presented is a registered one."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from oauthlib.uri_validate import is_absolute_uri

from chalicelib import settings
from chalicelib.messages import Message, Problem

_IPV6 = re.compile(r"\[[0-9A-Fa-f:]+\](:[0-9]+)?", re.ASCII)  # no zone and no IPv4 in it
_NOT_PRINTABLE = re.compile(r"[^\x21-\x7e]")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", re.ASCII)
_HOST_AND_PORT = re.compile(r"[A-Za-z0-9.-]+(:[0-9]+)?", re.ASCII)
_WEB = {"https": 443, "http": 80}  # with the port of each where none is named
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SEPARATORS = re.compile(r"[;,]")  # of header fields' parts, a Content-Security-Policy's among them
_FORBIDDEN = re.compile(r"[\"<>\\^`{|}\[\]]")

# A scheme made from a domain, which has a dot: so javascript:, data: and whatever else browsers act on is none (§7.1).
_PRIVATE_USE = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9-]+)+:/", re.ASCII)
# What people know as the end of a host name; and what else the domain of such a scheme begins with, now and then.
_DOMAIN_ENDINGS = re.compile(r"[a-z]{2}|com|org|net|edu|gov|mil|int|info|biz", re.ASCII)
_MORE_BEGINNINGS = ("app", "cloud", "dev", "online", "shop", "site", "store", "tech", "xyz")
_LOOPBACK = re.compile(r"http://(?P<host>127\.0\.0\.1|\[::1\])(:(?P<port>[1-9][0-9]{0,4}))?(?P<rest>[/?].*)?", re.ASCII)


@dataclass(frozen=True)
class Place:
    """Where a redirect URI leads, as a person can tell it.

    name: the host of a web address, and of any other the scheme. is_app: does it lead to an app on the device?
    Anybody's may take any scheme, and one can read like a host: so it is shown as what it is, never by itself.
    """

    name: str
    is_app: bool


class RedirectUriError(Problem):
    """This redirect URI cannot be registered. The message says why and what would do, for a person."""


def check_registrable(uri: str, *, is_native: bool = False) -> None:
    """Raises RedirectUriError for a URI that no application may register (RFC 7591 §5, RFC 9700 §2.1).

    is_native: may it be one of a private-use scheme, which the operating system opens the application for?
    """
    if len(uri) > settings.REDIRECT_URI_LIMIT_CHARACTERS:
        raise RedirectUriError(
            Message("is longer than %(limit)s characters", limit=settings.REDIRECT_URI_LIMIT_CHARACTERS)
        )
    if _NOT_PRINTABLE.search(uri):
        raise RedirectUriError(
            Message("contains a space, a control character or one outside ASCII; write it percent-encoded")
        )
    if "*" in uri:
        raise RedirectUriError(Message("contains a wildcard (*); register each address in full"))
    if "#" in uri:
        raise RedirectUriError(Message("contains a fragment (#)"))
    parts = _split(uri)
    if "@" in parts.netloc:
        raise RedirectUriError(Message("contains a user name or password before the host"))
    if is_native and _PRIVATE_USE.match(uri):
        if _SEPARATORS.search(parts.netloc):
            raise RedirectUriError(Message("has a semicolon or a comma before the path"))
        if _reads_like_host(parts.scheme):
            raise RedirectUriError(
                Message("has a scheme that reads like a web address; write the domain in reverse: com.example.app:")
            )
        _check_encoding(uri.partition(":")[2], uri)
        return
    if parts.scheme not in _WEB:
        if is_native:
            raise RedirectUriError(
                Message(
                    "must be a full address that starts with https://, or a scheme of your own such as com.example.app:"
                )
            )
        raise RedirectUriError(Message("must be a full address that starts with https://"))
    if not _is_host(parts):
        raise RedirectUriError(Message("has no valid host name"))
    if parts.scheme == "http" and not _is_loopback(parts):
        raise RedirectUriError(
            Message("must start with https:// (http:// is accepted only for localhost, 127.0.0.1 and [::1])")
        )
    _check_encoding(uri.split("://", 1)[1][len(parts.netloc) :], uri)
    if not is_absolute_uri(uri):  # oauthlib would refuse every request with it
        raise RedirectUriError(Message("is not a valid address"))


def is_registered(uri: str, registered: Iterable[str], *, is_native: bool = False) -> bool:
    """Byte for byte (RFC 9700 §4.1.3). The one exception: a native application's port on a loopback address, which it
    learns from the operating system when it starts to listen (RFC 8252 §7.3)."""
    if any(uri == known for known in registered):
        return True
    portless = _LOOPBACK.fullmatch(uri) if is_native else None
    return portless is not None and any(
        known.group("host", "rest") == portless.group("host", "rest")
        for known in map(_LOOPBACK.fullmatch, registered)
        if known
    )


def with_parameters(uri: str, parameters: dict[str, str]) -> str:
    """The URI with these added to its query, and every byte of the query that it has kept as it is."""
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode(parameters, quote_via=quote, safe='')}"


def form_target(uri: str) -> str:
    """Where a form that ends at this URI may lead, as a Content-Security-Policy names it.

    Applications lead on from their redirect URI, often to another host, and browsers hold them to it all the same: any
    https address is let through, and the URI's own scheme where it has another, with the host of an http one.
    """
    parts = urlsplit(uri)
    if parts.scheme in ("https", ""):
        return "https:"
    # No more than a plain host and port goes into the header, and of an IPv6 one nothing: the policy cannot name it.
    if parts.scheme == "http" and _HOST_AND_PORT.fullmatch(parts.netloc):
        return f"https: http://{parts.netloc}"
    return f"https: {parts.scheme}:"


def place(uri: str) -> Place:
    """Where it leads. An application that claims a scheme gets all its URIs, so what looks like a host in one says
    nothing."""
    parts = urlsplit(uri)
    return Place(parts.netloc, False) if parts.scheme in _WEB else Place(f"{parts.scheme}:", True)


def origin(uri: str, *, is_native: bool = False) -> str:
    """Who gets what is sent there: scheme, host and port of a web address, the scheme of any other.

    is_native: the application's port on a loopback address is whichever it gets, so it makes no difference.
    """
    parts = urlsplit(uri)
    if parts.scheme not in _WEB:
        return f"{parts.scheme}:"
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    is_any_port = is_native and _LOOPBACK.fullmatch(uri)
    port = None if is_any_port or parts.port == _WEB[parts.scheme] else parts.port
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


def _check_encoding(rest: str, uri: str) -> None:
    if _FORBIDDEN.search(rest) or _STRAY_PERCENT.search(uri):
        raise RedirectUriError(Message("contains characters that must be percent-encoded"))


def _reads_like_host(scheme: str) -> bool:
    """Is it a domain in forward order, as accounts.google.com, where one turned around belongs (RFC 8252 §7.1)?"""
    labels = scheme.split(".")
    first, last = labels[0], labels[-1]
    is_turned_around = bool(_DOMAIN_ENDINGS.fullmatch(first)) or first in _MORE_BEGINNINGS
    return last == "com" or first == "www" or bool(_DOMAIN_ENDINGS.fullmatch(last) and not is_turned_around)


def _split(uri: str) -> SplitResult:
    try:
        parts = urlsplit(uri)
        _ = parts.port  # refuses one that is no number
    except ValueError as error:  # a broken IPv6 host, say
        raise RedirectUriError(Message("is not a valid address")) from error
    return parts


def _is_host(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    if "[" in parts.netloc:
        try:
            return bool(_IPV6.fullmatch(parts.netloc) and ipaddress.IPv6Address(host))
        except ValueError:
            return False
    return bool(_HOST.fullmatch(host)) and not parts.netloc.endswith(":")


def _is_loopback(parts: SplitResult) -> bool:
    return parts.hostname in ("localhost", "127.0.0.1", "::1")
