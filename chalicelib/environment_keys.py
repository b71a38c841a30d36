"""Parses the environment variables about keys, and about the queue whose messages they sign, as `environment` does."""

from __future__ import annotations

import re
from collections.abc import Mapping

from chalicelib import signing_keys
from chalicelib.environment import SettingsError


def server_keys(environment: Mapping[str, str], *, shortest: int, most: int) -> tuple[str, ...]:
    """SERVER_KEYS, newest first, or the one SERVER_KEY; empty if neither is set. No message quotes a key."""
    one, several = environment.get("SERVER_KEY", ""), environment.get("SERVER_KEYS", "").split()
    if one and several:
        raise SettingsError("Set SERVER_KEYS or SERVER_KEY, not both: SERVER_KEYS takes all keys, newest first")
    if one and len(one) < shortest:
        raise SettingsError(f"SERVER_KEY must have at least {shortest} random characters")
    if any(len(key) < shortest for key in several):
        raise SettingsError(f"SERVER_KEYS takes keys of at least {shortest} random characters each, space-separated")
    if len(several) > most:
        raise SettingsError(f"SERVER_KEYS takes at most {most} keys; drop the oldest")
    return tuple(several) or ((one,) if one else ())


def signing_key_list(environment: Mapping[str, str]) -> str | None:
    """SIGNING_KEYS, checked; None if it is not set. No message quotes a key."""
    value = environment.get("SIGNING_KEYS", "")
    if not value:
        return None
    if environment.get("SIGNING_KEYS_PARAMETER", ""):
        raise SettingsError("Set SIGNING_KEYS_PARAMETER or SIGNING_KEYS, not both")
    try:
        signing_keys.parse(value, with_private=True)
    except signing_keys.SigningKeysError as error:
        raise SettingsError(f"SIGNING_KEYS {error}") from error
    return value


def signing_keys_parameter(value: str) -> str | None:
    # Each private key has a parameter below it, so it must be a path itself.
    if value and not re.fullmatch(r"(/[A-Za-z0-9_.-]+){1,14}", value, re.ASCII):
        raise SettingsError(f"SIGNING_KEYS_PARAMETER must be a name like /lanyard/prod/signing-keys, not {value!r}")
    return value or None


def signing_kms_keys(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The ARNs of the KMS keys that may sign."""
    arns = tuple(environment.get("SIGNING_KMS_KEYS", "").split())
    for arn in arns:
        if not signing_keys.KMS_KEY.fullmatch(arn):
            raise SettingsError(
                f"SIGNING_KMS_KEYS takes ARNs like arn:aws:kms:eu-central-1:111122223333:key/ID, not {arn!r}"
            )
    if arns and not environment.get("SIGNING_KEYS_PARAMETER", ""):
        raise SettingsError("SIGNING_KMS_KEYS needs SIGNING_KEYS_PARAMETER, where the list of keys is kept")
    return arns


def logout_queue(value: str, *, signs: bool) -> str | None:
    if value and not re.fullmatch(r"[A-Za-z0-9_-]{1,80}", value, re.ASCII):
        raise SettingsError(f"LOGOUT_QUEUE must be the name of an SQS queue like lanyard-prod-logouts, not {value!r}")
    if value and not signs:
        raise SettingsError("LOGOUT_QUEUE needs keys to sign logout tokens with: set SIGNING_KEYS_PARAMETER")
    return value or None
