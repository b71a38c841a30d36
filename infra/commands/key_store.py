"""The stage's signing keys in SSM, as `manage.py keys` reads and writes them.

The list is one parameter, so each step of a rotation is one write. A private key is a parameter of its own below it:
it is written before the list names it, and deleted after the list has forgotten it. A command that is interrupted in
between leaves a private key that nothing uses.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chalicelib import clock, limits, settings, signing_keys
from chalicelib.keys import kms, new_key, private_keys, published_keys
from chalicelib.keys.rotation import Keys
from chalicelib.signing_keys import SigningKey
from infra.commands import fail

_SPECS = {"RSA_2048": "RS256", "RSA_3072": "RS256", "RSA_4096": "RS256", "ECC_NIST_P256": "ES256"}


class KeyStore:
    """The keys of the stage at hand. Every method ends the command with one line if AWS refuses."""

    def __init__(self) -> None:
        self.name = settings.SETTINGS.signing_keys_parameter or ""
        if settings.SETTINGS.signing_keys:
            fail(
                "This stage's keys are in SIGNING_KEYS. These commands change only keys in SSM: SIGNING_KEYS_PARAMETER."
            )
        if not self.name:
            fail(
                "This stage signs nothing. Set SIGNING_KEYS_PARAMETER in .chalice/config.json: docs/deploy/rotation.md."
            )
        self._version = 0
        self._text = ""

    def read(self) -> Keys:
        """The list; empty if there is none yet."""
        with _aws_errors():
            try:
                found = _client("ssm").get_parameter(Name=self.name, WithDecryption=True)["Parameter"]
            except _client("ssm").exceptions.ParameterNotFound:
                return ()
        self._version, self._text = int(found["Version"]), str(found["Value"])
        try:
            return signing_keys.parse(self._text, with_private=False)
        except signing_keys.SigningKeysError as error:
            fail(f"{self.name} {error}. Earlier versions: aws ssm get-parameter-history --name {self.name}.")

    def write(self, keys: Keys) -> None:
        """Store the list that follows the one that was read."""
        text = signing_keys.to_text(keys)
        if len(text) > limits.PARAMETER_LIMIT_CHARACTERS:
            fail(f"The list would be longer than {limits.PARAMETER_LIMIT_CHARACTERS} characters. Retire a key first.")
        with _aws_errors():
            version = self._put(self.name, text)
            if version == self._version + 1:
                return
            # SSM has no conditional write, so another operator's change can only be noticed afterwards. A write that
            # boto3 sent twice, because its answer was lost, is not one.
            before = _client("ssm").get_parameter(Name=f"{self.name}:{version - 1}", WithDecryption=True)["Parameter"]
        if before["Value"] != text:
            fail(
                f"Somebody else changed {self.name} at the same time, and this command replaced that change (version"
                f" {version - 1}). Run keys list, and repeat the command whose change is missing."
            )

    def keep_private(self, key: SigningKey) -> None:
        with _aws_errors():
            self._put(private_keys.parameter_name(self.name, key.key_id), signing_keys.to_private_text(key))

    def forget_private(self, key_id: str) -> None:
        with _aws_errors():
            try:
                _client("ssm").delete_parameter(Name=private_keys.parameter_name(self.name, key_id))
            except _client("ssm").exceptions.ParameterNotFound:
                pass

    def private_keys(self) -> dict[str, int]:
        """The ids of all private keys that are stored, and when, in seconds since the epoch. Other parameters below the
        list are not ours, and nothing deletes them."""
        with _aws_errors():
            pages = _client("ssm").get_paginator("get_parameters_by_path").paginate(Path=self.name)
            stored = {
                str(one["Name"]).removeprefix(f"{self.name}/"): int(one["LastModifiedDate"].timestamp())
                for page in pages
                for one in page["Parameters"]
            }
        return {key_id: at for key_id, at in stored.items() if new_key.KEY_ID.fullmatch(key_id)}

    def check_signs(self, key: SigningKey) -> None:
        """End the command unless what the key signs can be verified with what is published."""
        from joserfc.jwk import import_key
        from joserfc.jws import JWSRegistry

        try:
            sign = kms.sign if key.kms else private_keys.sign
            signature = sign(key, b"check", key.algorithm)
        except published_keys.SigningKeyUnavailable as error:
            where = key.kms or private_keys.parameter_name(self.name, key.key_id)
            fail(f"{key.key_id} cannot sign: {error.code}. Look at {where}. The list was not changed.")
        if not JWSRegistry.algorithms[key.algorithm].verify(b"check", signature, import_key(key.published)):
            fail(f"{key.key_id} signs with another key than the published one. The list was not changed.")

    def of_kms(self, arn: str) -> SigningKey:
        """A new entry for a key in KMS, which SIGNING_KMS_KEYS must name."""
        if arn not in settings.SETTINGS.signing_kms_keys:
            fail(f"SIGNING_KMS_KEYS does not name {arn}. Add it, run make policies, and deploy.")
        with _aws_errors():
            found = _client("kms", arn.split(":")[3]).get_public_key(KeyId=arn)
        algorithm = _SPECS.get(found["KeySpec"])
        if algorithm is None or found["KeyUsage"] != "SIGN_VERIFY":
            fail(f"{arn} must be a key for SIGN_VERIFY with one of the key specs {', '.join(_SPECS)}.")
        return new_key.of_kms(arn, algorithm, found["PublicKey"], clock.now())

    @staticmethod
    def _put(name: str, value: str) -> int:
        answer = _client("ssm").put_parameter(
            Name=name, Value=value, Type="SecureString", Tier="Standard", Overwrite=True
        )
        return int(answer["Version"])


@functools.cache
def _client(service: str, region: str | None = None) -> Any:
    import boto3
    from botocore.config import Config

    config = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 2})
    return boto3.client(service, region_name=region, config=config)


@contextmanager
def _aws_errors() -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        fail(f"AWS refused {error.operation_name}: {error.response['Error']['Code']}.{_REPEAT}")
    except BotoCoreError as error:
        fail(f"Cannot use AWS: {type(error).__name__}. Check the region and the credentials.{_REPEAT}")


_REPEAT = " If something was changed, keys list shows it; repeat the command."
