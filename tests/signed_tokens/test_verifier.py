"""The verifier that APIs copy: what it accepts, and how soon an end counts."""

from __future__ import annotations

import base64
import hmac
import importlib.util
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from chalicelib import settings
from chalicelib.models import (
    application_access,
    application_deletion,
    application_edit,
    consent,
    organizer_members,
    user,
    user_erasure,
)
from chalicelib.protocol.tokens import ended_list
from tests.actors import Browser, ClientApp
from tests.conftest import Clock
from tests.consent_form import answer
from tests.dpop import prove
from tests.public_app import PublicApp
from tests.signed_tokens.conftest import DOOR, TILL, connected, introspected, read

pytestmark = [pytest.mark.spec("RFC 9068 §4", "docs/other-apis.md"), pytest.mark.usefixtures("signs")]
SOURCE = Path(__file__).resolve().parents[2] / "examples" / "protected_api" / "chalicelib" / "lanyard_jwt.py"
_SPEC = importlib.util.spec_from_file_location("lanyard_jwt", SOURCE)
assert _SPEC is not None
assert _SPEC.loader is not None
lanyard_jwt: Any = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(lanyard_jwt)
Check = Callable[..., Any]


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    ended_list.forget()
    yield
    ended_list.forget()


@pytest.fixture
def check(base_url: str) -> Check:
    """What the door makes of a token, with everything fetched anew: the status, or the Access."""

    def made(token: str, *, audience: str = DOOR, **more: Any) -> Any:
        ended_list.forget()
        verifier = lanyard_jwt.Verifier(base_url, audience)
        try:
            return verifier.check(f"Bearer {token}", **more)
        except lanyard_jwt.Refused as refused:
            return refused.status

    return made


def test_good_token_gives_access(john: Browser, shop: ClientApp, check: Check) -> None:
    access = check(connected(shop, john)["access_token"], scope="scan")
    (slug,) = (slug for slug, name in john.user.organizers.items() if name == "Big Events LLC")
    assert (access.subject, access.client_id) == (john.user.user_id, shop.client_id)
    assert (access.scopes, access.organizers) == ({"scan", "list"}, {slug})


def test_token_is_refused_at_another_api_with_too_little_scope_or_if_it_is_opaque(
    john: Browser, shop: ClientApp, check: Check
) -> None:
    token = connected(shop, john)["access_token"]
    assert check(token, audience=TILL) == 401
    assert check(token, scope="open") == 403
    assert check(connected(shop, john, resource=TILL, scope="list")["access_token"]) == 401
    assert check("") == 401


def test_expired_token_is_refused(john: Browser, shop: ClientApp, check: Check, clock: Clock) -> None:
    clock.advance(-1000)
    assert check(connected(shop, john)["access_token"]) == 401


