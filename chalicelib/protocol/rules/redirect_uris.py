"""Redirect URIs: which ones may be registered, and whether a presented one is registered."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from oauthlib.uri_validate import is_absolute_uri

from chalicelib import limits
from chalicelib.messages import Message, Problem
from chalicelib.protocol.rules import private_schemes

_IPV6 = re.compile(r"\[[0-9A-Fa-f:]+\](:[0-9]+)?", re.ASCII)  # without a zone and without an embedded IPv4 address
_NOT_PRINTABLE = re.compile(r"[^\x21-\x7e]")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", re.ASCII)
_HOST_AND_PORT = re.compile(r"[A-Za-z0-9.-]+(:[0-9]+)?", re.ASCII)
_WEB = {"https": 443, "http": 80}  # default ports
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SEPARATORS = re.compile(r"[;,]")  # they separate the parts of header fields such as Content-Security-Policy
_FORBIDDEN = re.compile(r"[\"<>\\^`{|}\[\]]")

# The host in full and in this spelling. `localhost` counts too: applications use it, although it may lead to another
# address of the device (§8.3).
_LOOPBACK = re.compile(
    r"http://(?P<host>127\.0\.0\.1|\[::1\]|localhost)(:(?P<port>[1-9][0-9]{0,4}))?(?P<rest>[/?].*)?", re.ASCII
)


@dataclass(frozen=True)
class Place:
    """Where a redirect URI leads, for a person to read.

    name: the host of a web address; the scheme of any other. is_app: True if it leads to an app on the device.
    Any app can claim any scheme, and a scheme can read like a host, so pages always say that it is an app.
    """

    name: str
    is_app: bool


class RedirectUriError(Problem):
    """This redirect URI cannot be registered. The message tells a person why, and what to write instead."""


def check_registrable(uri: str, *, is_native: bool = False, short_schemes: bool = False) -> None:
    """Raises RedirectUriError for a URI that no application may register (RFC 7591 §5, RFC 9700 §2.1).

    is_native: allow private-use schemes. short_schemes: also those without a dot, for applications whose developer
    cannot be told to use a domain: those that register or describe themselves.
    """
    if len(uri) > limits.REDIRECT_URI_LIMIT_CHARACTERS:
        raise RedirectUriError(
            Message("is longer than %(limit)s characters", limit=limits.REDIRECT_URI_LIMIT_CHARACTERS)
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
    if is_native and private_schemes.is_one(uri, short=short_schemes) and parts.scheme not in _WEB:
        if _SEPARATORS.search(parts.netloc):
            raise RedirectUriError(Message("has a semicolon or a comma before the path"))
        try:
            private_schemes.check(parts.scheme)
        except private_schemes.SchemeProblem as error:
            raise RedirectUriError(error.message) from error
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


def problem_with(uri: str, *, is_native: bool, short_schemes: bool = False) -> str | None:
    """Why check_registrable refuses the URI, to follow the URI in a sentence; None if it does not."""
    try:
        check_registrable(uri, is_native=is_native, short_schemes=short_schemes)
    except RedirectUriError as error:
        return error.message
    return None


def has_private_scheme(uri: str) -> bool:
    """True for a private-use scheme, also one without a dot, in a URI that a native application may register."""
    is_one = private_schemes.is_one(uri, short=True) and not uri.startswith(("http:", "https:"))
    return is_one and problem_with(uri, is_native=True, short_schemes=True) is None


def is_on_device(uri: str) -> bool:
    """True if the URI leads to the user's own device: to a loopback address or, by its scheme, to an app."""
    # Over http, nothing but a loopback address can be registered.
    return has_private_scheme(uri) or (uri[:5].lower() == "http:" and problem_with(uri, is_native=False) is None)


def is_registered(uri: str, registered: Iterable[str], *, is_native: bool = False) -> bool:
    """True if `uri` is registered, byte for byte (RFC 9700 §4.1.3). One exception: a native application's port on a
    loopback address, which the operating system assigns when the application starts to listen (RFC 8252 §7.3)."""
    if any(uri == known for known in registered):
        return True
    portless = _LOOPBACK.fullmatch(uri) if is_native else None
    return portless is not None and any(
        known.group("host", "rest") == portless.group("host", "rest")
        for known in map(_LOOPBACK.fullmatch, registered)
        if known
    )


def with_parameters(uri: str, parameters: dict[str, str]) -> str:
    """The URI with `parameters` appended to its query. The bytes of its existing query stay as they are."""
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode(parameters, quote_via=quote, safe='')}"


def form_target(uri: str) -> str:
    """The Content-Security-Policy sources that a form which ends at this URI may lead to.

    Applications redirect onward from their redirect URI, often to another host, and browsers apply the policy to those
    redirects too. So any https address is allowed, plus the URI's own scheme if it is another, with the host for http.
    """
    parts = urlsplit(uri)
    if parts.scheme in ("https", ""):
        return "https:"
    # Only a plain host and port go into the header. The policy cannot name an IPv6 host, so that becomes its scheme.
    if parts.scheme == "http" and _HOST_AND_PORT.fullmatch(parts.netloc):
        return f"https: http://{parts.netloc}"
    return f"https: {parts.scheme}:"


def place(uri: str) -> Place:
    """Where the URI leads. A host after a private-use scheme means nothing: the app gets all URIs of its scheme."""
    parts = urlsplit(uri)
    return Place(parts.netloc, False) if parts.scheme in _WEB else Place(f"{parts.scheme}:", True)


def origin(uri: str, *, is_native: bool = False) -> str:
    """Who receives what is sent to the URI: scheme, host and port of a web address; the scheme of any other.

    is_native: leave out the port of a loopback address, which changes each time the application starts.
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


def _split(uri: str) -> SplitResult:
    try:
        parts = urlsplit(uri)
        _ = parts.port  # raises for a port that is not a number
    except ValueError as error:  # for example a malformed IPv6 host
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
