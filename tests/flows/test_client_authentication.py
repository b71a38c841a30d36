"""An application authenticates in a way that it registered (RFC 6749 §2.3, RFC 7523)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

from chalicelib import clock as clock_module
from chalicelib import limits
from chalicelib.models import application, application_access, application_edit, store
from chalicelib.models.application import Profile
from tests.actors import CALLBACK, Browser, ClientApp, Page
from tests.conftest import Clock
from tests.signing_app import TYPE, SigningApp, register_with_keys
from tests.store_proxy import Fault, StoreProxy


@pytest.fixture
def posting(a_browser: Callable[..., Browser]) -> ClientApp:
    """An application whose registration named client_secret_post."""
    return naming(a_browser(), application.POST)


def naming(developer: Browser, method: str) -> ClientApp:
    """The developer's new application, for which the operator named the method."""
    app = developer.register_application()
    profile = Profile(auth_method=method, auth_method_named=True)
    application_edit.edit(app.client_id, name="A shop", redirect_uris=[app.redirect_uri], profile=profile)
    return app


@pytest.fixture
def bank(a_browser: Callable[..., Browser]) -> SigningApp:
    return SigningApp.registered_by(a_browser())


@pytest.mark.spec("RFC 6749 §2.3.1", "RFC 7591 §2")
def test_application_that_named_client_secret_post_sends_its_secret_in_the_form_only(
    john: Browser, posting: ClientApp
) -> None:
    page = john.allow(john.open(posting.authorize_path()), "Big Events LLC")
    form: dict[str, Any] = {"grant_type": "authorization_code", "code": page.code, "redirect_uri": CALLBACK}
    inside: dict[str, Any] = {"client_id": posting.client_id, "client_secret": posting.secret}
    assert posting.call_token(**form).status_code == 401
    wrong = posting.call_token(headers={}, **form, **{**inside, "client_secret": "wrong"})
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    twice = posting.call_token(**form, **inside)
    assert (twice.status_code, twice.json()["error"]) == (400, "invalid_request")
    assert posting.call_token(headers={}, **form, **inside).status_code == 200


@pytest.mark.spec("RFC 6749 §2.3.1", "RFC 7591 §2")
def test_application_that_named_client_secret_basic_is_refused_with_its_secret_in_the_form(
    john: Browser, a_browser: Callable[..., Browser]
) -> None:
    shop = naming(a_browser(), application.BASIC)
    tokens = shop.connect(john, "Big Events LLC")
    answer = in_the_form(shop, shop.secret, tokens["refresh_token"])
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert "Basic" in answer.headers["WWW-Authenticate"]
    assert shop.refresh(tokens["refresh_token"]).status_code == 200


def in_the_form(app: ClientApp, secret: str, refresh_token: str) -> requests.Response:
    """A refresh with the secret in the form."""
    form: Any = {"client_id": app.client_id, "client_secret": secret, "refresh_token": refresh_token}
    return app.call_token(headers={}, grant_type="refresh_token", **form)


@pytest.mark.spec("RFC 6749 §2.3.1")
def test_application_sends_its_secret_with_basic_or_in_the_form_each_time_anew(john: Browser, shop: ClientApp) -> None:
    refresh_token = shop.connect(john, "Big Events LLC")["refresh_token"]
    for _ in range(2):
        assert in_the_form(shop, shop.secret, refresh_token).status_code == 200
        assert shop.refresh(refresh_token).status_code == 200
    inside = {"client_id": shop.client_id, "client_secret": shop.secret}
    url = shop.base_url + "/api/v1/oauth/"
    answer = shop.http.post(url + "introspect", data={"token": refresh_token, **inside})
    assert answer.json()["active"] is True
    assert shop.http.post(url + "revoke_token", data={"token": refresh_token, **inside}).status_code == 200