def _b64(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def test_forged_token_is_refused_here_and_by_lanyard(
    john: Browser, shop: ClientApp, door: ClientApp, check: Check, signs: RSAKey
) -> None:
    token = connected(shop, john)["access_token"]
    found = read(shop.base_url, token)
    head, body, signature = token.split(".")
    strangers = RSAKey.generate_key(2048, {"kid": "first"})
    confused = f"{_b64({**found.header, 'alg': 'HS256'})}.{body}"
    by_public_key = hmac.digest(signs.as_pem(private=False), confused.encode(), "sha256")
    forged = [
        f"{_b64({**found.header, 'alg': 'none'})}.{body}.",
        f"{confused}.{base64.urlsafe_b64encode(by_public_key).decode().rstrip('=')}",
        jwt.encode(found.header, found.claims, strangers),
        jwt.encode({**found.header, "kid": "other"}, found.claims, strangers),
        jwt.encode({**found.header, "jwk": strangers.as_dict(private=False)}, found.claims, strangers),
        jwt.encode({**found.header, "typ": "JWT"}, found.claims, signs),
        f"{head}.{_b64({**found.claims, 'scope': 'scan list open'})}.{signature}",
        f"{head}.{body}.",
    ]
    for one in forged:
        assert check(one) == 401, one
        assert introspected(door, one) == {"active": False}, one
        assert shop.revoke(one).status_code == 200
    assert check(token) != 401
    assert introspected(door, token)["active"] is True


@pytest.mark.spec("RFC 9449 §6.1", "RFC 9449 §7.2")
def test_token_that_is_bound_to_a_key_says_so_and_is_no_bearer_token(
    john: Browser, shop: ClientApp, door: ClientApp, check: Check
) -> None:
    key = prove(shop)
    tokens = connected(shop, john)
    assert tokens["token_type"] == "DPoP"
    assert read(shop.base_url, tokens["access_token"]).claims["cnf"] == {"jkt": key.thumbprint}
    assert check(tokens["access_token"]) == 401
    described = introspected(door, tokens["access_token"])
    assert (described["token_type"], described["cnf"]) == ("DPoP", {"jkt": key.thumbprint})


def test_list_itself_is_no_access_token(base_url: str, shop: ClientApp, door: ClientApp, check: Check) -> None:
    listed = ended_list.current(issuer=base_url).token
    assert check(listed) == 401
    assert introspected(door, listed) == {"active": False}


def revoked(app: ClientApp, _: Browser, tokens: dict[str, Any]) -> None:
    assert app.revoke(tokens["access_token"]).status_code == 200


def grant_revoked(app: ClientApp, _: Browser, tokens: dict[str, Any]) -> None:
    assert app.revoke(tokens["refresh_token"]).status_code == 200


def refreshed(app: ClientApp, _: Browser, tokens: dict[str, Any]) -> None:
    assert app.refresh(tokens["refresh_token"]).status_code == 200


def taken_back(app: ClientApp, browser: Browser, __: dict[str, Any]) -> None:
    page = browser.open("/settings/authorized")
    (form,) = (form for form in page.html.find_all("form") if app.client_id in str(form))
    fields = {str(field["name"]): str(field["value"]) for field in form.find_all("input")}
    assert browser.send(page, str(form["action"]), fields).status == 200


def all_taken_back(_: ClientApp, browser: Browser, __: dict[str, Any]) -> None:
    browser.press(browser.open("/settings/authorized/all"), "Revoke all")


def user_disabled(_: ClientApp, browser: Browser, __: dict[str, Any]) -> None:
    user.disable(browser.user.user_id)


def user_erased(_: ClientApp, browser: Browser, __: dict[str, Any]) -> None:
    found = user.find_by_email(browser.user.email)
    assert found is not None
    user_erasure.erase(found)


def application_disabled(app: ClientApp, _: Browser, __: dict[str, Any]) -> None:
    application_edit.disable(app.client_id)


def application_deleted(app: ClientApp, _: Browser, __: dict[str, Any]) -> None:
    application_deletion.delete(app.client_id)


def consents_ended(app: ClientApp, _: Browser, __: dict[str, Any]) -> None:
    consent.end_all(app.client_id)


ENDS = [
    *(revoked, grant_revoked, refreshed, taken_back, all_taken_back, user_disabled, user_erased),
    *(application_disabled, application_deleted, consents_ended),
]


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
def test_token_that_ended_early_is_refused(
    john: Browser, eve: Browser, shop: ClientApp, spa: PublicApp, check: Check, end: Callable[..., None]
) -> None:
    tokens = connected(shop, john)
    others = connected(spa, john), connected(spa, eve, scope="list"), connected(shop, eve, scope="list")
    assert check(tokens["access_token"]) != 401
    end(shop, john, tokens)
    assert check(tokens["access_token"]) == 401
    left = [check(one["access_token"]) != 401 for one in others]
    is_johns = end in (user_disabled, user_erased, all_taken_back)
    is_shops = end in (application_disabled, application_deleted, consents_ended)
    assert left == [not is_johns, True, not is_shops]


def test_replayed_refresh_token_ends_the_jwt(john: Browser, spa: PublicApp, check: Check, clock: Clock) -> None:
    clock.advance(-2 * settings.SETTINGS.refresh_grace_seconds)  # the verifier has its own clock
    first = connected(spa, john)
    second = spa.refresh(first["refresh_token"]).json()
    third = spa.refresh(second["refresh_token"]).json()
    spa.refresh(third["refresh_token"])
    clock.advance(settings.SETTINGS.refresh_grace_seconds)
    latest = spa.refresh(third["refresh_token"])
    assert latest.json()["error"] == "invalid_grant"
    for one in (first, second, third):
        assert check(one["access_token"]) == 401


def test_replayed_code_ends_the_jwt(john: Browser, shop: ClientApp, check: Check) -> None:
    code = answer(john, john.open(shop.authorize_path(resource=DOOR, scope="scan"))).code
    token = shop.exchange(code).json()["access_token"]
    assert check(token) != 401
    assert shop.exchange(code).json()["error"] == "invalid_grant"
    assert check(token) == 401


def test_left_organizer_is_covered_no_more_and_the_others_are(john: Browser, shop: ClientApp, check: Check) -> None:
    page = john.open(shop.authorize_path(resource=DOOR, scope="scan"))
    form = page.form_with("Authorize")
    slugs = list(john.user.organizers)
    fields = {**page.fields("Authorize"), "organizers": slugs}
    token = shop.exchange(john.send(page, str(form["action"]), fields).code).json()["access_token"]
    assert check(token).organizers == set(slugs)
    user.remove_member(john.user.user_id, slugs[0])
    assert check(token).organizers == {slugs[1]}
    organizer_members.remove(slugs[1], [john.user.user_id])  # as the platform's server does (SCIM)
    assert check(token).organizers == frozenset()


def test_own_access_that_the_operator_takes_away_ends(john: Browser, shop: ClientApp, check: Check) -> None:
    slugs = list(john.user.organizers)
    application_access.allow(shop.client_id, ["scan"], slugs)
    token = shop.call_token(grant_type="client_credentials", resource=DOOR).json()["access_token"]
    application_access.allow(shop.client_id, ["scan", "open"], slugs)
    assert check(token).organizers == set(slugs)
    application_access.allow(shop.client_id, ["open"], slugs)
    assert check(token) == 401


def test_own_organizer_that_the_operator_takes_away_is_covered_no_more(
    john: Browser, shop: ClientApp, check: Check
) -> None:
    slugs = list(john.user.organizers)
    application_access.allow(shop.client_id, ["scan"], slugs)
    token = shop.call_token(grant_type="client_credentials", resource=DOOR).json()["access_token"]
    assert check(token).organizers == set(slugs)
    application_access.take_organizer(shop.client_id, slugs[0])
    assert check(token).organizers == {slugs[1]}


def test_connection_after_the_operator_ended_all_is_accepted_at_once(
    john: Browser, shop: ClientApp, check: Check
) -> None:
    connected(shop, john)
    consent.end_all(shop.client_id)
    assert check(connected(shop, john)["access_token"]) != 401


def test_rotated_key_ends_no_token_that_it_signed_as_long_as_it_is_published(
    john: Browser, shop: ClientApp, door: ClientApp, check: Check, signs: RSAKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = connected(shop, john)["access_token"]
    new = RSAKey.generate_key(2048, {"kid": "second", "alg": "RS256"}).as_dict(private=True)
    old = signs.as_dict(private=True)
    for keys, is_good in (
        ([{**new, "status": "active"}, {**old, "status": "retired"}], True),
        ([{**new, "status": "active"}], False),
    ):
        changed: Any = replace(settings.SETTINGS, signing_keys=json.dumps({"keys": keys}))
        monkeypatch.setattr(settings, "SETTINGS", changed)
        assert (check(before) != 401) is is_good
        assert introspected(door, before)["active"] is is_good


def test_token_is_refused_with_503_once_the_list_is_too_old(
    john: Browser, shop: ClientApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = connected(shop, john)["access_token"]
    moments = [1000.0]
    monkeypatch.setattr(lanyard_jwt.time, "monotonic", lambda: moments[0])
    verifier = lanyard_jwt.Verifier(shop.base_url, DOOR, stale_seconds=120)
    assert verifier.check(f"Bearer {token}")
    monkeypatch.setattr(verifier, "_get", _unreachable)
    moments[0] += 119
    assert verifier.check(f"Bearer {token}")
    moments[0] += 2
    with pytest.raises(lanyard_jwt.Refused) as refused:
        verifier.check(f"Bearer {token}")
    assert refused.value.status == 503


def _unreachable(*_: Any) -> Any:
    raise OSError("nobody there")
