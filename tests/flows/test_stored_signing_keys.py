"""Signing keys that are kept in SSM or in KMS: what is signed, what is published, and what a failure looks like."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet

from chalicelib import deadline, limits, settings
from chalicelib import signing_keys as stored
from chalicelib.keys import kms, new_key, parameter_store, signing
from chalicelib.keys.signing import SigningKeyMissing, SigningKeyUnavailable
from chalicelib.signing_keys import SigningKey
from infra.rehearsal.connect_check import Account, CheckFailed, Visit
from tests.actors import Browser, ClientApp
from tests.conftest import Clock
from tests.local_aws import LocalAws
from tests.test_other_services import failing, hanging

__all__ = ["hanging"]
LIST = "/lanyard/test/signing-keys"
NO_LIST = "/lanyard/test/no-signing-keys"
SPECS = {"RS256": "RSA_2048", "ES256": "ECC_NIST_P256"}
RS256 = new_key.make("RS256", 0)
OTHER = new_key.make("RS256", 0)
pytestmark = pytest.mark.spec("docs/security.md")


@pytest.fixture(autouse=True)
def in_ssm(aws: LocalAws, base_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A stage whose list of keys is in SSM."""
    monkeypatch.setitem(os.environ, "AWS_ENDPOINT_URL_SSM", aws.url)
    monkeypatch.setitem(os.environ, "AWS_ENDPOINT_URL_KMS", aws.url)
    use(monkeypatch, signing_keys_parameter=LIST)
    new_process()
    yield
    new_process()


def use(monkeypatch: pytest.MonkeyPatch, **changed: Any) -> None:
    found: Any = replace(settings.SETTINGS, **changed)
    monkeypatch.setattr(settings, "SETTINGS", found)


def new_process() -> None:
    parameter_store.forget()
    kms.forget()


def active(key: SigningKey) -> SigningKey:
    return replace(key, status=stored.ACTIVE)


def jwks(base_url: str) -> dict[str, Any]:
    answer = requests.get(f"{base_url}/.well-known/jwks.json", timeout=10)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def kids(base_url: str) -> list[str]:
    """The ids of the published keys, without an RSA key's second JWK."""
    return [key["kid"] for key in jwks(base_url)["keys"] if key["alg"] != "PS256"]


def check(token: str, base_url: str) -> dict[str, Any]:
    """The header of a token that the published keys verify."""
    published = jwks(base_url)
    algorithms = [key["alg"] for key in published["keys"]]
    return jwt.decode(token, KeySet.import_key_set(published), algorithms=algorithms).header  # type: ignore[arg-type]


@pytest.mark.spec("RFC 7515 §3.1", "RFC 7518 §3.3", "RFC 8037 §3.1")
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("algorithm", stored.ALGORITHMS)
def test_key_in_ssm_signs_what_the_published_keys_verify(aws: LocalAws, base_url: str, algorithm: str) -> None:
    key = active(new_key.make(algorithm, 0))
    aws.put_keys(LIST, key)
    token = signing.sign({"sub": "Zoë"}, token_type="at+jwt")
    assert check(token, base_url) == {"alg": algorithm, "kid": key.key_id, "typ": "at+jwt"}
    assert signing.algorithm() == algorithm


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_client_may_ask_for_another_algorithm_that_signs(aws: LocalAws, base_url: str) -> None:
    edwards, curve = active(new_key.make("EdDSA", 0)), active(new_key.make("ES256", 0))
    aws.put_keys(LIST, edwards, OTHER, active(RS256), curve)
    assert signing.algorithms() == ("RS256", "PS256", "ES256", "EdDSA")
    assert check(signing.sign({}, token_type="JWT"), base_url)["kid"] == RS256.key_id
    assert check(signing.sign({}, token_type="JWT", algorithm="EdDSA"), base_url)["kid"] == edwards.key_id
    assert [key["kid"] for key in jwks(base_url)["keys"]] == [
        edwards.key_id,
        OTHER.key_id,
        RS256.key_id,
        curve.key_id,
        f"{OTHER.key_id}.PS256",
        f"{RS256.key_id}.PS256",
    ]


