"""The list of signing keys is read strictly, and no message quotes a key."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from chalicelib import limits, signing_keys
from chalicelib.settings import SettingsError, from_environment
from chalicelib.signing_keys import SigningKeysError

RSA: dict[str, Any] = {**RSAKey.generate_key(2048).as_dict(private=True), "kid": "one", "alg": "RS256"}
RSA_2: dict[str, Any] = {**RSAKey.generate_key(2048).as_dict(private=True), "kid": "two", "alg": "RS256"}
EC: dict[str, Any] = {**ECKey.generate_key("P-256").as_dict(private=True), "kid": "ec", "alg": "ES256"}
OKP: dict[str, Any] = {**OKPKey.generate_key("Ed25519").as_dict(private=True), "kid": "ed", "alg": "EdDSA"}
SMALL = {**RSA, "n": RSA["n"][:171]}  # of 1,026 bits at most
PRIVATE = {"d", "p", "q", "dp", "dq", "qi"}
KMS = "arn:aws:kms:eu-central-1:111122223333:key/0a1b2c3d"
pytestmark = pytest.mark.spec("RFC 7517 §4", "RFC 7518 §6")


def jwk_set(*keys: dict[str, Any]) -> str:
    return json.dumps({"keys": list(keys)})


def without(key: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in key.items() if name not in names}


def test_keys_of_all_algorithms_may_sign_beside_each_other() -> None:
    keys = signing_keys.parse(jwk_set(OKP, EC, RSA, {**RSA_2, "status": "next"}), with_private=True)
    assert [(key.key_id, key.algorithm, key.status) for key in keys] == [
        ("ed", "EdDSA", "active"),
        ("ec", "ES256", "active"),
        ("one", "RS256", "active"),
        ("two", "RS256", "next"),
    ]


BROKEN = [
    ("nothing that is JSON", "is not a JSON object with each member once"),
    ("[" * 5000, "is not a JSON object with each member once"),
    ('{"keys": [], "keys": []}', "is not a JSON object with each member once"),
    (json.dumps([RSA]), "is not a JSON object with each member once"),
    (json.dumps({"keys": {}}), "is not a JWK Set"),
    (json.dumps({"keys": ["x"]}), "is not a JWK Set"),
    (jwk_set(), "must have 1 to 6 keys, not 0"),
    (jwk_set(*[EC] * 7), "must have 1 to 6 keys, not 7"),
    (" " * 20_000, "is longer than 16384 characters"),
    (jwk_set(without(RSA, "kid")), "key 1 needs a kid"),
    (jwk_set({**RSA, "kid": "a b"}), "key 1 needs a kid"),
    (jwk_set({**RSA, "kid": 5}), "key 1 needs a kid"),
    (jwk_set({**RSA, "alg": "HS256"}), "key 1 needs an alg: RS256, ES256, EdDSA"),
    (jwk_set({**RSA, "alg": ["RS256"]}), "key 1 needs an alg: RS256, ES256, EdDSA"),
    (jwk_set({**RSA, "alg": "ES256"}), "key 1 needs the kty EC and the crv P-256 for its alg ES256"),
    (jwk_set({**EC, "crv": "P-384"}), "key 1 needs the kty EC and the crv P-256 for its alg ES256"),
    (jwk_set({**RSA, "crv": "P-256"}), "key 1 needs the kty RSA and no crv for its alg RS256"),
    (jwk_set({**RSA, "use": "enc"}), 'key 1 has a use other than "sig"'),
    (jwk_set({**RSA, "status": "on"}), "key 1 needs a status: next, active or retired"),
    (jwk_set({**RSA, "stauts": "next"}), "key 1 has a member that is unknown: stauts"),
    (jwk_set({**RSA, RSA["d"]: "next"}), "key 1 has a member that is unknown: its name is no word"),
    (jwk_set({**RSA, "created": "2026"}), "key 1 has a created that is not a number of seconds since 1970"),
    (jwk_set({**RSA, "created": True}), "key 1 has a created that is not a number of seconds since 1970"),
    (jwk_set(SMALL), "key 1 must have 2048 to 4096 bits"),
    (jwk_set({**RSA, "e": "Aw"}), "key 1 must have the exponent 65537"),
    (jwk_set(without(RSA, "d")), "key 1 lacks d"),
    (jwk_set(without(RSA, "qi")), "key 1 lacks qi"),
    (jwk_set(without(EC, "d")), "key 1 lacks d"),
    (jwk_set({**EC, "x": "AQAB"}), "key 1 has a member of the wrong length"),
    (jwk_set({**OKP, "d": "AQAB"}), "key 1 has a member of the wrong length"),
    (jwk_set({**RSA, "n": "!!"}), "key 1 has a n that is not base64url"),
    (jwk_set({**RSA, "n": "A"}), "key 1 has a n that is not base64url"),
    (jwk_set({**RSA, "n": RSA_2["n"]}), "key 1 has private members that do not belong to its public ones"),
    (jwk_set({**RSA, "d": RSA_2["d"]}), "key 1 has private members that do not belong to its public ones"),
    (jwk_set({**EC, "kms": KMS}), "key 1 has a kms"),
    (jwk_set(RSA, {**RSA_2, "kid": "one", "status": "next"}), "has two keys with the same kid"),
    (jwk_set(RSA, RSA_2), "has 2 keys with the status active for RS256: only one may have it"),
    (
        jwk_set(EC, {**RSA, "status": "next"}, {**RSA_2, "status": "next"}),
        "has 2 keys with the status next for RS256: only one may have it",
    ),
    (jwk_set({**RSA, "status": "next"}), "needs a key with the status active"),
]


@pytest.mark.parametrize(("text", "problem"), BROKEN)
def test_unusable_key_stops_the_start_with_one_line_that_quotes_no_key(text: str, problem: str) -> None:
    with pytest.raises(SettingsError) as error:
        from_environment({"SIGNING_KEYS": text})
    assert str(error.value).startswith(f"SIGNING_KEYS {problem}")
    assert "\n" not in str(error.value)
    assert not any(
        str(key[name])[:12] in str(error.value) for key in (RSA, RSA_2, EC, OKP, SMALL) for name in PRIVATE & set(key)
    )


def test_settings_and_keys_show_no_private_member() -> None:
    made = from_environment({"SIGNING_KEYS": jwk_set(RSA, EC, OKP)})
    keys = signing_keys.parse(made.signing_keys or "", with_private=True)
    for key in (RSA, EC, OKP):
        assert not any(key[name] in repr(made) + repr(keys) for name in PRIVATE & set(key))


def test_list_in_ssm_may_have_no_private_member() -> None:
    with pytest.raises(SigningKeysError, match="key 1 has a private member, which is not kept here: d"):
        signing_keys.parse(jwk_set(EC), with_private=False)


@pytest.mark.parametrize("arn", ["alias/signing", "arn:aws:kms:eu-central-1:111122223333:alias/signing", 5, ""])
def test_kms_key_is_named_by_its_arn(arn: Any) -> None:
    with pytest.raises(SigningKeysError, match="key 1 has a kms that is not the ARN"):
        signing_keys.parse(jwk_set({**without(EC, "d"), "kms": arn}), with_private=False)


def test_kms_signs_with_rsa_and_p_256_only() -> None:
    with pytest.raises(SigningKeysError, match="key 1 has a kms that is not the ARN of a key for RS256 or ES256"):
        signing_keys.parse(jwk_set({**without(OKP, "d"), "kms": KMS}), with_private=False)


def test_list_is_read_as_it_was_written() -> None:
    times = {"created": 1, "published": 2, "activated": 3, "retired": 4}
    text = jwk_set({**without(EC, "d"), "kms": KMS}, {**without(RSA, *PRIVATE), "status": "retired", **times})
    keys = signing_keys.parse(text, with_private=False)
    assert keys[0].kms == KMS
    assert (keys[1].created_at, keys[1].published_at, keys[1].active_at, keys[1].retired_at) == (1, 2, 3, 4)
    assert signing_keys.parse(signing_keys.to_text(keys), with_private=False) == keys


def test_as_many_keys_as_a_list_may_have_fit_into_a_parameter() -> None:
    times = {"created": 1790000000, "published": 1790000000, "activated": 1790000000, "retired": 1790000000}
    large = {**without(RSA, *PRIVATE), "status": "retired", **times, "kms": KMS.replace("0a1b2c3d", "x" * 36)}
    keys = [{**large, "kid": f"{number:016}", "status": "retired" if number else "active"} for number in range(6)]
    text = signing_keys.to_text(signing_keys.parse(jwk_set(*keys), with_private=False))
    assert len(text) <= limits.PARAMETER_LIMIT_CHARACTERS


@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        (
            {"SIGNING_KEYS": jwk_set(EC), "SIGNING_KEYS_PARAMETER": "/lanyard/prod/signing-keys"},
            "Set SIGNING_KEYS_PARAMETER or SIGNING_KEYS, not both",
        ),
        ({"SIGNING_KEYS_PARAMETER": "signing-keys"}, "SIGNING_KEYS_PARAMETER must be a name like /lanyard/prod/"),
        ({"SIGNING_KEYS_PARAMETER": "/lanyard/*"}, "SIGNING_KEYS_PARAMETER must be a name like /lanyard/prod/"),
        (
            {"SIGNING_KEYS_PARAMETER": "/lanyard/prod/signing-keys", "SIGNING_KMS_KEYS": "alias/signing"},
            "SIGNING_KMS_KEYS takes ARNs like",
        ),
        ({"SIGNING_KMS_KEYS": KMS}, "SIGNING_KMS_KEYS needs SIGNING_KEYS_PARAMETER"),
    ],
)
def test_invalid_places_of_keys_are_refused(environment: dict[str, str], problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        from_environment(environment)


def test_start_with_signing_keys_loads_no_cryptography() -> None:
    program = (
        "import sys\n"
        "from chalicelib import settings\n"
        "from chalicelib.keys import signing\n"
        f"settings.load({{'SIGNING_KEYS': {jwk_set(RSA, EC)!r}}})\n"
        "assert len(signing.published()) == 3\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('joserfc', 'cryptography', 'boto3')])\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"
