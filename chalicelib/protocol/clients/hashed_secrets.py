"""Client secrets of which only another system's hash is known: those of imported applications, until their first use.

Checking such a hash takes up to a second of a processor, whether or not the secret is right. So the tries are limited,
per application and per address, in windows of one minute: a stranger who uses up an application's limit keeps it out no
longer than they go on. Once the right secret was sent, its digest is stored in place of the hash, and its requests cost
what those of all others do. A secret that is too easy to guess for that keeps its slow hash, and is checked against it
each time.

The endpoint knows the caller's address, and there are layers between it and the check. So the address is passed in a
context variable.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from chalicelib import credentials, limits, logs
from chalicelib.models import client_secret, throttle
from chalicelib.models.application import Application
from chalicelib.models.throttle import Limit, named
from chalicelib.protocol.clients import quotas

_address: ContextVar[str] = ContextVar("address")


@contextmanager
def tried_from(address: str) -> Iterator[None]:
    """Answer a request in this context. address: the caller's IP address."""
    token = _address.set(address)
    try:
        yield
    finally:
        _address.reset(token)


def valid_digest(secret: str, application: Application) -> str | None:
    """Return the digest under which this secret is valid from now on; None if it is wrong.

    secret: one that fits none of the application's digests. Costs nothing if the application has no imported hash.
    Raises TooManyRequestsError, StoreUnavailable.
    """
    imported = next(filter(credentials.is_imported_hash, application.live_secret_digests), None)
    if imported is None:
        return None
    try:
        with throttle.trying(_limits(application), window_seconds=limits.HASHED_SECRET_WINDOW_SECONDS) as counted:
            is_right = credentials.matches_imported_hash(secret, imported)
    except throttle.TooManyTries as error:
        logs.note(security_event="tries of an imported secret throttled")
        raise quotas.TooManyRequestsError("tries of an imported secret", error.window_seconds) from error
    if not is_right:
        return None
    valid = imported
    if credentials.is_hard_to_guess(secret):
        valid = credentials.digest(secret)
        client_secret.keep_digest(application, imported, valid)
    for tried in counted:
        tried.take_back()
    return valid


def _limits(application: Application) -> list[Limit]:
    address, client_id = _address.get(), str(application.client_id)
    purpose, in_all = "hashed secret", limits.HASHED_SECRET_TRIES_PER_CLIENT_IN_ALL
    return [
        *throttle.per_network(purpose, address, limits.HASHED_SECRET_TRIES_PER_ADDRESS),
        *throttle.per_network(f"{purpose} of", address, limits.HASHED_SECRET_TRIES_PER_CLIENT, of=(client_id,)),
        Limit(named(f"{purpose} in all", client_id), in_all),
    ]