@pytest.mark.spec("RFC 6749 §2.3.1", "RFC 6749 §5.2")
def test_wrong_secret_is_the_same_error_with_basic_and_in_the_form(john: Browser, shop: ClientApp) -> None:
    refresh_token = shop.connect(john, "Big Events LLC")["refresh_token"]
    answers = [shop.refresh(refresh_token, auth=(shop.client_id, "wrong")), in_the_form(shop, "wrong", refresh_token)]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].json() == answers[1].json()
    nothing = shop.refresh(refresh_token, headers={}, client_id=shop.client_id)
    assert nothing.json()["error_description"] == (
        "This application has a secret: send its client id and secret, with HTTP Basic authentication or in the form."
    )


@pytest.mark.spec("RFC 6749 §2.3.1", "RFC 7591 §2")
@pytest.mark.parametrize("method", [application.BASIC, application.POST])
def test_application_stored_by_an_earlier_version_accepts_both_if_a_person_registered_it(
    john: Browser, a_browser: Callable[..., Browser], method: str
) -> None:
    shop = naming(a_browser(), method)
    store.change(application.Application.key(shop.client_id), [application.Application.auth_method_named.remove()])
    refresh_token = shop.connect(john, "Big Events LLC")["refresh_token"]
    assert shop.refresh(refresh_token).status_code == 200
    assert in_the_form(shop, shop.secret, refresh_token).status_code == 200


@pytest.mark.spec("RFC 7591 §2")
def test_settings_page_says_how_an_application_sends_its_secret_and_keeps_it(
    a_browser: Callable[..., Browser],
) -> None:
    developer = a_browser()
    both, posting = developer.register_application(), naming(developer, application.POST)

    def open_form(app: ClientApp) -> Page:
        return developer.open(f"/settings/applications/{app.client_id}")

    assert "in the Authorization header or in the request body" in open_form(both).text
    assert "With its secret in the request body" in open_form(posting).text
    refused = developer.press(open_form(posting), "Save", auth_method="private_key_jwt", jwks="{}")
    assert refused.status == 400
    assert "With its secret in the request body" in refused.text
    developer.press(open_form(posting), "Save", name="Renamed")
    assert posting.refresh("unknown").json()["error"] == "invalid_client"
    assert in_the_form(posting, posting.secret, "unknown").json()["error"] == "invalid_grant"


@pytest.mark.spec("RFC 7523 §2.2", "RFC 7523 §3")
@pytest.mark.parametrize(
    ("alg", "make"),
    [
        ("ES256", lambda: ECKey.generate_key("P-256")),
        ("RS256", lambda: RSAKey.generate_key(2048)),
        ("PS256", lambda: RSAKey.generate_key(2048)),
        ("Ed25519", lambda: OKPKey.generate_key("Ed25519")),
    ],
)
def test_application_that_registered_keys_authenticates_with_signed_assertions(
    john: Browser, a_browser: Callable[..., Browser], alg: str, make: Callable[[], Key]
) -> None:
    bank = SigningApp.registered_by(a_browser(), make(), alg)
    tokens = bank.connect(john, "Big Events LLC")
    answer = bank.refresh(tokens["refresh_token"])
    assert answer.status_code == 200, answer.text
    assert answer.json()["refresh_token"] == tokens["refresh_token"]


@pytest.mark.spec("RFC 7523 §3", "RFC 7519 §4.1.3")
def test_assertion_may_name_the_token_endpoint_as_its_audience(john: Browser, bank: SigningApp) -> None:
    tokens = bank.connect(john, "Big Events LLC")
    address = bank.base_url + "/api/v1/oauth/token"
    answer = bank.refresh(tokens["refresh_token"], assertion=bank.assertion(aud=[address]))
    assert answer.status_code == 200, answer.text


