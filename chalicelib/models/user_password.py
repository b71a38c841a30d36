"""The password of an account, and what changes with it."""

from __future__ import annotations

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib import credentials, known_device
from chalicelib.models import store
from chalicelib.models.user import User


def bring_up_to_date(user: User, password: str) -> None:
    """Update an older account at a sign-in with its correct password. Never raises.

    The password is hashed again with today's parameters, which ends no session, and the account gets a key for known
    devices. A password that was changed in the meantime stays.
    """
    actions: list[Action] = []
    is_same = User.password_hash == user.password_hash
    hashed, device_key = user.password_hash, user.device_key
    if credentials.needs_rehash(hashed):
        hashed = credentials.hash_password(password)
        actions.append(User.password_hash.set(hashed))
    if not device_key:
        device_key = known_device.new_key()
        actions.append(User.device_key.set(device_key))
        is_same &= User.device_key.does_not_exist()
    if not actions:
        return
    with store.aside():  # otherwise the next sign-in does it
        store.change(User.key(user.user_id), actions, is_same)
        user.password_hash, user.device_key = hashed, device_key


def change_password(
    user: User, password: str, *, is_email_verified: bool = False, claim: store.Change | None = None
) -> User:
    """Store a new password, and in the same write end all sessions and forget all known devices. Returns the user.

    is_email_verified: the user has just proved to read mail at the address. claim: a change for the same transaction.
    Raises ConditionFailed if the user was disabled or their password changed
    since `user` was read.
    """
    hashed, serial, device_key = credentials.hash_password(password), credentials.new_serial(), known_device.new_key()
    actions: list[Action] = [
        User.password_hash.set(hashed),
        User.password_serial.set(serial),
        User.device_key.set(device_key),
    ]
    if is_email_verified:
        actions.append(User.verified_email.set(user.email))
        user.verified_email = user.email
    update = store.Update(User.key(user.user_id), actions, _unchanged(user))
    store.write(update, *([claim] if claim else []))
    user.password_hash, user.password_serial, user.device_key = hashed, serial, device_key
    return user


def _unchanged(user: User) -> Condition:
    serial = User.password_serial
    is_same = serial == user.password_serial if user.password_serial else serial.does_not_exist()
    condition: Condition = is_same & (User.active == True)  # noqa: E712 - a DynamoDB condition
    return condition
