"""An application that signs people in and calls an API that takes signed tokens, in one connection."""

from __future__ import annotations

import base64
import hashlib

import pytest

from tests.actors import Browser, ClientApp
from tests.conftest import Clock
from tests.openid_connect.sign_in import checked, user_info
from tests.public_app import PublicApp
from tests.signed_tokens.conftest import connected, read

pytestmark = [pytest.mark.spec("RFC 9068 §2.2.1"), pytest.mark.usefixtures("signs")]


def half_hash(token: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()[:16]).decode().rstrip("=")


def test_signed_access_token_and_id_token_say_the_same_of_who_signed_in(john: Browser, shop: ClientApp) -> None:
    tokens = connected(shop, john, scope="openid scan", nonce="n-1")
    access, identity = read(shop.base_url, tokens["access_token"]), checked(shop.base_url, tokens["id_token"])
    assert identity["at_hash"] == half_hash(tokens["access_token"])
    assert (access.claims["sub"], access.claims["auth_time"]) == (identity["sub"], identity["auth_time"])
    assert "nonce" not in access.claims


def test_refresh_renews_both_and_a_repeated_one_gets_both_again(john: Browser, spa: PublicApp, clock: Clock) -> None:
    clock.stop()
    tokens = connected(spa, john, scope="openid scan")
    first = spa.refresh(tokens["refresh_token"]).json()
    assert first == spa.refresh(tokens["refresh_token"]).json()
    assert checked(spa.base_url, first["id_token"])["at_hash"] == half_hash(first["access_token"])
    assert read(spa.base_url, first["access_token"]).claims["auth_time"] > 0


def test_signed_access_token_is_no_token_for_user_info(john: Browser, shop: ClientApp) -> None:
    tokens = connected(shop, john, scope="openid scan")
    assert user_info(shop, tokens["access_token"]).status_code == 401


def test_id_token_is_no_access_token(john: Browser, shop: ClientApp) -> None:
    tokens = connected(shop, john, scope="openid scan")
    assert user_info(shop, tokens["id_token"]).status_code == 401
