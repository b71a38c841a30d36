"""People with accounts, signed-in browsers and registered applications, stored as the pages store them.

The forms have tests of their own. Each sign-up and sign-in takes a password hash, which is slow on purpose: through the
forms, setting the scene would take twice as long as the tests themselves.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from functools import cache
from http.cookies import SimpleCookie
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from chalicelib import clock, credentials, known_device, limits
from chalicelib.endpoints.http import cookies
from chalicelib.models import (
    application,
    imported_application,
    membership,
    security_event,
    session,
    store,
    user,
    user_organizers,
)
from chalicelib.models.application import Application
from chalicelib.models.email_address import EmailAddress
from chalicelib.models.organizer import Organizer
from chalicelib.models.user import User
from chalicelib.request_source import RequestSource
from tests.actors import CALLBACK, PASSWORD, Browser, ClientApp, Person

_numbers = count()
HERE = RequestSource("127.0.0.1", "python-requests/2")


@cache
def _template() -> User:
    """An account that an operator created: others share its password hash."""
    return user.create(
        email=f"{credentials.new_id()}@example.org",
        password=PASSWORD,
        fullname="John Doe",
        locale="en",
        timezone="Europe/Berlin",
    )


def create_member(*organizer_names: str, locale: str = "en") -> Person:
    """Somebody with an account and the password PASSWORD, who belongs to new organizers with these names."""
    organizers = [_organizer(name) for name in organizer_names]
    person, account = _person({found.slug: found.name for found in organizers}, locale=locale)
    _write(*map(store.Put, organizers), *_kept(account))
    return person


def signed_in(base_url: str, *organizer_names: str) -> Browser:
    """The browser of somebody who signed in, and who belongs to new organizers with these names."""
    organizers = [_organizer(name) for name in organizer_names]
    person, account = _person({found.slug: found.name for found in organizers})
    browser = Browser(base_url, person)
    _write(*map(store.Put, organizers), *_kept(account), *_sign_in(browser, account))
    return browser


def create_person(organizers: Iterable[tuple[str, str]] = (), *, locale: str = "en") -> Person:
    """Somebody with an account. organizers: (slug, name) of those they belong to, stored already."""
    person, account = _person(dict(organizers), locale=locale)
    store.write(*_kept(account))
    return person


def create_organizer(name: str) -> tuple[str, str]:
    """The slug and the name of a new organizer. A later one's slug sorts behind an earlier one's."""
    made = _organizer(name)
    store.write(store.Put(made))
    return made.slug, made.name


def sign_in(browser: Browser) -> None:
    """Give a browser what the sign-in form would give it: a session, and a cookie by which the account knows it."""
    found = store.read(User.key(browser.user.user_id))[0]
    assert found is not None
    store.write(*_sign_in(browser, found))


def register_application(base_url: str, name: str, redirect_uri: str = CALLBACK) -> ClientApp:
    """An application that some developer registered."""
    owner, account = _person({}, application_count=1)
    made, secret = application.made(
        credentials.new_id(), owner_id=owner.user_id, name=name, redirect_uris=[redirect_uri]
    )
    made.secret_used_at = made.created_at  # in use today: otherwise the first request of each test would record a use
    store.write(*_kept(account), store.Put(made))
    return ClientApp(base_url, made.client_id, secret, redirect_uri)


def hash_like_django(secret: str) -> str:
    """A client secret as Django hashes it, with a thousandth of the work."""
    digest = hashlib.pbkdf2_hmac("sha256", secret.encode(), b"salt", 1000)
    return f"pbkdf2_sha256$1000$salt${base64.b64encode(digest).decode()}"


def import_application(
    base_url: str, client_id: str, secret: str, *, stored_secret: str | None = None, owner: Person | None = None
) -> ClientApp:
    """An application that another system registered. stored_secret: that system's hash of the secret; None for our
    digest of it. owner: None for somebody new."""
    owner = owner or create_person()
    account = store.read(User.key(owner.user_id))[0]
    assert account is not None
    made = imported_application.made(
        client_id,
        owner_id=owner.user_id,
        name="An imported shop",
        redirect_uris=[CALLBACK],
        profile=application.CLASSIC,
        secret=stored_secret or credentials.digest(secret),
    )
    imported_application.add(made, account)
    return ClientApp(base_url, client_id, secret, CALLBACK)


def note_in_use(app: ClientApp) -> None:
    """Store that its secret is used each day, so that no request of the next year records a use."""
    used_at = clock.now() + 365 * limits.DAY_SECONDS
    store.change(Application.key(app.client_id), [Application.secret_used_at.set(used_at)])


def _write(*puts: store.Put) -> None:
    """In as few transactions as possible: one has at most 100 parts."""
    for start in range(0, len(puts), 100):
        store.write(*puts[start : start + 100])


def _organizer(name: str) -> Organizer:
    slug = f"org-{next(_numbers):07}-{credentials.new_serial().lower()}"
    return Organizer(slug=slug, name=name, created_at=clock.now())


def _person(organizers: dict[str, str], **different: Any) -> tuple[Person, User]:
    email, user_id = f"{credentials.new_serial().lower()}@example.org", credentials.new_id()
    attributes: dict[str, Any] = {
        **_template().attribute_values,
        "user_id": user_id,
        "email": email,
        "device_key": known_device.new_key(),
        "memberships": set(organizers) or None,
        "created_at": clock.now(),
        **different,
    }
    return Person(user_id, email, organizers), User(**attributes)


def _kept(account: User) -> list[store.Put]:
    """What keeps an account."""
    listed = (membership.listed(slug, account.user_id) for slug in sorted(user_organizers.of(account)))
    return [store.Put(EmailAddress(email=account.email, user_id=account.user_id)), store.Put(account), *listed]


def _sign_in(browser: Browser, account: User) -> list[store.Put]:
    assert account.device_key is not None
    begun, secret = session.made(account, HERE)
    given = [
        cookies.kept("session", secret, limits.SESSION_LIFETIME_SECONDS),
        cookies.kept("device", known_device.cookie(account.user_id, account.device_key), 1),
    ]
    host = urlsplit(browser.base_url).hostname
    for name, morsel in SimpleCookie("; ".join(line.partition(";")[0] for line in given)).items():
        browser.http.cookies.set(name, morsel.value, domain=host, path="/")
    event = security_event.made(account.user_id, security_event.Kind.SIGN_IN, HERE)
    return [store.Put(begun), store.Put(event)]