def test_algorithm_without_a_key_that_signs_is_an_error(aws: LocalAws) -> None:
    aws.put_keys(LIST, active(RS256), new_key.make("ES256", 0))
    with pytest.raises(SigningKeyMissing, match="a key for ES256"):
        signing.sign({}, token_type="JWT", algorithm="ES256")


@pytest.mark.spec("RFC 7515 §3.1", "RFC 7518 §3.5")
def test_rsa_key_in_ssm_signs_with_pss_too(aws: LocalAws, base_url: str) -> None:
    aws.put_keys(LIST, active(RS256))
    tokens = [signing.sign({"sub": "Zoë"}, token_type="JWT", algorithm="PS256") for _ in range(2)]
    for token in tokens:
        assert check(token, base_url) == {"alg": "PS256", "kid": f"{RS256.key_id}.PS256", "typ": "JWT"}
    assert tokens[0] != tokens[1], "the salt is random"


@pytest.mark.spec("RFC 7515 §3.1", "RFC 7518 §3.5")
def test_rsa_key_in_kms_signs_with_pss_too(aws: LocalAws, base_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    key = active(aws.kms_key("RSA_2048", "RS256", 0))
    use(monkeypatch, signing_kms_keys=(str(key.kms),))
    aws.put_keys(LIST, key)
    for number in range(3):
        token = signing.sign({"sub": "Zoë", "n": number}, token_type="JWT", algorithm="PS256")
        assert check(token, base_url) == {"alg": "PS256", "kid": f"{key.key_id}.PS256", "typ": "JWT"}


@pytest.mark.spec("RFC 7515 §3.1", "RFC 7518 §3.4")
@pytest.mark.parametrize("algorithm", stored.KMS_ALGORITHMS)
def test_key_in_kms_signs_what_the_published_keys_verify(
    aws: LocalAws, base_url: str, monkeypatch: pytest.MonkeyPatch, algorithm: str
) -> None:
    key = active(aws.kms_key(SPECS[algorithm], algorithm, 0))
    use(monkeypatch, signing_kms_keys=(str(key.kms),))
    aws.put_keys(LIST, key)
    for number in range(30):  # R and S of an ECDSA signature are shorter now and then
        token = signing.sign({"sub": "Zoë", "n": number}, token_type="at+jwt")
        assert check(token, base_url) == {"alg": algorithm, "kid": key.key_id, "typ": "at+jwt"}
    assert str(key.kms) not in json.dumps(jwks(base_url)), "the account's number is nobody's business"


def test_kms_key_that_the_settings_do_not_name_signs_nothing(aws: LocalAws) -> None:
    aws.put_keys(LIST, active(aws.kms_key("RSA_2048", "RS256", 0)))
    with pytest.raises(SigningKeyUnavailable, match="NotInSettings"):
        signing.sign({}, token_type="JWT")


def test_disabled_kms_key_is_a_failure_that_says_so(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    key = active(aws.kms_key("RSA_2048", "RS256", 0))
    use(monkeypatch, signing_kms_keys=(str(key.kms),))
    aws.put_keys(LIST, key)
    aws.kms.disable_key(KeyId=key.kms)
    with pytest.raises(SigningKeyUnavailable, match="DisabledException"):
        signing.sign({}, token_type="JWT")
    aws.kms.enable_key(KeyId=key.kms)
    assert signing.sign({}, token_type="JWT")


@pytest.mark.parametrize("der", ["", "30", "3006020101020101ff", "3003020101", "3126" + "00" * 38, "30060201010301ff"])
def test_damaged_signature_of_kms_is_never_passed_on(der: str) -> None:
    with pytest.raises(SigningKeyUnavailable, match="InvalidSignature"):
        kms._raw(bytes.fromhex(der))


@pytest.mark.spec("RFC 7518 §3.4")
def test_integers_of_any_length_become_two_numbers_of_32_bytes() -> None:
    with_sign = bytes.fromhex("302602210080" + "11" * 31 + "020101")
    assert kms._raw(with_sign) == bytes.fromhex("80" + "11" * 31 + "00" * 31 + "01")


def test_hanging_kms_is_given_up_in_time_and_then_left_alone(
    aws: LocalAws, hanging: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = active(aws.kms_key("RSA_2048", "RS256", 0))
    use(monkeypatch, signing_kms_keys=(str(key.kms),))
    aws.put_keys(LIST, key)
    assert signing.algorithm() == "RS256"
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", hanging)
    started = clock.monotonic()
    with deadline.begin():
        clock.take(limits.REQUEST_SECONDS - limits.STORE_ASIDE_SECONDS - 0.3)
        with pytest.raises(SigningKeyUnavailable, match="DeadlineExceeded"):
            signing.sign({}, token_type="JWT")
    assert clock.monotonic() - started < limits.REQUEST_SECONDS


def test_unreachable_kms_is_not_asked_again_for_a_short_time(
    aws: LocalAws, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = active(aws.kms_key("RSA_2048", "RS256", 0))
    use(monkeypatch, signing_kms_keys=(str(key.kms),))
    aws.put_keys(LIST, key)
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:9")
    with pytest.raises(SigningKeyUnavailable, match="EndpointConnectionError"):
        signing.sign({}, token_type="JWT")
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", aws.url)
    kms._client.cache_clear()
    with pytest.raises(SigningKeyUnavailable, match="EndpointConnectionError"):
        signing.sign({}, token_type="JWT")
    clock.take(limits.SERVER_KEY_RETRY_SECONDS)
    assert signing.sign({}, token_type="JWT")


# -- a process that runs ----------------------------------------------------------------------------------------------


def test_running_process_learns_of_a_change_within_minutes(aws: LocalAws, base_url: str, clock: Clock) -> None:
    clock.stop()
    aws.put_keys(LIST, active(RS256))
    assert kids(base_url) == [RS256.key_id]
    aws.put_keys(LIST, active(RS256), OTHER)
    clock.advance(limits.SIGNING_KEYS_FRESH_SECONDS - 1)
    assert kids(base_url) == [RS256.key_id]
    clock.advance(1)
    assert kids(base_url) == [RS256.key_id, OTHER.key_id]


def test_older_list_serves_while_ssm_fails_but_not_for_longer_than_the_overlap_allows(
    aws: LocalAws, base_url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.stop()
    aws.put_keys(LIST, active(RS256))
    assert signing.sign({}, token_type="JWT")
    with failing() as (url, asked):
        monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", url)
        clock.advance(limits.SIGNING_KEYS_FRESH_SECONDS)
        for _ in range(3):
            assert check(signing.sign({}, token_type="JWT"), base_url)["kid"] == RS256.key_id
        assert len(asked) == limits.SERVICE_TRIES, "a failure is remembered"
        clock.advance(limits.SIGNING_KEYS_STALE_SECONDS)
        with pytest.raises(SigningKeyUnavailable):
            signing.sign({}, token_type="JWT")
        answer = requests.get(f"{base_url}/.well-known/jwks.json", timeout=10)
        assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Retry-After"]


def test_hanging_ssm_holds_up_a_request_briefly_if_there_is_an_older_list(
    aws: LocalAws, hanging: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.put_keys(LIST, active(RS256))
    assert signing.algorithm()
    monkeypatch.setattr(limits, "SIGNING_KEYS_REFRESH_SECONDS", 0.2)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", hanging)
    clock.advance(limits.SIGNING_KEYS_FRESH_SECONDS)
    started = clock.monotonic()
    with deadline.begin():
        assert [signing.algorithm() for _ in range(5)] == ["RS256"] * 5
    assert clock.monotonic() - started < limits.STORE_READ_SECONDS


def test_list_that_cannot_be_read_leaves_the_previous_one_in_use(aws: LocalAws, base_url: str, clock: Clock) -> None:
    aws.put_keys(LIST, active(RS256))
    assert signing.algorithm()
    aws.put(LIST, '{"keys": []}')
    clock.advance(limits.SIGNING_KEYS_FRESH_SECONDS)
    assert kids(base_url) == [RS256.key_id]
    new_process()
    with pytest.raises(SigningKeyUnavailable, match="InvalidKeys"):
        signing.algorithm()


@pytest.mark.parametrize("value", ["", "nonsense", "{}"])
def test_missing_or_damaged_private_key_signs_nothing_and_is_still_published(
    aws: LocalAws, base_url: str, value: str
) -> None:
    key = active(new_key.make("ES256", 0))
    aws.put(LIST, stored.to_text((key,)))
    if value:
        aws.put(f"{LIST}/{key.key_id}", value)
    with pytest.raises(SigningKeyUnavailable, match="InvalidKeys" if value else "ParameterNotFound"):
        signing.sign({}, token_type="JWT")
    assert [one["kid"] for one in jwks(base_url)["keys"]] == [key.key_id]


def test_private_key_of_another_published_key_signs_nothing(aws: LocalAws) -> None:
    aws.put(LIST, stored.to_text((active(RS256),)))
    aws.put(f"{LIST}/{RS256.key_id}", stored.to_private_text(replace(OTHER, key_id=RS256.key_id)))
    with pytest.raises(SigningKeyUnavailable, match="InvalidKeys"):
        signing.sign({}, token_type="JWT")


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
def test_private_part_that_does_not_belong_to_the_public_one_signs_nothing(aws: LocalAws, algorithm: str) -> None:
    one, another = active(new_key.make(algorithm, 0)), new_key.make(algorithm, 0)
    aws.put_keys(LIST, replace(one, private=another.private))
    with pytest.raises(SigningKeyUnavailable, match="InvalidKeys"):
        signing.sign({}, token_type="JWT")


def test_check_of_an_address_fails_while_no_key_is_published(aws: LocalAws, base_url: str) -> None:
    aws.put(LIST, "no list")
    visit = Visit(base_url, Account("", "", "", "", ""), print, has_gateway=False)
    with pytest.raises(CheckFailed, match=r"the keys that sign are not published \(503\).*keys new"):
        visit._check_keys()
    new_process()
    aws.put_keys(LIST, active(RS256))
    visit._check_keys()


def test_failure_of_ssm_is_503_with_its_name_in_the_log(
    base_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", "http://127.0.0.1:9")
    answer = requests.get(f"{base_url}/.well-known/jwks.json", timeout=10)
    assert answer.status_code == 503
    assert "signing key" in answer.json()["error_description"]
    (line,) = [json.loads(message) for message in caplog.messages if message.startswith("{")]
    assert line["signing_key_error"] == "EndpointConnectionError"


def test_log_has_the_age_of_the_key_and_nothing_of_it(
    aws: LocalAws, base_url: str, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    clock.stop()
    aws.put_keys(LIST, replace(active(RS256), created_at=clock.now() - 400 * limits.DAY_SECONDS))
    signing.sign({}, token_type="JWT")
    jwks(base_url)
    (line,) = [json.loads(message) for message in caplog.messages if message.startswith("{")]
    assert line["signing_key_days"] == 400
    assert RS256.private
    assert not any(value in caplog.text + str(caplog.records) for value in RS256.private.values())


@pytest.mark.spec("RFC 8414 §2")
def test_what_needs_no_signature_works_before_the_first_key_is_made(
    base_url: str, john: Browser, shop: ClientApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, signing_keys_parameter=NO_LIST)
    metadata = requests.get(f"{base_url}/.well-known/oauth-authorization-server", timeout=10)
    assert metadata.json()["jwks_uri"] == f"{base_url}/.well-known/jwks.json"
    assert requests.get(f"{base_url}/.well-known/openid-configuration", timeout=10).status_code == 503
    tokens = shop.connect(john, "Big Events LLC", scope="read")
    assert shop.refresh(tokens["refresh_token"]).status_code == 200


def test_client_registers_while_the_keys_cannot_be_read(base_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, registration=settings.OPEN, signing_keys_parameter=NO_LIST)
    asked = {"redirect_uris": ["https://app.example.com/callback"], "userinfo_signed_response_alg": "RS256"}
    answer = requests.post(f"{base_url}/api/v1/oauth/register", json=asked, timeout=10)
    assert answer.status_code == 201, answer.text
    assert "userinfo_signed_response_alg" not in answer.json()
    assert "id_token_signed_response_alg" not in answer.json()
