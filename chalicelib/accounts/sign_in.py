"""Signing in with an email address and a password: who gets in, and what is counted and kept of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from chalicelib import credentials, settings
from chalicelib.accounts import sign_in_try
from chalicelib.accounts.sign_in_try import SignInTry
from chalicelib.models import security_event, user
from chalicelib.models.user import User
from chalicelib.request_source import RequestSource

T = TypeVar("T")


class WrongPassword(Exception):
    """The account is unknown or the password is wrong. Nobody is told which."""


class AccountDisabled(Exception):
    """The password is right, and the operator disabled the account."""


def with_password(
    email: str,
    password: str,
    *,
    source: RequestSource,
    network: str,
    device_of: Callable[[User | None], str | None],
    begin: Callable[[User], T],
) -> tuple[User, T]:
    """The user who signs in, and the session that `begin` makes for them.

    email, password: as typed. network: where the try comes from. device_of: which of the account's known devices the
    browser is. Raises WrongPassword, AccountDisabled, TooManyTries, StoreUnavailable; a try that the store failed is
    not counted.
    """
    # Read before the try is counted, since a browser that the account knows is counted by itself; the hash comes after.
    found, failed_before = sign_in_try.read(email)
    tried = SignInTry(email, network, device_of(found), failed_before)
    with tried.counted() as counted:
        right = _if_right(found, password)
        if right and right.active:
            user.bring_up_to_date(right, password)  # it is at hand now, to be stored as passwords are stored today
            session = begin(right)
    if right is None:
        tried.failed()
        raise WrongPassword
    if not right.active:
        raise AccountDisabled
    tried.went_well(counted)
    security_event.record(right.user_id, security_event.Kind.SIGN_IN, source, failed_tries=failed_before)
    return right, session


def _if_right(found: User | None, password: str) -> User | None:
    """The user, disabled or not, if the password is theirs. Takes the same hashing for an unknown account, so that only
    those who know the password learn anything."""
    tried = password if len(password) <= settings.PASSWORD_LIMIT_CHARACTERS else ""
    is_right = credentials.password_matches(tried, found.password_hash if found else None)
    return found if found and is_right else None
