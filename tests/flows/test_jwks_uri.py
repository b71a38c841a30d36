"""An application that registers may publish its keys, and change them there (RFC 7591 §2, RFC 7517 §5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import requests
from joserfc.jwk import ECKey, Key, RSAKey

from chalicelib import limits, outbound, settings
from chalicelib.models import application, application_edit, throttle
from tests.actors import CALLBACK, Browser
from tests.conftest import Clock
from tests.document_server import DocumentServer, trickle, write
from tests.flows.test_races import at_once
from tests.signing_app import SigningApp
from tests.store_proxy import Fault, StoreProxy

pytestmark = pytest.mark.spec("RFC 7591 §2", "RFC 7523 §3")
HOST = "client.example.com"
PATH = "/jwks.json"
URI = f"https://{HOST}{PATH}"
GONE = partial(write, status=500, kind="application/json", body=b"{}")
CHANGE = "TransactWriteItems"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DocumentServer]:
    server = DocumentServer(tmp_path_factory.mktemp("keys"), HOST)
    yield server
    server.stop()


@pytest.fixture
def site(running: DocumentServer, monkeypatch: pytest.MonkeyPatch) -> DocumentServer:
    """The application's server. Registration is open."""
    for kept in (running.asked, running.connected, running.answers):
        kept.clear()
    running.addresses = ["93.184.215.14"]
    monkeypatch.setattr(outbound, "NETWORK", running.network())
    changed: Any = replace(settings.SETTINGS, registration="open")
    monkeypatch.setattr(settings, "SETTINGS", changed)
    for what in (throttle.named("registration address", "127.0.0.1"), throttle.named("registration")):
        throttle.forget(what, window_seconds=limits.REGISTRATION_WINDOW_SECONDS)
    return running


def a_key() -> ECKey:
    return ECKey.generate_key("P-256", {"use": "sig"}, auto_kid=True)


def publish(site: DocumentServer, *keys: Key) -> None:
    site.answers[PATH] = {"keys": [key.as_dict(private=False) for key in keys]}


def register(base_url: str, **metadata: Any) -> requests.Response:
    described = {
        "client_name": "A bank",
        "redirect_uris": [CALLBACK],
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks_uri": URI,
        **metadata,
    }
    return requests.post(f"{base_url}/api/v1/oauth/register", json=described, timeout=30)


class Bank(SigningApp):
    registered: dict[str, Any]


@pytest.fixture
def bank(base_url: str, site: DocumentServer) -> Bank:
    key = a_key()
    publish(site, key)
    answer = register(base_url)
    assert answer.status_code == 201, answer.text
    made = Bank(base_url, answer.json()["client_id"], "", CALLBACK)
    made.key, made.registered = key, answer.json()
    return made


def tried(bank: Bank, **claims: Any) -> requests.Response:
    """A request that authenticates. Its code is nobody's, which is said only to whom was authenticated."""
    return bank.exchange("none", assertion=bank.assertion(**claims))


def is_known(bank: Bank) -> bool:
    answer = tried(bank)
    assert (answer.status_code, answer.json()["error"]) in ((400, "invalid_grant"), (401, "invalid_client"))
    return answer.status_code == 400


def test_keys_are_fetched_at_registration_and_then_used(john: Browser, bank: Bank, site: DocumentServer) -> None:
    assert bank.registered["jwks_uri"] == URI
    assert "jwks" not in bank.registered
    tokens = bank.connect(john, "Big Events LLC")
    assert bank.refresh(tokens["refresh_token"]).status_code == 200
    assert site.asked == [PATH]
    assert site.connected == ["93.184.215.14"]


def test_new_key_is_fetched_when_it_is_first_used(
    bank: Bank, site: DocumentServer, clock: Clock, store: StoreProxy
) -> None:
    clock.advance(limits.PUBLISHED_KEYS_RETRY_SECONDS)
    old, bank.key = bank.key, a_key()
    publish(site, bank.key)
    with store.count() as calls:
        assert is_known(bank)
    # The application, the claim of the fetch and what it found; then the assertion, as ever.
    assert [call.operation for call in calls][:4] == ["GetItem", CHANGE, CHANGE, CHANGE]
    assert len(site.asked) == 2
    bank.key = old
    assert not is_known(bank)
    assert len(site.asked) == 2