@pytest.mark.spec("RFC 7523 §3", "RFC 7519 §4.1.7")
def test_assertion_is_good_for_one_request(john: Browser, bank: SigningApp, capsys: pytest.CaptureFixture[str]) -> None:
    refresh_token = bank.connect(john, "Big Events LLC")["refresh_token"]
    assertion = bank.assertion()
    assert bank.refresh(refresh_token, assertion=assertion).status_code == 200
    answer = bank.refresh(refresh_token, assertion=assertion)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert '"security_event":"client assertion replayed"' in capsys.readouterr().out


@pytest.mark.spec("RFC 7523 §3")
def test_of_many_requests_with_one_assertion_exactly_one_succeeds(john: Browser, bank: SigningApp) -> None:
    refresh_token = bank.connect(john, "Big Events LLC")["refresh_token"]
    assertion = bank.assertion()
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: bank.refresh(refresh_token, assertion=assertion), range(16)))
    refused = sorted(answer.status_code for answer in answers)[1:]
    assert [answer.status_code for answer in answers].count(200) == 1
    assert set(refused) <= {401, 503}, "the assertion was used, or its first request is still running"
    assert bank.refresh(refresh_token, assertion=assertion).status_code == 401


@pytest.mark.spec("RFC 7523 §3")
def test_two_applications_may_use_the_same_jti(john: Browser, a_browser: Callable[..., Browser]) -> None:
    for bank in (SigningApp.registered_by(a_browser()), SigningApp.registered_by(a_browser())):
        refresh_token = bank.connect(john, "Big Events LLC")["refresh_token"]
        assert bank.refresh(refresh_token, assertion=bank.assertion(jti="1")).status_code == 200


@pytest.mark.spec("RFC 7523 §3", "RFC 7519 §4.1", "RFC 8725 §3.1")
@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "https://elsewhere.example.com"},
        {"aud": None},
        {"aud": ["{base}", "https://elsewhere.example.com"]},
        {"aud": "{base}/"},
        {"aud": "{base}/api/v1/oauth/revoke_token"},
        {"iss": "somebody-else"},
        {"iss": None},
        {"jti": None},
        {"jti": "x" * 256},
        {"jti": ""},
        {"jti": "\u00e4"},
        {"jti": 7},
        {"exp": None},
        {"exp": 1},
        {"exp": "soon"},
        {"exp": 9_999_999_999},
        {"nbf": 9_999_999_999},
        {"iat": 9_999_999_999},
    ],
    ids=str,
)
def test_assertion_with_a_wrong_audience_issuer_id_or_time_is_refused(
    john: Browser, bank: SigningApp, changed: dict[str, Any]
) -> None:
    def filled(value: Any) -> Any:
        if isinstance(value, list):
            return [filled(part) for part in value]
        return value.replace("{base}", bank.base_url) if isinstance(value, str) else value

    refresh_token = bank.connect(john, "Big Events LLC")["refresh_token"]
    assertion = bank.assertion(**{name: filled(value) for name, value in changed.items()})
    answer = bank.refresh(refresh_token, assertion=assertion)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.spec("RFC 7523 §3")
def test_expired_assertion_is_refused(john: Browser, bank: SigningApp, clock: Clock) -> None:
    refresh_token = bank.connect(john, "Big Events LLC")["refresh_token"]
    assertion = bank.assertion()
    clock.advance(60 + limits.ASSERTION_SKEW_SECONDS)
    assert bank.refresh(refresh_token, assertion=assertion).status_code == 401


@pytest.mark.spec("RFC 7523 §3", "RFC 7519 §4.1.4")
@pytest.mark.parametrize("has_iat", [True, False])
@pytest.mark.parametrize("ahead", [-31, -30, 0, 30, 31])
def test_one_minute_assertion_is_accepted_if_clocks_differ_by_up_to_thirty_seconds(
    john: Browser, bank: SigningApp, clock: Clock, ahead: int, has_iat: bool
) -> None:
    refresh_token = bank.connect(john, "Big Events LLC")["refresh_token"]
    then = clock.now() + ahead
    issued = {"iat": then, "nbf": then} if has_iat else {"iat": None}
    assertion = bank.assertion(exp=then + 60, **issued)
    clock.advance(29)  # the assertion takes this long to arrive
    assert bank.refresh(refresh_token, assertion=assertion).status_code == 200


