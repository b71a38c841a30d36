"""The signed-in user of a browser: the session cookie, and the CSRF token in every form.

The cookie names the user and contains a secret. A form's CSRF token is derived from that secret and from the form's
purpose, so a form's token is valid for no other form and no other browser. Before the sign-in, a cookie without an
account does the same for the sign-in form.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, unquote

from chalice.app import Response

from chalicelib import credentials, limits
from chalicelib import known_device as known_devices
from chalicelib.credentials import Credential, Kind
from chalicelib.endpoints import http
from chalicelib.endpoints.http import cookies, stale_form
from chalicelib.endpoints.http.stale_form import CSRF_FIELD as CSRF_FIELD
from chalicelib.endpoints.http.visitor_token import begin_elsewhere as begin_elsewhere
from chalicelib.endpoints.http.visitor_token import begun_elsewhere as begun_elsewhere
from chalicelib.endpoints.http.visitor_token import check_visitor_form as check_visitor_form
from chalicelib.endpoints.http.visitor_token import visitor_form as visitor_form
from chalicelib.keys import signing
from chalicelib.models import session, store
from chalicelib.models.session import BY_PASSWORD as BY_PASSWORD
from chalicelib.models.session import Authentication, Proof, Session
from chalicelib.models.store.table import Key
from chalicelib.models.user import User
from chalicelib.protocol.rules.request_parameters import Parameters, single

_PLACE_LIMIT_CHARACTERS = 3000  # browsers drop a cookie over 4096


@dataclass(frozen=True)
class Cookie:
    """A well-formed session cookie: its secret, and the ids that it names."""

    secret: str
    named: Credential

    @property
    def user_id(self) -> str:
        return self.named.names

    @property
    def session_key(self) -> Key[Session]:
        return Session.key(self.user_id, self.named.digest)

    @property
    def user_key(self) -> Key[User]:
        return User.key(self.user_id)


@dataclass(frozen=True)
class SignedIn:
    """A browser with a live session of an active user. authentication: how the user signed in."""

    cookie: Cookie
    user: User
    authentication: Authentication

    @property
    def began_at(self) -> int:
        """When the session began."""
        return self.authentication.at

    def csrf_token(self, *purpose: str) -> str:
        """The CSRF token of a form. purpose: its parts, with those that a caller chose kept separate; see
        `credentials.derive`. The token also identifies the user, for when the session has ended."""
        return f"{_mark(self.user.user_id)}.{credentials.derive(self.cookie.secret, *purpose)}"

    def key_for(self, *purpose: str) -> str:
        """A secret of this session for one purpose. It never appears in a page."""
        return credentials.derive(self.cookie.secret, "key", *purpose)

    def sent(self, form: Parameters, *purpose: str) -> bool:
        """True if this session was shown the form for this purpose. `check_csrf` without the refusal."""
        return stale_form.is_same(single(form, CSRF_FIELD), self.csrf_token(*purpose))

    def was_filled_in_here(self, request: http.Request, form: Parameters) -> bool:
        """True if the contents of a stale form may be shown again: they were sent from our page, shown to this user, so
        only the user can have typed them."""
        return request.is_from_our_page and is_form_of(self.user, single(form, CSRF_FIELD))

    def check_csrf(self, form: Parameters, *purpose: str) -> None:
        """Raises StaleForm unless this session was shown the form for this purpose."""
        sent = single(form, CSRF_FIELD)
        stale_form.check(sent, self.csrf_token(*purpose), is_owners=is_form_of(self.user, sent))


def read_cookie(request: http.Request) -> Cookie | None:
    """The browser's session cookie if it is well-formed. Nothing has been checked against the store yet."""
    value = cookies.read(request, "session")
    named = credentials.recognize(value, Kind.SESSION)
    return Cookie(value, named) if value and named else None


def recognize(
    request: http.Request, cookie: Cookie | None, found: Session | None, user: User | None
) -> SignedIn | None:
    """The signed-in user, given the items that the cookie names; None if nobody is signed in."""
    if cookie is None or found is None or user is None or not found.is_good_for(user):
        return None
    session.touch(found)
    request.user = user
    return SignedIn(cookie, user, found.authentication)


def signed_in(request: http.Request) -> SignedIn | None:
    """The signed-in user, in one round trip; None if nobody is signed in."""
    cookie = read_cookie(request)
    return recognize(request, cookie, *store.read(cookie.session_key, cookie.user_key)) if cookie else None