@pytest.mark.spec("docs/operations.md")
def test_known_key_costs_what_a_key_that_was_sent_costs(
    john: Browser, bank: Bank, site: DocumentServer, store: StoreProxy
) -> None:
    sent = SigningApp.registered_by(john)

    def costs(app: SigningApp) -> list[str]:
        with store.count() as calls:
            assert app.exchange("none").json()["error"] == "invalid_grant"
        return [call.operation for call in calls]

    assert costs(bank) == costs(sent)
    assert site.asked == [PATH]


@pytest.mark.spec("RFC 9700 §2.5", "docs/security.md")
def test_garbage_makes_this_server_fetch_once_a_minute_at_most(
    bank: Bank, site: DocumentServer, clock: Clock, store: StoreProxy
) -> None:
    clock.stop()
    good, bank.key = bank.key, a_key()
    assert not is_known(bank)
    assert len(site.asked) == 1, "fetched at registration, within the minute"
    clock.advance(limits.PUBLISHED_KEYS_RETRY_SECONDS)
    answer = tried(bank)
    assert answer.json()["error"] == "invalid_client"
    assert len(site.asked) == 2
    with store.count() as calls:
        answers = at_once(*[partial(tried, bank)] * 8)
    assert {answer.status_code for answer in answers} == {401}
    assert "fetched less than a minute ago" in answers[0].json()["error_description"]
    assert CHANGE not in [call.operation for call in calls], "nor does it claim anything"
    assert len(site.asked) == 2
    clock.advance(limits.PUBLISHED_KEYS_RETRY_SECONDS)
    for wrong in ("x.y.z", "garbage", "e30.e30.", bank.assertion().replace("eyJ", "eyK")):
        proof = {"client_assertion": wrong, "client_id": bank.client_id}
        assert bank.exchange("none", **proof).json()["error"] == "invalid_client"
    assert len(site.asked) == 2, "no key could have signed these"
    bank.key = good
    assert is_known(bank)


@pytest.mark.spec("docs/reliability.md")
def test_of_many_requests_with_a_new_key_one_fetches_it(bank: Bank, site: DocumentServer, clock: Clock) -> None:
    clock.advance(limits.PUBLISHED_KEYS_RETRY_SECONDS)
    bank.key = a_key()
    publish(site, bank.key)
    answers = at_once(*[partial(tried, bank)] * 8)
    codes = Counter(answer.status_code for answer in answers)
    assert set(codes) <= {400, 503}, "authenticated, or asked to repeat the request"
    assert codes[400] >= 1
    for answer in answers:
        if answer.status_code == 503:
            assert (answer.json()["error"], answer.headers["Retry-After"]) == ("temporarily_unavailable", "1")
    assert len(site.asked) == 2
    assert is_known(bank)


@pytest.mark.spec("docs/reliability.md")
@pytest.mark.parametrize(
    "answer", [GONE, {"keys": []}, [], {"keys": [{"kty": "EC"}]}], ids=["500", "empty", "[]", "EC"]
)
def test_keys_stay_if_they_cannot_be_fetched(bank: Bank, site: DocumentServer, clock: Clock, answer: Any) -> None:
    clock.advance(limits.PUBLISHED_KEYS_RETRY_SECONDS)
    site.answers[PATH] = answer
    good, bank.key = bank.key, a_key()
    refused = tried(bank)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert "signed by any of the known keys, and jwks_uri " in refused.json()["error_description"]
    bank.key = good
    assert is_known(bank)
    clock.advance(limits.PUBLISHED_KEYS_FRESH_SECONDS)
    assert is_known(bank), "also when they are old"
    assert len(site.asked) == 3


@pytest.mark.spec("docs/reliability.md")
def test_host_that_hangs_holds_up_one_request_and_not_for_long(
    bank: Bank, site: DocumentServer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "DOCUMENT_FETCH_SECONDS", 1.0)
    clock.advance(limits.PUBLISHED_KEYS_RETRY_SECONDS)
    clock.stop()
    site.answers[PATH] = trickle
    good, bank.key = bank.key, a_key()
    assert "it did not come in time" in tried(bank).json()["error_description"]
    assert tried(bank).status_code == 503, "while the fetch may still be in progress"
    clock.advance(2)
    assert tried(bank).status_code == 401
    bank.key = good
    assert is_known(bank)
    assert len(site.asked) == 2


