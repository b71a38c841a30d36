"""People with accounts, signed-in browsers and registered applications, stored as the pages store them.

The forms have tests of their own. Each sign-up and sign-in takes a password hash, which is slow on purpose: through the
forms, setting the scene would take twice as long as the tests themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from http.cookies import SimpleCookie
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from chalicelib import clock, credentials, known_device, limits
from chalicelib.endpoints.http import cookies
from chalicelib.models import organizer, registration_form, security_event, session, store, user
from chalicelib.models.email_address import EmailAddress
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


def create_person(organizers: Iterable[tuple[str, str]] = (), *, locale: str = "en") -> Person:
    """Somebody with an account and the password PASSWORD. organizers: (slug, name) of those they belong to, stored."""
    names = dict(organizers)
    email, user_id = f"{credentials.new_serial().lower()}@example.org", credentials.new_id()
    attributes: dict[str, Any] = {
        **_template().attribute_values,
        "user_id": user_id,
        "email": email,
        "locale": locale,
        "device_key": known_device.new_key(),
        "memberships": set(names) or None,
        "created_at": clock.now(),
    }
    store.write(store.Put(EmailAddress(email=email, user_id=user_id)), store.Put(User(**attributes)))
    return Person(user_id, email, names)


def create_organizer(name: str) -> tuple[str, str]:
    """The slug and the name of a new organizer. A later one's slug sorts behind an earlier one's."""
    slug = f"org-{next(_numbers):07}-{credentials.new_serial().lower()}"
    organizer.create(slug, name)
    return slug, name


def sign_in(browser: Browser) -> None:
    """Give a browser what the sign-in form would give it: a session, and a cookie by which the account knows it."""
    found = store.read(User.key(browser.user.user_id))[0]
    assert found is not None
    assert found.device_key is not None
    given = [
        cookies.kept("session", session.start(found, HERE), limits.SESSION_LIFETIME_SECONDS),
        cookies.kept("device", known_device.cookie(found.user_id, found.device_key), 1),
    ]
    security_event.record(found.user_id, security_event.Kind.SIGN_IN, HERE)
    host = urlsplit(browser.base_url).hostname
    for name, morsel in SimpleCookie("; ".join(line.partition(";")[0] for line in given)).items():
        browser.http.cookies.set(name, morsel.value, domain=host, path="/")


def register_application(base_url: str, name: str, redirect_uri: str = CALLBACK) -> ClientApp:
    """An application that some developer registered."""
    owner = store.read(User.key(create_person().user_id))[0]
    assert owner is not None
    made, secret = registration_form.register(owner, name=name, redirect_uris=[redirect_uri])
    return ClientApp(base_url, made.client_id, secret, redirect_uri)
