"""Who sits at the browser: the session cookie, and the CSRF token that every form carries.

The cookie names the user and keeps a secret. A form's CSRF token is derived from that secret and from what the form is
for, so one form's token opens no other, and another browser's opens none. Before log-in a cookie without an account
does the same for the log-in form.
"""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass
from urllib.parse import quote, unquote

from chalicelib import credentials, settings
from chalicelib import known_device as known_devices
from chalicelib.credentials import Credential, Kind
from chalicelib.endpoints import http
from chalicelib.messages import Message
from chalicelib.models import session, store
from chalicelib.models.session import Session
from chalicelib.models.table import Key
from chalicelib.models.user import User
from chalicelib.protocol.requests import Parameters, single

CSRF_FIELD = "csrf_token"
MARK_FIELD = "user_mark"
_LOGIN_SECRET = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)  # what token_urlsafe(32) gives
_PLACE_LIMIT_CHARACTERS = 3000  # browsers drop a cookie over 4096


@dataclass(frozen=True)
class Cookie:
    """A session cookie that is well formed: its secret, and whom it names."""

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
    """A browser with a live session of an active user."""

    cookie: Cookie
    user: User

    def csrf_token(self, *purpose: str) -> str:
        """purpose: its words, those that a caller chose apart from ours; see `credentials.derive`."""
        return credentials.derive(self.cookie.secret, *purpose)

    def key_for(self, *purpose: str) -> str:
        """A secret of this session that goes to no page, for one purpose."""
        return credentials.derive(self.cookie.secret, "key", *purpose)

    def sent(self, form: Parameters, *purpose: str) -> bool:
        """Is the form one that this session was shown for this purpose? `check_csrf` without the refusal."""
        return _is_same(single(form, CSRF_FIELD), self.csrf_token(*purpose))

    def user_mark(self, *purpose: str) -> str:
        """Goes into a form beside its CSRF token and says for whom it was filled in, whatever the session."""
        return credentials.derive(self.user.password_serial or self.user.password_hash, "mark", *purpose)

    def was_filled_in_for_user(self, form: Parameters, *purpose: str) -> bool:
        """May what was typed be shown again, though the form counts no more? Nobody else can have typed it then."""
        return _is_same(single(form, MARK_FIELD), self.user_mark(*purpose))

    def check_csrf(self, form: Parameters, *purpose: str) -> None:
        """Raises Refusal where the form is not one that this session was shown for this purpose."""
        _check(single(form, CSRF_FIELD), self.csrf_token(*purpose))


def read_cookie(request: http.Request) -> Cookie | None:
    """What the browser claims, before anything is read from the store."""
    value = request.cookie(_name("session"))
    named = credentials.recognize(value, Kind.SESSION)
    return Cookie(value, named) if value and named else None


def recognize(
    request: http.Request, cookie: Cookie | None, found: Session | None, user: User | None
) -> SignedIn | None:
    """Who is signed in, given what the store holds for the cookie; None where nobody is."""
    if cookie is None or found is None or user is None or not found.is_good_for(user):
        return None
    session.touch(found)
    request.user = user
    return SignedIn(cookie, user)


def signed_in(request: http.Request) -> SignedIn | None:
    """Who is signed in, in one round trip; None where nobody is."""
    cookie = read_cookie(request)
    return recognize(request, cookie, *store.read(cookie.session_key, cookie.user_key)) if cookie else None


def require(request: http.Request, *, back_to: str | None = None) -> SignedIn:
    """Who is signed in. Raises NotSignedIn, which leads to the log-in page and then to `back_to`, or back here."""
    found = signed_in(request)
    if found is None:
        raise http.NotSignedIn(back_to or request.local_address)
    return found


def start(request: http.Request, user: User) -> list[str]:
    """Sign in: always a new session, never one that was there before. Gives the Set-Cookie values."""
    end(request)
    return [
        _set_cookie("session", session.start(user, request.caller), settings.SESSION_LIFETIME_SECONDS),
        _set_cookie("login", "", 0),
        *keep_device(request, user),
    ]


def end(request: http.Request) -> list[str]:
    """Sign out. Gives the Set-Cookie values."""
    cookie = read_cookie(request)
    if cookie:
        session.end(cookie.user_id, cookie.named.digest)
    return [_set_cookie("session", "", 0)]