@pytest.mark.spec("docs/reliability.md")
def test_request_without_time_for_the_fetch_may_be_repeated(
    bank: Bank, site: DocumentServer, clock: Clock, store: StoreProxy
) -> None:
    clock.advance(limits.PUBLISHED_KEYS_RETRY_SECONDS)
    bank.key = a_key()
    publish(site, bank.key)
    with store.before("TransactWriteItems", lambda: clock.take(limits.REQUEST_SECONDS)):
        answer = tried(bank)
    assert answer.status_code == 503
    assert len(site.asked) == 1


@pytest.mark.spec("docs/reliability.md")
def test_store_that_cannot_be_written_keeps_the_keys_and_the_fetch_is_made_later(
    bank: Bank, site: DocumentServer, clock: Clock, store: StoreProxy
) -> None:
    clock.advance(limits.PUBLISHED_KEYS_RETRY_SECONDS)
    good, bank.key = bank.key, a_key()
    publish(site, bank.key)
    with store.fault(Fault.THROTTLED, CHANGE, table="applications"):
        assert tried(bank).status_code == 503
    assert len(site.asked) == 1
    assert is_known(bank)
    bank.key = good
    assert not is_known(bank)


def test_key_that_was_withdrawn_works_for_an_hour_at_most(bank: Bank, site: DocumentServer, clock: Clock) -> None:
    publish(site, a_key())
    assert is_known(bank)
    clock.advance(limits.PUBLISHED_KEYS_FRESH_SECONDS)
    assert not is_known(bank)
    assert len(site.asked) == 2


