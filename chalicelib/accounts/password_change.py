"""Changing a password: with the current one, or with a mailed link that proves whose account it is."""

from __future__ import annotations

from chalicelib import credentials, limits, logs, names
from chalicelib.accounts import passwords, sign_in_try
from chalicelib.models import mail_link, security_event, session, store, throttle, user_password
from chalicelib.models.mail_link import MailLink
from chalicelib.models.store import ConditionFailed
from chalicelib.models.user import User
from chalicelib.request_source import RequestSource


class WrongPassword(Exception):
    """The password is not the current one."""


class Unusable(Exception):
    """The password cannot be chosen. problem: why, to follow the words "The password"."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


def change(of: User, present: str, chosen: str, source: RequestSource) -> tuple[User, bool]:
    """Return the user with the new password, whose sessions have all ended; and True if the password was already set by
    the first of two simultaneous clicks.

    Raises Unusable, WrongPassword, TooManyTries, StoreUnavailable, and ConditionFailed if somebody else set another
    password in the meantime.
    """
    _check(chosen, of)
    with throttle.trying([_limit(of)], window_seconds=limits.SIGN_IN_WINDOW_SECONDS) as counted:
        if not _is_present(of, present):
            raise WrongPassword
        if chosen == present:
            raise Unusable(passwords.UNCHANGED)
        changed, is_repeated = _stored(of, chosen)
    counted[0].forgive()
    if not is_repeated:
        session.clear_away(changed)
        security_event.record(changed.user_id, security_event.Kind.PASSWORD_CHANGED, source)
    return changed, is_repeated


def choose(link: MailLink, owner: User, chosen: str, *, network: str, source: RequestSource) -> User:
    """Return the user with the new password, whose sessions have all ended. Uses up the link.

    network: where the request came from; failed sign-ins from there are forgiven. Raises Unusable, mail_link.Unusable,
    StoreUnavailable.
    """
    _check(chosen, owner)
    with mail_link.trying(link):
        if credentials.password_matches(chosen, owner.password_hash):
            raise Unusable(passwords.UNCHANGED)
        changed = mail_link.choose_password(link, owner, chosen)
    sign_in_try.forgive_all(link.email, network)
    session.clear_away(changed)
    security_event.record(changed.user_id, security_event.Kind.PASSWORD_RESET, source)
    return changed


def _check(chosen: str, of: User) -> None:
    try:
        passwords.check(chosen, about=[of.email, of.fullname])
    except names.InputProblem as error:
        raise Unusable(error.message) from error


def _stored(of: User, chosen: str) -> tuple[User, bool]:
    try:
        return user_password.change_password(of, chosen), False
    except ConditionFailed:
        now = store.read(User.key(of.user_id))[0]
        if now is None or not now.active or not credentials.password_matches(chosen, now.password_hash):
            raise
        logs.note(repeated=True)
        return now, True


def _limit(of: User) -> throttle.Limit:
    """Limits how often somebody at an unattended browser can guess the current password."""
    what = throttle.named("password change", of.user_id)
    return throttle.Limit(what, limits.SIGN_IN_TRIES_PER_ACCOUNT, exempt=limits.PASSWORD_CHANGES_PER_ACCOUNT)


def _is_present(of: User, present: str) -> bool:
    tried = present if len(present) <= limits.PASSWORD_LIMIT_CHARACTERS else ""
    return credentials.password_matches(tried, of.password_hash)
