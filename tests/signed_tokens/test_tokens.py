"""An API that checks tokens by itself gets JWTs (RFC 9068); all others stay opaque."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from chalicelib import limits, settings
from chalicelib.endpoints.api.lambda_authorizer import Unauthorized, authorizer
from chalicelib.keys import signing
from chalicelib.models import application_access, application_edit, ended_tokens, sector, store, user
from chalicelib.models.access_token import AccessToken
from tests.actors import Browser, ClientApp
from tests.catalogues import use
from tests.conftest import Clock
from tests.consent_form import answer
from tests.flows.test_optional_permissions import DEVICE_GRANT, device
from tests.public_app import PublicApp
from tests.signed_tokens.conftest import DOOR, TILL, catalogue, connected, introspected, read
from tests.store_proxy import StoreProxy

pytestmark = [pytest.mark.spec("RFC 9068 §2"), pytest.mark.usefixtures("signs")]


def test_token_for_an_api_that_takes_jwts_says_all_that_the_api_needs(
    john: Browser, shop: ClientApp, clock: Clock
) -> None:
    clock.stop()
    tokens = connected(shop, john)
    found = read(shop.base_url, tokens["access_token"])
    assert found.header == {"alg": "RS256", "kid": "first", "typ": "at+jwt"}
    (slug,) = (slug for slug, name in john.user.organizers.items() if name == "Big Events LLC")
    jti, handles = found.claims.pop("jti"), found.claims.pop("ends_with")
    assert found.claims == {
        "iss": shop.base_url,
        "aud": DOOR,
        "sub": john.user.user_id,
        "client_id": shop.client_id,
        "scope": "list scan",
        "iat": clock.now(),
        "exp": clock.now() + 900,
        "organizers": [slug],
    }
    assert (tokens["expires_in"], tokens["token_type"], tokens["scope"]) == (900, "Bearer", "scan")
    assert len(jti) > 40
    assert len(set(handles)) == 4


@pytest.mark.spec("RFC 9068 §6", "OpenID Connect Core §8")
def test_token_of_an_application_with_pairwise_identifiers_has_its_own(
    john: Browser, shop: ClientApp, door: ClientApp
) -> None:
    key = sector.key_of("shop.example.com")
    application_edit.know_users_by(shop.client_id, "shop.example.com", key, None)
    token = connected(shop, john)["access_token"]
    told = read(shop.base_url, token).claims["sub"]
    assert told == introspected(door, token)["sub"] == introspected(shop, token)["sub"] != john.user.user_id
    opaque = connected(shop, john, resource=None, scope="list")["access_token"]
    assert introspected(shop, opaque)["sub"] == told


def test_tokens_for_other_apis_and_for_all_of_them_stay_opaque(john: Browser, shop: ClientApp) -> None:
    for resource in (None, TILL):
        tokens = connected(shop, john, resource=resource, scope="list")
        assert tokens["access_token"].startswith("lyat_")


def test_our_own_api_takes_no_jwt(john: Browser, shop: ClientApp, monkeypatch: pytest.MonkeyPatch) -> None:
    token = connected(shop, john)["access_token"]
    for answered in (shop.me(token), shop.organizers(token)):
        assert (answered.status_code, answered.json()["error"]) == (401, "invalid_token")
    use(monkeypatch, catalogue().replace(DOOR, shop.base_url))
    tokens = connected(shop, john, resource=shop.base_url, approval_prompt="force")
    assert tokens["access_token"].startswith("lyat_")
    assert shop.organizers(tokens["access_token"]).status_code == 200


def test_refresh_gives_a_new_jwt_and_the_one_before_is_no_longer_active(
    john: Browser, shop: ClientApp, door: ClientApp
) -> None:
    first = connected(shop, john)
    second = shop.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] == first["refresh_token"]
    ids = {read(shop.base_url, one["access_token"]).claims["jti"] for one in (first, second)}
    assert len(ids) == 2
    assert introspected(door, first["access_token"]) == {"active": False}
    assert introspected(door, second["access_token"])["active"] is True


def test_refresh_narrows_the_scope_of_a_jwt(john: Browser, shop: ClientApp) -> None:
    tokens = connected(shop, john)
    narrow = shop.refresh(tokens["refresh_token"], scope="list").json()
    assert (narrow["scope"], read(shop.base_url, narrow["access_token"]).claims["scope"]) == ("list", "list")
    assert shop.refresh(tokens["refresh_token"], scope="open").json()["error"] == "invalid_scope"


def test_one_grant_gives_tokens_of_either_kind(john: Browser, shop: ClientApp, door: ClientApp) -> None:
    tokens = connected(shop, john, resource=None, scope="scan list")
    signed = shop.refresh(tokens["refresh_token"], resource=DOOR).json()["access_token"]
    assert read(shop.base_url, signed).claims["aud"] == DOOR
    opaque = shop.refresh(tokens["refresh_token"], resource=TILL).json()["access_token"]
    assert opaque.startswith("lyat_")
    assert introspected(door, signed) == {"active": False}
    listed = {str(entry.handle) for entry in ended_tokens.page().entries}
    assert listed & set(read(shop.base_url, signed).claims["ends_with"])


@pytest.mark.parametrize(
    "key",
    [
        RSAKey.generate_key(2048, {"kid": "rsa", "alg": "RS256"}),
        OKPKey.generate_key("Ed25519", {"kid": "ed", "alg": "EdDSA"}),
        ECKey.generate_key("P-256", {"kid": "ec", "alg": "ES256"}),
    ],
    ids=["RS256", "EdDSA", "ES256"],
)
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_repeated_refresh_of_a_public_application_gives_the_same_jwt(
    john: Browser, spa: PublicApp, monkeypatch: pytest.MonkeyPatch, clock: Clock, key: Any
) -> None:
    kept = json.dumps({"keys": [{**key.as_dict(private=True), "status": signing.ACTIVE}]})
    changed: Any = replace(settings.SETTINGS, signing_keys=kept)
    monkeypatch.setattr(settings, "SETTINGS", changed)
    tokens = connected(spa, john)
    first = spa.refresh(tokens["refresh_token"]).json()
    clock.advance(7)
    again = spa.refresh(tokens["refresh_token"]).json()
    assert again["refresh_token"] == first["refresh_token"]
    assert again["expires_in"] in (first["expires_in"] - 7, first["expires_in"] - 8)
    claims = [read(spa.base_url, one["access_token"]).claims for one in (first, again)]
    assert claims[0] == claims[1]
    if key["alg"] == "ES256":  # whose signatures are random
        assert again["access_token"] != first["access_token"]
    else:
        assert again["access_token"] == first["access_token"]


def test_application_gets_signed_tokens_of_its_own(john: Browser, shop: ClientApp, door: ClientApp) -> None:
    slug = next(iter(john.user.organizers))
    application_access.allow(shop.client_id, ["scan"], [slug])
    token = shop.call_token(grant_type="client_credentials", resource=DOOR).json()["access_token"]
    claims = read(shop.base_url, token).claims
    assert (claims["sub"], claims["client_id"]) == (shop.client_id, shop.client_id)
    assert (claims["scope"], claims["organizers"]) == ("list scan", [slug])
    assert introspected(door, token)["active"] is True


def test_jwt_ends_no_later_than_what_it_allows(john: Browser, shop: ClientApp, clock: Clock) -> None:
    clock.stop()
    page = john.open(shop.authorize_path(resource=DOOR, scope="scan open"))
    tokens = shop.exchange(answer(john, page, "open").code).json()
    clock.advance(3000)
    refreshed = shop.refresh(tokens["refresh_token"]).json()
    assert refreshed["expires_in"] == 600
    assert read(shop.base_url, refreshed["access_token"]).claims["exp"] == clock.now() + 600
    assert shop.refresh(tokens["refresh_token"], scope="scan").json()["expires_in"] == 900


@pytest.mark.parametrize("too_many", [0, 1])
def test_jwt_for_many_organizers_lists_them_or_says_how_many(
    shop: ClientApp, a_browser: Callable[..., Browser], door: ClientApp, too_many: int
) -> None:
    count = limits.SIGNED_TOKEN_ORGANIZERS_LIMIT + too_many
    somebody = a_browser(*(f"Organizer {number}" for number in range(count)))
    page = somebody.open(shop.authorize_path(resource=DOOR, scope="scan"))
    form = page.form_with("Authorize")
    fields = {**page.fields("Authorize"), "organizers": list(somebody.user.organizers)}
    exchanged = shop.exchange(somebody.send(page, str(form["action"]), fields).code)
    assert exchanged.status_code == 200, exchanged.text
    token = exchanged.json()["access_token"]
    claims = read(shop.base_url, token).claims
    told = {"organizers_count": count} if too_many else {"organizers": sorted(somebody.user.organizers)}
    assert {name: claims[name] for name in claims if name.startswith("organizers")} == told
    assert len(token) < 8000
    assert introspected(door, token)["organizers"] == sorted(somebody.user.organizers)


@pytest.mark.spec("RFC 6749 §6")
def test_of_many_refreshes_at_once_one_jwt_lives_and_the_others_are_listed(
    john: Browser, shop: ClientApp, door: ClientApp
) -> None:
    tokens = connected(shop, john)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: shop.refresh(tokens["refresh_token"]), range(8)))
    made = [one.json()["access_token"] for one in answers if one.status_code == 200]
    assert all(one.status_code in (200, 503) for one in answers)
    assert made
    listed = {str(entry.handle) for entry in ended_tokens.page().entries}
    lives = [token for token in made if not listed & set(read(shop.base_url, token).claims["ends_with"])]
    assert len(lives) == 1
    assert [token for token in made if introspected(door, token)["active"]] == lives


def test_device_gets_a_jwt(john: Browser) -> None:
    app = device(john)
    url, auth = f"{app.base_url}/api/v1/oauth/device_authorization", (app.client_id, app.secret)
    codes = app.http.post(url, data={"scope": "scan", "resource": DOOR}, auth=auth).json()
    answer(john, john.open("/device", user_code=codes["user_code"]))
    tokens = app.call_token(grant_type=DEVICE_GRANT, device_code=codes["device_code"]).json()
    assert read(app.base_url, tokens["access_token"]).claims["client_id"] == app.client_id


@pytest.mark.spec("docs/other-apis.md")
def test_authorizer_takes_no_jwt(john: Browser, shop: ClientApp, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, catalogue(), apis=f"abc123 {DOOR}")
    token = connected(shop, john)["access_token"]
    arn = "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/GET/tickets"
    with pytest.raises(Unauthorized):
        authorizer({"type": "TOKEN", "authorizationToken": f"Bearer {token}", "methodArn": arn}, None)


def test_jwt_covers_no_organizer_that_the_user_has_left(john: Browser, shop: ClientApp) -> None:
    tokens = connected(shop, john)
    (slug,) = (slug for slug, name in john.user.organizers.items() if name == "Big Events LLC")
    page = john.open(shop.authorize_path(resource=DOOR, scope="scan"))
    code = page.code if page.left_to else answer(john, page).code
    user.remove_member(john.user.user_id, slug)
    refreshed = shop.refresh(tokens["refresh_token"]).json()
    assert "organizers" not in read(shop.base_url, refreshed["access_token"]).claims
    refused = shop.exchange(code)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert "left one of the organizers" in refused.json()["error_description"]


def test_changing_the_catalogue_changes_the_next_token_and_not_the_ones_before(
    john: Browser, shop: ClientApp, door: ClientApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, catalogue("opaque"))
    tokens = connected(shop, john)
    opaque = tokens["access_token"]
    use(monkeypatch, catalogue("jwt"))
    assert introspected(door, opaque)["active"] is True
    signed = shop.refresh(tokens["refresh_token"]).json()["access_token"]
    assert introspected(door, opaque) == {"active": False}
    use(monkeypatch, catalogue("opaque"))
    assert introspected(door, signed)["active"] is True
    assert shop.refresh(tokens["refresh_token"]).json()["access_token"].startswith("lyat_")
    assert introspected(door, signed) == {"active": False}


@pytest.mark.spec("docs/operations.md")
def test_jwt_takes_no_more_round_trips_than_an_opaque_token(john: Browser, shop: ClientApp, store: StoreProxy) -> None:
    page = john.open(shop.authorize_path(resource=DOOR, scope="scan"))
    code = answer(john, page).code
    with store.count() as calls:
        tokens = shop.exchange(code).json()
        for _ in range(2):
            assert shop.refresh(tokens["refresh_token"]).status_code == 200
    assert [call.operation for call in calls] == ["BatchGetItem", "TransactWriteItems"] * 3
    assert [len(call.body["TransactItems"]) for call in calls[1::2]] == [5, 4, 4]  # a refresh lists the one before


@pytest.mark.spec("docs/operations.md")
def test_opaque_refresh_writes_what_it_wrote_before(john: Browser, shop: ClientApp, store: StoreProxy) -> None:
    tokens = connected(shop, john, resource=TILL, scope="list")
    with store.count() as calls:
        assert shop.refresh(tokens["refresh_token"]).status_code == 200
    (write,) = (call for call in calls if call.operation == "TransactWriteItems")
    assert len(write.body["TransactItems"]) == 3
    assert "signed" not in str(write.body)


def test_code_is_not_used_up_if_nothing_can_be_signed(
    john: Browser, shop: ClientApp, signs: RSAKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = answer(john, john.open(shop.authorize_path(resource=DOOR, scope="scan"))).code
    with monkeypatch.context() as patched:
        waiting: Any = replace(settings.SETTINGS, signing_keys='{"keys": []}')
        patched.setattr(settings, "SETTINGS", waiting)
        assert shop.exchange(code).status_code >= 500
    assert shop.exchange(code).status_code == 200


def test_item_of_a_jwt_has_no_token_that_could_be_used(john: Browser, shop: ClientApp) -> None:
    token = connected(shop, john)["access_token"]
    claims = read(shop.base_url, token).claims
    (item,) = store.read(AccessToken.key(claims["jti"].partition(".")[0]))
    assert item is not None
    assert item.signed
    for made_up in (claims["jti"], item.token_digest, f"lyat_{item.grant_id}"):
        assert shop.me(made_up).status_code == 401


def test_nothing_is_imported_for_signing_until_something_is_signed(signs: RSAKey) -> None:
    code = "import sys, app; print('chalicelib.keys.signing' in sys.modules, 'joserfc' in sys.modules)"
    keys = json.dumps({"keys": [{**signs.as_dict(private=True), "status": signing.ACTIVE}]})
    environment = {**os.environ, "LANYARD_STAGE": "prod", "PUBLIC_URL": "", "SIGNING_KEYS": keys}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["True", "False"]