@pytest.mark.spec("RFC 7523 §3", "RFC 6749 §2.3.1")
@pytest.mark.parametrize("changed", [{}, {"iat": None}, {"exp": 600}], ids=str)
def test_used_assertion_is_remembered_until_no_clock_would_accept_it(
    john: Browser, bank: SigningApp, changed: dict[str, Any], store: StoreProxy
) -> None:
    refresh_token = bank.connect(john, "Big Events LLC")["refresh_token"]
    now = clock_module.now()
    if "exp" in changed:
        changed = {"exp": now + changed["exp"]}
    with store.count() as calls:
        assert bank.refresh(refresh_token, assertion=bank.assertion(**changed)).status_code == 200
    kept = next(item["Put"]["Item"] for call in calls for item in call.body.get("TransactItems", ()) if "Put" in item)
    assert int(kept["expires_at"]["N"]) >= changed.get("exp", now + 60) + 300


@pytest.mark.spec("RFC 8725 §3.1", "RFC 8725 §2.1", "RFC 7515 §4.1.1")
def test_assertion_not_signed_with_the_registered_key_is_refused(john: Browser, bank: SigningApp) -> None:
    refresh_token = bank.connect(john, "Big Events LLC")["refresh_token"]
    good = bank.assertion()
    header, payload, signature = good.split(".")

    def encoded(value: dict[str, str]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    public = json.dumps(bank.key.as_dict(private=False))
    as_secret = SigningApp(bank.base_url, bank.client_id, "", CALLBACK)
    as_secret.key, as_secret.alg = OctKey.import_key(public), "HS256"
    forged = {
        "another key": bank.assertion(key=ECKey.generate_key("P-256")),
        "its own key in the header": bank.assertion(
            key=(own := ECKey.generate_key("P-256")), header={"jwk": own.as_dict(private=False)}
        ),
        "no signature": f"{encoded({'alg': 'none'})}.{payload}.",
        "the public key as a secret": as_secret.assertion(),
        "another payload": f"{header}.{bank.assertion(jti='other').split('.')[1]}.{signature}",
        "no JWT": "x",
        "half a JWT": f"{header}.{payload}",
    }
    for name, assertion in forged.items():
        answer = bank.refresh(refresh_token, assertion=assertion)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), name
    assert bank.refresh(refresh_token, assertion=good).status_code == 200


@pytest.mark.spec("RFC 7523 §2.2", "RFC 7521 §4.2", "RFC 6749 §2.3.1")
def test_assertion_is_the_only_credential_in_its_request_and_names_its_own_client(
    john: Browser, bank: SigningApp, shop: ClientApp
) -> None:
    refresh_token = bank.connect(john, "Big Events LLC")["refresh_token"]
    for more in ({"client_secret": "x"}, {"auth": (bank.client_id, "x")}, {"client_id": shop.client_id}):
        answer = bank.refresh(refresh_token, **more)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), more
    answer = bank.refresh(refresh_token, client_assertion_type="urn:something:else")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert bank.refresh(refresh_token, client_id=bank.client_id).status_code == 200


@pytest.mark.spec("RFC 7591 §2")
def test_application_that_registered_a_secret_is_refused_with_an_assertion(john: Browser, shop: ClientApp) -> None:
    refresh_token = shop.connect(john, "Big Events LLC")["refresh_token"]
    forger = SigningApp(shop.base_url, shop.client_id, "", CALLBACK)
    forger.key = ECKey.generate_key("P-256")
    assert forger.refresh(refresh_token).json()["error"] == "invalid_client"
    assert shop.refresh(refresh_token).status_code == 200


