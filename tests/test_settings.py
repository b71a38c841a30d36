"""An invalid setting is refused with one line that names it."""

from __future__ import annotations

import pytest

from chalicelib import limits, permissions
from chalicelib.settings import SettingsError, from_environment


@pytest.mark.parametrize(
    "address",
    [
        "HTTPS://connect.example.com",
        "https://Connect.example.com",
        "https://user:pw@connect.example.com",
        "https://connect.example.com?",
        "https://connect.example.com#x",
        "https://connect.example.com/a b",
        "https://connect.example.com:999999",
        "http://connect.example.com",
        "http://127.0.0.1:8000",
        "connect.example.com",
    ],
)
def test_public_url_of_a_deployed_stage_must_be_a_canonical_https_address(address: str) -> None:
    with pytest.raises(SettingsError, match="PUBLIC_URL must"):
        from_environment({"LANYARD_STAGE": "prod", "PUBLIC_URL": address})


def test_public_url_may_have_a_port_and_a_path() -> None:
    made = from_environment({"LANYARD_STAGE": "prod", "PUBLIC_URL": "https://example.com:8443/connect/"})
    assert made.public_url == "https://example.com:8443/connect"
    assert made.is_https


def test_deployed_function_never_takes_itself_for_the_local_stage() -> None:
    with pytest.raises(SettingsError, match="LANYARD_STAGE is missing"):
        from_environment({"AWS_LAMBDA_FUNCTION_NAME": "lanyard-prod"})
    assert from_environment({}).is_local


@pytest.mark.parametrize("value", ["0", "601", "-1", "1.5", "ten", "²"])
def test_code_lifetime_outside_its_limits_is_refused(value: str) -> None:
    with pytest.raises(SettingsError, match="CODE_LIFETIME_SECONDS must be a whole number of seconds from 1 to 600"):
        from_environment({"CODE_LIFETIME_SECONDS": value})
    assert limits.CODE_MAX_LIFETIME_SECONDS == 600


_SIGNED = """
[scopes.scan]
title = { en = "Scan tickets", de = "Karten prüfen" }

[resources."https://door.example.com/"]
scopes = ["scan"]
token_format = "jwt"
"""


def test_queue_of_logout_tokens_needs_a_name_and_keys() -> None:
    signs = {"SIGNING_KEYS_PARAMETER": "/lanyard/prod/signing-keys"}
    assert from_environment({**signs, "LOGOUT_QUEUE": "lanyard-prod-logouts"}).logout_queue == "lanyard-prod-logouts"
    assert from_environment(signs).logout_queue is None
    with pytest.raises(SettingsError, match="LOGOUT_QUEUE must be the name of an SQS queue"):
        from_environment({**signs, "LOGOUT_QUEUE": "https://sqs.eu-central-1.amazonaws.com/1/logouts"})
    with pytest.raises(SettingsError, match="LOGOUT_QUEUE needs keys"):
        from_environment({"LOGOUT_QUEUE": "lanyard-prod-logouts"})


def test_catalogue_with_signed_tokens_needs_keys_and_another_address_than_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permissions, "load", lambda _: permissions.parse(_SIGNED))
    with pytest.raises(SettingsError) as refused:
        from_environment({})
    assert str(refused.value) == (
        'PERMISSIONS: resources."https://door.example.com/".token_format is "jwt", '
        "and this stage has no keys to sign with: set SIGNING_KEYS"
    )
    signs = {"SIGNING_KEYS_PARAMETER": "/lanyard/prod/signing-keys", "LANYARD_STAGE": "prod"}
    assert from_environment(signs).permissions.resources["https://door.example.com/"].takes_jwts
    with pytest.raises(SettingsError, match="is the address of Lanyard itself"):
        from_environment({**signs, "PUBLIC_URL": "https://door.example.com"})