def test_set_may_have_more_than_the_keys_that_sign(base_url: str, site: DocumentServer) -> None:
    key, other = RSAKey.generate_key(2048, auto_kid=True), ECKey.generate_key("P-384", auto_kid=True)
    encrypts = ECKey.generate_key("P-256", {"use": "enc"}, auto_kid=True)
    publish(site, encrypts, other, key)
    site.answers[PATH]["keys"][2]["x5c"] = ["A" * 9000]
    made = Bank(base_url, register(base_url).json()["client_id"], "", CALLBACK)
    made.key, made.alg = key, "PS256"
    assert is_known(made)
    found = application.get(made.client_id)
    assert found is not None
    assert (found.jwks or "").count("kid") == 1


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (GONE, "its server answers 500"),
        (partial(write, status=302, kind="text/plain", body=b"", Location="https://169.254.169.254/"), "answers 302"),
        ([], "is not JSON"),
        ({"keys": []}, "must be a JWK set with 1 to 10 keys"),
        ({"keys": [7]}, "must be a JWK set of public keys"),
        ({"keys": [a_key().as_dict(private=True)]}, "must be a JWK set of public keys"),
        ({"keys": [ECKey.generate_key("P-384").as_dict(private=False)]}, "must be a JWK set with 1 to 10 keys"),
        ({"keys": [], "x": "x" * 65_536}, "it is larger than 65536 bytes"),
        (partial(write, status=200, kind="text/html", body=b"{}"), "it is not application/json"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_registration_without_usable_keys_is_refused_with_the_reason(
    base_url: str, site: DocumentServer, answer: Any, says: str
) -> None:
    site.answers[PATH] = answer
    refused = register(base_url)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_client_metadata")
    assert refused.json()["error_description"].startswith("jwks_uri ")
    assert says in refused.json()["error_description"]


@pytest.mark.spec("docs/security.md")
@pytest.mark.parametrize(
    "uri",
    [
        f"http://{HOST}{PATH}",
        f"https://{HOST}:8443{PATH}",
        f"https://user@{HOST}{PATH}",
        f"{URI}#x",
        "https://localhost/jwks.json",
        "https://127.0.0.1/jwks.json",
        "file:///etc/passwd",
        "/jwks.json",
        "",
        7,
        [URI],
    ],
    ids=str,
)
def test_keys_at_any_other_address_are_not_fetched(base_url: str, site: DocumentServer, uri: Any) -> None:
    site.addresses = ["127.0.0.1"]
    refused = register(base_url, jwks_uri=uri)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_client_metadata")
    assert refused.json()["error_description"].startswith("jwks_uri ")
    assert site.connected == []


def test_keys_are_sent_or_published(base_url: str, site: DocumentServer) -> None:
    jwks = {"keys": [a_key().as_dict(private=False)]}
    refused = register(base_url, jwks=jwks)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_client_metadata")
    assert refused.json()["error_description"] == "Send jwks or jwks_uri, not both."
    made = register(base_url, jwks=jwks, jwks_uri=None).json()
    assert made["jwks"] == jwks
    assert "jwks_uri" not in made
    assert "jwks_uri" not in register(base_url, token_endpoint_auth_method="client_secret_basic").json()
    assert site.asked == []


@pytest.mark.spec("docs/security.md")
def test_registrations_that_fail_at_the_fetch_count(base_url: str, site: DocumentServer) -> None:
    site.answers[PATH] = GONE
    codes = [register(base_url).status_code for _ in range(limits.REGISTRATIONS_PER_ADDRESS + 2)]
    assert codes == [400] * limits.REGISTRATIONS_PER_ADDRESS + [429] * 2
    assert len(site.asked) == limits.REGISTRATIONS_PER_ADDRESS


@pytest.mark.spec("RFC 7592 §2.2")
def test_update_fetches_the_keys_again_or_replaces_them(base_url: str, bank: Bank, site: DocumentServer) -> None:
    headers = {"Authorization": f"Bearer {bank.registered['registration_access_token']}"}
    update: Callable[..., requests.Response] = partial(
        requests.put, bank.registered["registration_client_uri"], headers=headers, timeout=30
    )
    same = {
        name: bank.registered[name]
        for name in ("client_id", "client_name", "redirect_uris", "token_endpoint_auth_method")
    }
    bank.key = a_key()
    publish(site, bank.key)
    answer = update(json={**same, "jwks_uri": URI})
    assert (answer.status_code, answer.json()["jwks_uri"]) == (200, URI)
    assert is_known(bank)
    site.answers[PATH] = GONE
    assert update(json={**same, "jwks_uri": URI}).json()["error"] == "invalid_client_metadata"
    assert is_known(bank)
    bank.key = a_key()
    jwks = {"keys": [bank.key.as_dict(private=False)]}
    answer = update(json={**same, "jwks": jwks})
    assert answer.json()["jwks"] == jwks
    assert "jwks_uri" not in answer.json()
    assert is_known(bank)
    found = application.get(bank.client_id)
    assert found is not None
    assert {found.jwks_uri, found.jwks_fetched_at, found.jwks_asked_at} == {None}


@pytest.mark.spec("RFC 7592 §2.2", "docs/reliability.md")
def test_keys_of_an_address_that_was_replaced_meanwhile_are_not_kept(
    bank: Bank, site: DocumentServer, clock: Clock
) -> None:
    clock.advance(limits.PUBLISHED_KEYS_RETRY_SECONDS)
    old, bank.key = bank.key, a_key()

    def answer(handler: Any) -> None:
        found = application.get(bank.client_id)
        assert found is not None
        elsewhere = application.Profile("private_key_jwt", jwks=found.jwks, jwks_uri=URI.replace("jwks", "elsewhere"))
        application_edit.edit(bank.client_id, name="A bank", redirect_uris=[CALLBACK], profile=elsewhere)
        publish(site, bank.key)
        site.answers[PATH], document = None, site.answers[PATH]
        write(handler, 200, "application/json", repr(document).replace("'", '"').encode())

    site.answers[PATH] = answer
    assert tried(bank).status_code == 503
    assert not is_known(bank)
    bank.key = old
    assert is_known(bank)


@pytest.mark.spec("FAPI 2.0 §5.3.2.1")
def test_application_with_published_keys_may_be_held_to_fapi(bank: Bank, site: DocumentServer, clock: Clock) -> None:
    application_edit.hold_to_fapi(bank.client_id, is_held=True)
    clock.advance(limits.PUBLISHED_KEYS_RETRY_SECONDS)
    bank.key = a_key()
    publish(site, bank.key)
    pushed = f"{bank.base_url}/api/v1/oauth/par"
    form = {
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "code_challenge": "x" * 43,
        "code_challenge_method": "S256",
    }
    proof = {
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": bank.assertion(),
    }
    assert requests.post(pushed, data={**form, **proof}, timeout=30).status_code == 201
    assert len(site.asked) == 2
