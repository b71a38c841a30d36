"""The list of signing keys that this process publishes and signs with: from SIGNING_KEYS, or from SSM.

SSM is asked again every SIGNING_KEYS_FRESH_SECONDS, so that a change reaches running processes without a deployment. A
list that SSM does not return, or that cannot be read, leaves the previous one in use for SIGNING_KEYS_STALE_SECONDS.
"""

from __future__ import annotations

import functools

from chalicelib import clock, limits, logs, settings, signing_keys
from chalicelib.keys import parameter_store
from chalicelib.keys.parameter_store import ParameterUnavailable
from chalicelib.signing_keys import SigningKey


class SigningKeyUnavailable(Exception):
    """SSM or KMS did not do its part, or a stored key cannot be used. code: AWS's word for the reason, or ours."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def read() -> tuple[SigningKey, ...]:
    """The keys, in the list's order. Empty if the stage signs nothing. Raises SigningKeyUnavailable."""
    found = settings.SETTINGS
    if found.signing_keys:
        keys = _parsed(found.signing_keys, with_private=True)
    elif found.signing_keys_parameter:
        keys = _from_ssm(found.signing_keys_parameter)
    else:
        return ()
    _note_age(keys)
    return keys


def _from_ssm(name: str) -> tuple[SigningKey, ...]:
    try:
        text = parameter_store.read(
            name,
            fresh_seconds=limits.SIGNING_KEYS_FRESH_SECONDS,
            stale_seconds=limits.SIGNING_KEYS_STALE_SECONDS,
            refresh_seconds=limits.SIGNING_KEYS_REFRESH_SECONDS,
            check=_check,
        )
    except ParameterUnavailable as error:
        raise SigningKeyUnavailable(error.code) from error
    return _parsed(text, with_private=False)


def _check(text: str) -> None:
    try:
        _parsed(text, with_private=False)
    except signing_keys.SigningKeysError as error:
        logs.note(signing_keys=f"{settings.SETTINGS.signing_keys_parameter} {error}")
        raise ParameterUnavailable("InvalidKeys") from error


@functools.lru_cache(maxsize=4)
def _parsed(text: str, *, with_private: bool) -> tuple[SigningKey, ...]:
    return signing_keys.parse(text, with_private=with_private)


def _note_age(keys: tuple[SigningKey, ...]) -> None:
    """Tell the request's line how old the oldest key that signs is, for the alarm."""
    made = [key.created_at for key in keys if key.status == signing_keys.ACTIVE and key.created_at is not None]
    if made:
        logs.note(signing_key_days=(clock.now() - min(made)) // limits.DAY_SECONDS)