def require(
    request: http.Request, *, back_to: str | None = None, ended: http.Notice = http.Notice.SESSION_ENDED
) -> SignedIn:
    """The signed-in user. Raises NotSignedIn, which leads to the sign-in page and then to `back_to`, or back here."""
    found = signed_in(request)
    if found is None:
        raise http.NotSignedIn(back_to or request.local_address, ended=ended)
    return found


def start(request: http.Request, user: User, proof: Proof) -> list[str]:
    """Sign in. Always starts a new session and ends the browser's old one. Returns the Set-Cookie values.

    proof: how the user proved who they are. A stage that signs nothing tells nobody, and does not keep it.
    """
    cookie = read_cookie(request)
    # Who signs in again is still signed in at applications. They are told once the new session ends.
    followed = cookie.session_key if cookie and cookie.user_id == user.user_id else None
    if followed is None:
        end(request)
    kept = proof if signing.is_on() else None
    return [
        cookies.kept("session", session.start(user, request.source, kept, followed), limits.SESSION_LIFETIME_SECONDS),
        cookies.forgotten("login"),
        *keep_device(request, user),
    ]


def end(request: http.Request, browser: SignedIn | None = None) -> list[str]:
    """Sign out, and have applications told. Returns the Set-Cookie values; none if no cookie was sent: browsers send a
    form from another site without the cookie, and such a form must not make them drop it.

    browser: whose session it is, if that is known."""
    cookie = read_cookie(request)
    if cookie:
        session.end(cookie.session_key, browser.authentication.told if browser else None)
    return [cookies.forgotten("session")] if cookies.read(request, "session") is not None else []


def go_on(request: http.Request, user: User, next_path: str, *, cookies: Iterable[str] = ()) -> Response:
    """The response after a sign-in: a redirect to its `next`, or the form that waited for it, if it was this user's."""
    waiting = stale_form.unpacked(stale_form.carried(request))
    headers = {"Set-Cookie": list(cookies)}
    if not is_form_of(user, single(waiting, CSRF_FIELD)):
        return http.see_other(http.here(request, next_path), headers=headers)
    action = http.here(request, next_path)
    # The form may be a consent form, which can redirect to the application: no form-action.
    return http.page(
        request, "form_kept.html", headers=headers, form_target=None, user=user, action=action, hidden=waiting
    )


def is_form_of(user: User, csrf_token: str | None) -> bool:
    """True if the token's page was shown to this user. Not proof: anybody can write the mark before the dot."""
    return (csrf_token or "").partition(".")[0] == _mark(user.user_id)


def known_device(request: http.Request, user: User | None) -> str | None:
    """The account's known device that this browser is, or None. The same work for an unknown account."""
    account = (user.user_id, user.device_key) if user else (None, None)
    return known_devices.recognize(cookies.read(request, "device"), *account)


def keep_device(request: http.Request, user: User) -> list[str]:
    """The Set-Cookie values by which the account recognizes this browser from now on."""
    if not user.device_key:
        return []
    value = known_devices.cookie(user.user_id, user.device_key, known_device(request, user))
    return [cookies.kept("device", value, limits.KNOWN_DEVICE_LIFETIME_SECONDS)]


def keep_link(token: str) -> list[str]:
    """The Set-Cookie values that keep a mailed link's token, so that the URL and the browser's history need not."""
    is_one = credentials.recognize(token, Kind.MAIL_LINK) is not None
    return [cookies.kept("link", token, limits.MAIL_LINK_LIFETIME_SECONDS)] if is_one else forget_link()


def kept_link(request: http.Request) -> str | None:
    return cookies.read(request, "link")


def forget_link() -> list[str]:
    return [cookies.forgotten("link")]


def keep_place(path: str) -> list[str]:
    """The Set-Cookie values that remember where this browser was going while its user reads mail.

    The mail does not say it, because a link that somebody else requested must not lead where they want.
    """
    value = quote(path, safe="/")
    is_kept = path != "/" and len(value) <= _PLACE_LIMIT_CHARACTERS
    return [cookies.kept("place", value, limits.MAIL_LINK_LIFETIME_SECONDS)] if is_kept else forget_place()


def kept_place(request: http.Request) -> str:
    """A local path; "/" if none was kept."""
    return local_path(unquote(cookies.read(request, "place") or ""))


def forget_place() -> list[str]:
    return [cookies.forgotten("place")]


def local_path(value: str | None) -> str:
    """`value` if it is a path of ours, else "/". Nothing that a browser could read as another host passes."""
    plain = value is not None and value.startswith("/") and not value.startswith(("//", "/\\"))
    return value if plain and value is not None and all(0x21 <= ord(c) <= 0x7E and c != "\\" for c in value) else "/"


def _mark(user_id: str) -> str:
    return credentials.derive(user_id, "whose form it is")[:16]