@pytest.mark.spec("CVE-2020-15223", "RFC 7523 §3")
@pytest.mark.parametrize("fault", [Fault.INTERNAL_ERROR, Fault.LOSES_ANSWER, Fault.DROPS_CONNECTION])
@pytest.mark.parametrize("lost", ["claim", "effect"])
def test_identical_request_is_accepted_again_after_a_503(
    john: Browser, bank: SigningApp, store: StoreProxy, impatient_client: None, fault: Fault, lost: str
) -> None:
    refresh_token = bank.connect(john, "Big Events LLC")["refresh_token"]
    assertion = bank.assertion()

    with store.fault(fault, "TransactWriteItems", times=1, passed=["claim", "effect"].index(lost)):
        failed = bank.refresh(refresh_token, assertion=assertion)
    assert (failed.status_code, failed.headers["Retry-After"]) == (503, "2")
    answer = bank.refresh(refresh_token, assertion=assertion)
    assert answer.status_code == 200, answer.text
    assert bank.me(answer.json()["access_token"]).status_code == 200
    assert bank.refresh(refresh_token, assertion=assertion).status_code == 401, (
        "the request was answered, so the assertion is used"
    )


@pytest.mark.spec("RFC 7523 §3")
def test_different_request_cannot_use_the_assertion_of_one_that_got_a_503(
    john: Browser, bank: SigningApp, store: StoreProxy, impatient_client: None
) -> None:
    refresh_token = bank.connect(john, "Big Events LLC")["refresh_token"]
    assertion = bank.assertion()
    with store.fault(Fault.INTERNAL_ERROR, "TransactWriteItems", passed=1):
        assert bank.refresh(refresh_token, assertion=assertion).status_code == 503
    narrowed = bank.refresh(refresh_token, assertion=assertion, scope="read")
    form = {"client_assertion_type": TYPE, "client_assertion": assertion, "token": refresh_token}
    elsewhere = [bank.http.post(f"{bank.base_url}/api/v1/oauth/{path}", data=form) for path in ("introspect", "par")]
    assert [answer.status_code for answer in (narrowed, *elsewhere)] == [401, 401, 401]
    assert bank.refresh(refresh_token, assertion=assertion).status_code == 200


@pytest.mark.spec("RFC 7523 §3")
def test_identical_request_is_accepted_again_for_only_a_minute(
    john: Browser, bank: SigningApp, store: StoreProxy, impatient_client: None, clock: Clock
) -> None:
    refresh_token = bank.connect(john, "Big Events LLC")["refresh_token"]
    assertion = bank.assertion(exp=clock.now() + 300)
    with store.fault(Fault.INTERNAL_ERROR, "TransactWriteItems", passed=1):
        assert bank.refresh(refresh_token, assertion=assertion).status_code == 503
    clock.advance(limits.ASSERTION_REPEAT_SECONDS)
    assert bank.refresh(refresh_token, assertion=assertion).status_code == 401


@pytest.mark.spec("RFC 7523 §3", "RFC 9110 §10.2.3")
def test_identical_request_gets_503_while_the_first_one_may_still_be_running(
    john: Browser, bank: SigningApp, store: StoreProxy, impatient_client: None, clock: Clock
) -> None:
    """As if the process died midway: neither the effect nor the release of the claim reached the store."""
    refresh_token = bank.connect(john, "Big Events LLC")["refresh_token"]
    assertion = bank.assertion()
    with (
        store.fault(Fault.DROPS_CONNECTION, "TransactWriteItems", passed=1),
        store.fault(Fault.DROPS_CONNECTION, "UpdateItem"),
    ):
        assert bank.refresh(refresh_token, assertion=assertion).status_code == 503
    early = bank.refresh(refresh_token, assertion=assertion)
    assert (early.status_code, early.json()["error"]) == (503, "temporarily_unavailable")
    clock.advance(int(early.headers["Retry-After"]))
    assert bank.refresh(refresh_token, assertion=assertion).status_code == 200