def visitor_form(request: http.Request, purpose: str) -> tuple[str, list[str]]:
    """The CSRF token of a form for somebody who is not signed in, and the Set-Cookie values it needs."""
    secret = _login_secret(request) or secrets.token_urlsafe(32)
    return credentials.derive(secret, purpose), [_set_cookie("login", secret, settings.SESSION_LIFETIME_SECONDS)]


def check_visitor_form(request: http.Request, purpose: str) -> None:
    """Raises Refusal where the form did not come from a page that this browser was shown for this purpose."""
    secret = _login_secret(request)
    _check(single(request.form, CSRF_FIELD), credentials.derive(secret, purpose) if secret else "")


def known_device(request: http.Request, user: User | None) -> str | None:
    """Which of the account's known devices this browser is; None where it is none. Alike for an unknown account."""
    account = (user.user_id, user.device_key) if user else (None, None)
    return known_devices.recognize(request.cookie(_name("device")), *account)


def keep_device(request: http.Request, user: User) -> list[str]:
    """Set-Cookie values by which the account knows this browser from now on."""
    if not user.device_key:
        return []
    value = known_devices.cookie(user.user_id, user.device_key, known_device(request, user))
    return [_set_cookie("device", value, settings.KNOWN_DEVICE_LIFETIME_SECONDS)]


def keep_link(token: str) -> list[str]:
    """Set-Cookie values that keep a mailed link's token while it leaves the address, and so the browser's history."""
    is_one = credentials.recognize(token, Kind.MAIL_LINK) is not None
    return [_set_cookie("link", token, settings.MAIL_LINK_LIFETIME_SECONDS)] if is_one else forget_link()


def kept_link(request: http.Request) -> str | None:
    return request.cookie(_name("link"))


def forget_link() -> list[str]:
    return [_set_cookie("link", "", 0)]


def keep_place(path: str) -> list[str]:
    """Set-Cookie values that remember where this browser wanted to go, while its user reads their mail.

    In this browser and not in the mail: a link that somebody else asked for must not lead where they want.
    """
    value = quote(path, safe="/")
    is_kept = path != "/" and len(value) <= _PLACE_LIMIT_CHARACTERS
    return [_set_cookie("place", value, settings.MAIL_LINK_LIFETIME_SECONDS)] if is_kept else forget_place()


def kept_place(request: http.Request) -> str:
    """A local path; "/" where none was kept."""
    return local_path(unquote(request.cookie(_name("place")) or ""))


def forget_place() -> list[str]:
    return [_set_cookie("place", "", 0)]


def local_path(value: str | None) -> str:
    """`value` if it is a path of ours, else "/". Nothing a browser could take for another host passes."""
    plain = value is not None and value.startswith("/") and not value.startswith(("//", "/\\"))
    return value if plain and value is not None and all(0x21 <= ord(c) <= 0x7E and c != "\\" for c in value) else "/"


def _login_secret(request: http.Request) -> str | None:
    """What `visitor_form` made; anything else in that cookie is somebody else's and is not sent back."""
    secret = request.cookie(_name("login")) or ""
    return secret if _LOGIN_SECRET.fullmatch(secret) else None


def _check(sent: str | None, expected: str) -> None:
    if not expected or not hmac.compare_digest((sent or "").encode(), expected.encode()):
        message = Message(
            "This form is out of date, or was not sent from our page. Go back, reload the page and try again."
        )
        raise http.Refusal(403, "invalid_form", message)


def _is_same(sent: str | None, expected: str) -> bool:
    return hmac.compare_digest((sent or "").encode(), expected.encode())


def _name(of: str) -> str:
    # The prefix makes browsers refuse the cookie from anywhere but this very host, over https.
    return f"__Host-lanyard-{of}" if settings.SETTINGS.is_https else f"lanyard-{of}"


def _set_cookie(name: str, value: str, max_age_seconds: int) -> str:
    secure = "; Secure" if settings.SETTINGS.is_https else ""
    return f"{_name(name)}={value}; Path=/; Max-Age={max_age_seconds}; HttpOnly; SameSite=Lax{secure}"
