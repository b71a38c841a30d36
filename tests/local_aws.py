"""A MiniStack with SSM, KMS and SQS, for tests of keys and queues: the store of the others may be DynamoDB only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

from chalicelib import signing_keys
from chalicelib.keys import new_key, private_keys
from chalicelib.signing_keys import SigningKey
from infra.laptop.ministack import REGION, MiniStack, free_port


class LocalAws:
    """url: where SSM, KMS and SQS are."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.ssm: Any = boto3.client("ssm", region_name=REGION, endpoint_url=url)
        self.sqs: Any = boto3.client("sqs", region_name=REGION, endpoint_url=url)
        self.kms: Any = boto3.client("kms", region_name=REGION, endpoint_url=url)

    def put(self, name: str, value: str) -> None:
        self.ssm.put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)

    def get(self, name: str) -> str:
        return str(self.ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])

    def put_keys(self, name: str, *keys: SigningKey) -> None:
        """Store the list and the private keys as `manage.py keys` does."""
        for key in keys:
            if key.private:
                self.put(private_keys.parameter_name(name, key.key_id), signing_keys.to_private_text(key))
        self.put(name, signing_keys.to_text(keys))

    def kms_key(self, spec: str, algorithm: str, now: int) -> SigningKey:
        """A new key in KMS. spec: RSA_2048 or ECC_NIST_P256."""
        arn = self.kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
        return new_key.of_kms(arn, algorithm, self.kms.get_public_key(KeyId=arn)["PublicKey"], now)


@contextmanager
def running(folder: Path) -> Iterator[LocalAws]:
    made = MiniStack(free_port(), log=folder / "ministack.log")
    made.wait_until_ready()
    try:
        yield LocalAws(made.url)
    finally:
        made.stop()