@pytest.mark.spec("RFC 7523 §3", "RFC 6749 §4.4")
def test_assertion_of_an_answered_request_gives_no_second_token(bank: SigningApp, store: StoreProxy) -> None:
    application_access.allow(bank.client_id, ["read"], [])
    form = {"grant_type": "client_credentials", "assertion": bank.assertion()}
    assert bank.call_token(**form).status_code == 200
    assert bank.call_token(**form).status_code == 401


@pytest.mark.spec("RFC 7517 §4", "RFC 7591 §2")
@pytest.mark.parametrize(
    "jwks",
    [
        "",
        "no JSON",
        "[]",
        '{"keys": []}',
        '{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}',
        '{"keys": [{"kty": "EC", "crv": "P-256", "x": "!", "y": "?"}]}',
        '{"keys": ["x"]}',
        json.dumps({"keys": [ECKey.generate_key("P-256").as_dict(private=True)]}),
        json.dumps({"keys": [{"kty": "RSA", "e": "AQAB", "n": base64.urlsafe_b64encode(b"\xff" * 128).decode()[:-1]}]}),
        json.dumps({"keys": [{"kty": "RSA", "e": "AQAB", "n": base64.urlsafe_b64encode(b"\xff" * 2048).decode()}]}),
        json.dumps({"keys": [{**RSAKey.generate_key(2048).as_dict(private=False), "e": "AQAAAAE"}]}),
        json.dumps({"keys": [{**RSAKey.generate_key(2048).as_dict(private=False), "e": "AQ"}]}),
        json.dumps({"keys": [{**RSAKey.generate_key(2048).as_dict(private=False), "e": "Ag"}]}),
        json.dumps({"keys": [ECKey.generate_key("P-521").as_dict(private=False)]}),
    ],
)
def test_only_public_keys_of_sufficient_strength_can_be_registered(
    a_browser: Callable[..., Browser], jwks: str
) -> None:
    page = register_with_keys(a_browser(), jwks)
    assert page.status == 400
    assert page.html.find(id="jwks-problem") is not None


@pytest.mark.spec("RFC 7523 §3", "RFC 6749 §3.1")
@pytest.mark.parametrize("part", [0, 1], ids=["header", "payload"])
@pytest.mark.parametrize(
    "value", ["[" * 5000 + "]" * 5000, '"\\ud800"', "1e999"], ids=["deep", "surrogate", "infinite"]
)
def test_assertion_that_is_not_strict_json_is_refused(bank: SigningApp, part: int, value: str) -> None:
    parts = bank.assertion().split(".")
    parts[part] = base64.urlsafe_b64encode(f'{{"sub": {value}}}'.encode()).decode().rstrip("=")
    answer = bank.refresh("x", assertion=".".join(parts))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.spec("docs/architecture.md")
def test_old_secret_stops_at_once_by_default(john: Browser, a_browser: Callable[..., Browser]) -> None:
    developer = a_browser()
    shop = developer.register_application()
    refresh_token = shop.connect(john, "Big Events LLC")["refresh_token"]
    developer.press(developer.open(f"/settings/applications/{shop.client_id}/secret"), "Regenerate secret")
    assert shop.refresh(refresh_token).json()["error"] == "invalid_client"


def rotated(developer: Browser, shop: ClientApp, keep_old_seconds: str) -> ClientApp:
    page = developer.open(f"/settings/applications/{shop.client_id}/secret")
    page = developer.press(page, "Regenerate secret", keep_old_seconds=keep_old_seconds)
    secret = page.html.find(id="client-secret")
    assert secret is not None, page.text
    return ClientApp(shop.base_url, shop.client_id, secret.get_text(), shop.redirect_uri)


