"""Signing in with an email address and a password: who gets in, and what is counted and recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from chalicelib import credentials, imported_passwords, limits, settings
from chalicelib.accounts import sign_in_try
from chalicelib.accounts.sign_in_try import SignInTry
from chalicelib.models import security_event, user_password
from chalicelib.models.user import User
from chalicelib.request_source import RequestSource

T = TypeVar("T")


class WrongPassword(Exception):
    """The account is unknown or the password is wrong; nobody is told which."""


class AccountDisabled(Exception):
    """The password is correct, but the operator disabled the account."""


def with_password(
    email: str,
    password: str,
    *,
    source: RequestSource,
    network: str,
    device_of: Callable[[User | None], str | None],
    begin: Callable[[User], T],
) -> tuple[User, T]:
    """Return the user who signs in, and the session that `begin` makes for them.

    email, password: as typed. network: where the try comes from. device_of: returns the account's known device that the
    browser is, or None. Raises WrongPassword, AccountDisabled, TooManyTries, StoreUnavailable. A try that fails because
    of the store is not counted.
    """
    # Read before the try is counted, since a browser that the account knows has its own count; hash the password after.
    found, failed_before = sign_in_try.read(email)
    tried = SignInTry(email, network, device_of(found), failed_before)
    with tried.counted() as counted:
        right = _verified_user(found, password)
        if right and right.active:
            user_password.bring_up_to_date(right, password)  # only here is the password known, to hash it again
            session = begin(right)
    if right is None:
        tried.failed()
        raise WrongPassword
    if not right.active:
        raise AccountDisabled
    tried.went_well(counted)
    security_event.record(right.user_id, security_event.Kind.SIGN_IN, source, failed_tries=failed_before)
    return right, session


def _verified_user(found: User | None, password: str) -> User | None:
    """The user, disabled or not, if the password is theirs. An unknown account takes the same hashing, so that only
    those who know the password learn anything."""
    tried = password if len(password) <= limits.PASSWORD_LIMIT_CHARACTERS else ""
    is_right = credentials.password_matches(tried, found.password_hash if found else None)
    already = imported_passwords.cost_of(found.password_hash) if found else None
    for cost in settings.SETTINGS.imported_passwords:  # or the time would say which addresses have an account
        imported_passwords.spend(tried, cost, already=already)
    return found if found and is_right else None
