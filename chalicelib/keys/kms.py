"""Signatures with a key that never leaves AWS KMS.

The list of keys has its public part and names it by its ARN, which cannot be led to another key, as an alias can. So a
function needs kms:Sign and nothing else, and publishing makes no call to KMS.
"""

from __future__ import annotations

import hashlib
import math
from functools import cache
from typing import Any

from chalicelib import clock, deadline, limits, logs, settings
from chalicelib.keys.published_keys import SigningKeyUnavailable
from chalicelib.signing_keys import SigningKey

SIGNING_ALGORITHMS = {
    "RS256": "RSASSA_PKCS1_V1_5_SHA_256",
    "PS256": "RSASSA_PSS_SHA_256",
    "ES256": "ECDSA_SHA_256",
}
_COORDINATE_BYTES = 32  # of P-256
_SEQUENCE, _INTEGER = 0x30, 0x02
_failed: dict[str, tuple[float, str]] = {}  # a key's ARN -> until when it is not asked again, and why


def sign(key: SigningKey, signed: bytes, algorithm: str) -> bytes:
    """The JWS signature of these bytes (RFC 7518 §3). algorithm: one of those that the key signs with.

    Raises SigningKeyUnavailable.

    KMS gets their SHA-256 digest, so their length does not matter to it.
    """
    assert key.kms
    if key.kms not in settings.SETTINGS.signing_kms_keys:
        logs.note(signing_keys=f"{key.key_id} is a KMS key that SIGNING_KMS_KEYS does not name")
        raise SigningKeyUnavailable("NotInSettings")
    until, code = _failed.get(key.kms, (0.0, ""))
    if clock.monotonic() < until:
        raise SigningKeyUnavailable(code)
    signature = _ask_kms(key.kms, SIGNING_ALGORITHMS[algorithm], hashlib.sha256(signed).digest())
    return _raw(signature) if algorithm == "ES256" else signature


def forget() -> None:
    """Forget all clients and failures, as in a new process."""
    _client.cache_clear()
    _failed.clear()


def _ask_kms(arn: str, algorithm: str, digest: bytes) -> bytes:
    from botocore.exceptions import BotoCoreError, ClientError

    def ask() -> Any:
        return _client(arn.split(":")[3]).sign(
            KeyId=arn, Message=digest, MessageType="DIGEST", SigningAlgorithm=algorithm
        )

    try:
        return bytes(deadline.within(math.inf, ask)["Signature"])
    except deadline.DeadlineExceeded as error:
        raise SigningKeyUnavailable(type(error).__name__) from error
    except ClientError as error:  # KMS answered at once, so nothing is gained by not asking it
        raise SigningKeyUnavailable(error.response["Error"]["Code"]) from error
    except BotoCoreError as error:
        _failed[arn] = (clock.monotonic() + limits.SERVER_KEY_RETRY_SECONDS, type(error).__name__)
        raise SigningKeyUnavailable(type(error).__name__) from error


@cache
def _client(region: str) -> Any:
    import boto3  # imported here so that only requests that sign with KMS pay for it
    from botocore.config import Config

    config = Config(
        connect_timeout=limits.STORE_CONNECT_SECONDS,
        read_timeout=limits.STORE_READ_SECONDS,
        retries={"total_max_attempts": limits.SERVICE_TRIES},
    )
    return boto3.client("kms", region_name=region, config=config)


def _raw(der: bytes) -> bytes:
    """R and S one after the other, as JWS has them (RFC 7518 §3.4), of the ASN.1 that KMS answers with (RFC 3279
    §2.2.3): SEQUENCE { r INTEGER, s INTEGER }. All lengths are below 128 for P-256."""
    try:
        r_ends = 4 + der[3]
        r, s = der[4:r_ends], der[r_ends + 2 :]
        if der != bytes((_SEQUENCE, len(der) - 2, _INTEGER, len(r))) + r + bytes((_INTEGER, len(s))) + s:
            raise ValueError("not a sequence of two integers")
        return b"".join(int.from_bytes(number, "big").to_bytes(_COORDINATE_BYTES, "big") for number in (r, s))
    except (ValueError, IndexError, OverflowError) as error:
        raise SigningKeyUnavailable("InvalidSignature") from error