@pytest.mark.spec("RFC 7591 §2")
def test_old_secret_does_not_return_after_the_application_used_keys_in_between(
    john: Browser, a_browser: Callable[..., Browser]
) -> None:
    developer = a_browser()
    shop = developer.register_application()
    refresh_token = shop.connect(john, "Big Events LLC")["refresh_token"]
    signing = SigningApp(shop.base_url, shop.client_id, "", CALLBACK)
    signing.key = ECKey.generate_key("P-256")
    jwks = json.dumps({"keys": [signing.key.as_dict(private=False)]})
    edit = f"/settings/applications/{shop.client_id}"
    developer.press(developer.open(edit), "Save", auth_method="private_key_jwt", jwks=jwks)
    assert signing.refresh(refresh_token).status_code == 200
    assert shop.refresh(refresh_token).status_code == 401
    page = developer.press(developer.open(edit), "Save", auth_method="secret")
    assert page.title == "Regenerate the secret of A shop?", "the application has no secret and needs one now"
    assert signing.refresh(refresh_token).status_code == 401
    assert shop.refresh(refresh_token).status_code == 401
    assert rotated(developer, shop, "86400").refresh(refresh_token).status_code == 200
    assert shop.refresh(refresh_token).status_code == 401
    rotated(developer, shop, "86400")
    assert "The previous secret keeps working" in developer.open(edit).text
    developer.press(developer.open(edit), "Save", auth_method="private_key_jwt", jwks=jwks)
    assert "The previous secret keeps working" not in developer.open(edit).text


@pytest.mark.spec("docs/architecture.md")
def test_old_and_new_secret_both_work_until_the_date_that_was_chosen(
    john: Browser, a_browser: Callable[..., Browser], clock: Clock
) -> None:
    developer = a_browser()
    old = developer.register_application()
    refresh_token = old.connect(john, "Big Events LLC")["refresh_token"]
    new = rotated(developer, old, "86400")
    assert old.refresh(refresh_token).status_code == 200
    assert new.refresh(refresh_token).status_code == 200
    assert "Previous secret" in developer.open(f"/settings/applications/{old.client_id}").text
    clock.advance(86400)
    assert old.refresh(refresh_token).json()["error"] == "invalid_client"
    assert new.refresh(refresh_token).status_code == 200


@pytest.mark.spec("docs/architecture.md")
def test_old_secret_can_be_ended_early(john: Browser, a_browser: Callable[..., Browser]) -> None:
    developer = a_browser()
    old = developer.register_application()
    refresh_token = old.connect(john, "Big Events LLC")["refresh_token"]
    new = rotated(developer, old, "604800")
    developer.press(developer.open(f"/settings/applications/{old.client_id}"), "End the previous secret now")
    assert [app.refresh(refresh_token).status_code for app in (old, new)] == [401, 200]


@pytest.mark.spec("docs/architecture.md")
@pytest.mark.parametrize("keep", ["2592001", "-1", "x", "9" * 5000, "\u00b2"])
def test_old_secret_kept_for_an_invalid_time_or_over_thirty_days_is_refused(
    a_browser: Callable[..., Browser], keep: str
) -> None:
    developer = a_browser()
    shop = developer.register_application()
    page = developer.open(f"/settings/applications/{shop.client_id}/secret")
    assert developer.press(page, "Regenerate secret", keep_old_seconds=keep).status == 400


@pytest.mark.spec("docs/operations.md")
def test_signed_assertion_costs_two_more_round_trips_than_a_secret(
    john: Browser, bank: SigningApp, shop: ClientApp, store: StoreProxy
) -> None:
    tokens = {app: app.connect(john, "Big Events LLC")["refresh_token"] for app in (bank, shop)}
    with store.count() as calls:
        shop.refresh(tokens[shop])
    assert [call.operation for call in calls] == ["BatchGetItem", "TransactWriteItems"]
    with store.count() as calls:
        bank.refresh(tokens[bank])
    signed = ["BatchGetItem", "TransactWriteItems", "TransactWriteItems", "UpdateItem"]
    assert [call.operation for call in calls] == signed, "read, claim, refresh, record the answer"
