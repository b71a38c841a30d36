"""Pairwise identifiers: no two sectors know a user by the same `sub` (OpenID Connect Core §8)."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from chalicelib import credentials, limits, outbound, settings
from chalicelib.models import sector, throttle
from chalicelib.models import store as storage
from chalicelib.models.application import Application
from chalicelib.models.sector import Sector
from tests.actors import Browser, ClientApp
from tests.document_server import DocumentServer, write
from tests.flows.test_races import at_once
from tests.openid_connect.sign_in import checked, signed_in, user_info
from tests.openid_connect.test_registration import open_to_all
from tests.store_proxy import StoreProxy

__all__ = ["open_to_all"]
pytestmark = [pytest.mark.spec("OpenID Connect Core §8"), pytest.mark.usefixtures("open_to_all")]
HERE, THERE = "https://shop.example.com/callback", "https://cinema.example.net/callback"
HOST = "sectors.example.com"
LIST = f"https://{HOST}/uris.json"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DocumentServer]:
    server = DocumentServer(tmp_path_factory.mktemp("sectors"), HOST)
    yield server
    server.stop()


@pytest.fixture
def documents(running: DocumentServer, monkeypatch: pytest.MonkeyPatch) -> DocumentServer:
    monkeypatch.setattr(outbound, "NETWORK", running.network())
    running.answers.clear()
    running.asked.clear()
    running.connected.clear()
    return running


class Pairwise(ClientApp):
    """An application that registered itself. described: the last answer about its registration."""

    described: dict[str, Any]

    def update(self, **changed: Any) -> requests.Response:
        document = {
            "client_id": self.client_id,
            "redirect_uris": self.described["redirect_uris"],
            "sector_identifier_uri": self.described.get("sector_identifier_uri"),
            **changed,
        }
        given = {name: value for name, value in document.items() if value is not None}
        answer = requests.put(
            self.described["registration_client_uri"],
            json=given,
            headers={"Authorization": f"Bearer {self.described['registration_access_token']}"},
            timeout=30,
        )
        if answer.status_code == 200:
            self.described = answer.json()
        return answer


def ask(base_url: str, *uris: str, **more: Any) -> requests.Response:
    document = {"client_name": "A host", "redirect_uris": list(uris), "subject_type": "pairwise", **more}
    return requests.post(base_url + "/api/v1/oauth/register", json=document, timeout=30)


def registered(base_url: str, *uris: str, **more: Any) -> Pairwise:
    answer = ask(base_url, *uris, **more)
    assert answer.status_code == 201, answer.text
    described = answer.json()
    made = Pairwise(base_url, described["client_id"], described["client_secret"], described["redirect_uris"][0])
    made.described = described
    return made


def sub(app: ClientApp, browser: Browser) -> str:
    return str(signed_in(app, browser)["sub"])


def test_sub_is_the_same_wherever_one_application_is_told(base_url: str, john: Browser) -> None:
    app = registered(base_url, HERE, userinfo_signed_response_alg="RS256")
    tokens = app.connect(john, scope="openid")
    refreshed = app.refresh(tokens["refresh_token"]).json()
    told = [checked(base_url, one["id_token"])["sub"] for one in (tokens, refreshed)]
    signed = checked(base_url, user_info(app, refreshed["access_token"]).text)["sub"]
    mine = app.me(refreshed["access_token"]).json()["sub"]
    introspected = [
        app.http.post(
            base_url + "/api/v1/oauth/introspect", data={"token": refreshed[kind]}, auth=(app.client_id, app.secret)
        ).json()["sub"]
        for kind in ("access_token", "refresh_token")
    ]
    assert len({*told, signed, mine, *introspected}) == 1
    assert told[0] != john.user.user_id
    assert len(told[0]) == 43
    assert john.user.user_id not in json.dumps(checked(base_url, refreshed["id_token"]))


def test_applications_of_one_sector_share_it_and_others_do_not(base_url: str, john: Browser, eve: Browser) -> None:
    mine, sibling = registered(base_url, HERE), registered(base_url, "https://SHOP.example.com/other")
    other = registered(base_url, THERE)
    public = registered(base_url, HERE, subject_type="public")
    assert sub(mine, john) == sub(sibling, john)
    subjects = [sub(mine, john), sub(mine, eve), sub(other, john), sub(public, john)]
    assert len(set(subjects)) == 4
    assert subjects[-1] == john.user.user_id


def test_sid_does_not_tie_sectors_together(base_url: str, john: Browser) -> None:
    mine, sibling, other = (registered(base_url, uri) for uri in (HERE, HERE, THERE))
    public = registered(base_url, HERE, subject_type="public")
    sids = [str(signed_in(app, john)["sid"]) for app in (mine, sibling, other, public)]
    assert sids[0] == sids[1]
    assert len(set(sids)) == 3


def test_registration_says_what_it_got(base_url: str) -> None:
    app = registered(base_url, HERE)
    assert app.described["subject_type"] == "pairwise"
    assert "sector_identifier_uri" not in app.described
    assert not {"sector", "sector_key"} & set(app.described)
    unknown = ask(base_url, HERE, subject_type="ephemeral").json()
    assert unknown["subject_type"] == "public", "what is not known is left out"


@pytest.mark.spec("OpenID Connect Discovery §3")
def test_metadata_lists_both_types(base_url: str) -> None:
    metadata = requests.get(base_url + "/.well-known/openid-configuration", timeout=30).json()
    assert metadata["subject_types_supported"] == ["public", "pairwise"]


@pytest.mark.spec("OpenID Connect Core §8.1")
@pytest.mark.parametrize(
    "uris",
    [(HERE, THERE), (HERE, "http://127.0.0.1/callback"), ("http://127.0.0.1/callback",), ("com.example.app:/back",)],
)
def test_without_one_host_there_must_be_a_document(base_url: str, uris: tuple[str, ...]) -> None:
    answer = ask(base_url, *uris, token_endpoint_auth_method="none", application_type="native")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")
    assert "sector_identifier_uri" in answer.json()["error_description"]


@pytest.mark.spec("OpenID Connect Core §8.1", "OpenID Connect Registration §5")
def test_document_makes_one_sector_of_several_hosts(base_url: str, john: Browser, documents: DocumentServer) -> None:
    documents.answers["/uris.json"] = [HERE, THERE]
    both = registered(base_url, HERE, THERE, sector_identifier_uri=LIST)
    assert both.described["sector_identifier_uri"] == LIST
    assert documents.asked == ["/uris.json"]
    one = registered(base_url, THERE, sector_identifier_uri=LIST)
    alone = registered(base_url, THERE)
    assert sub(both, john) == sub(one, john) != sub(alone, john)


@pytest.mark.spec("OpenID Connect Registration §5")
@pytest.mark.parametrize(
    ("document", "says"),
    [
        ([HERE], f"does not list {THERE}"),
        ([HERE, THERE, 5], "is not a JSON array of URLs"),
        ({"uris": [HERE, THERE]}, "is not a JSON array of URLs"),
        (lambda handler: write(handler, 200, "application/json", b"[" * 5000), "is not a JSON array of URLs"),
        (lambda handler: write(handler, 200, "application/json", b'["' + b"x" * 9000 + b'"]'), "is larger than"),
        (lambda handler: write(handler, 302, "text/html", b"", Location=LIST), "redirects are not followed"),
        (lambda handler: write(handler, 404, "application/json", b"[]"), "answers 404"),
    ],
)
def test_document_that_does_not_fit_is_refused(
    base_url: str, documents: DocumentServer, document: Any, says: str
) -> None:
    documents.answers["/uris.json"] = document
    answer = ask(base_url, HERE, THERE, sector_identifier_uri=LIST)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")
    assert says in answer.json()["error_description"]


@pytest.mark.spec("docs/security.md")
@pytest.mark.parametrize(
    "uri", ["http://sectors.example.com/x", "https://169.254.169.254/x", "https://a@b.example.com/", "no address", 5]
)
def test_sector_identifier_uri_leads_nowhere_inside(base_url: str, documents: DocumentServer, uri: Any) -> None:
    answer = ask(base_url, HERE, THERE, sector_identifier_uri=uri)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")
    assert documents.connected == []


@pytest.mark.spec("docs/security.md")
def test_private_address_behind_a_public_name_is_not_reached(base_url: str, documents: DocumentServer) -> None:
    documents.addresses[:] = ["10.0.0.1"]
    try:
        answer = ask(base_url, HERE, THERE, sector_identifier_uri=LIST)
    finally:
        documents.addresses[:] = ["93.184.215.14"]
    assert "an address that is not public" in answer.json()["error_description"]
    assert documents.asked == []


def test_other_redirect_uris_never_change_who_users_are(
    base_url: str, john: Browser, documents: DocumentServer
) -> None:
    app = registered(base_url, HERE)
    before = sub(app, john)
    assert app.update(redirect_uris=[HERE, "https://shop.example.com/second"]).status_code == 200
    assert app.described["subject_type"] == "pairwise", "an update need not repeat it"
    refused = app.update(redirect_uris=[THERE])
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_client_metadata")
    assert "known by identifiers for shop.example.com" in refused.json()["error_description"]
    for wanted in ("public", "pairwise"):
        other = app if wanted == "public" else registered(base_url, HERE, subject_type="public")
        refused = other.update(subject_type=wanted)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_client_metadata")
    assert sub(app, john) == before


@pytest.mark.spec("OpenID Connect Core §8.1")
def test_application_moves_to_another_host_with_its_document(
    base_url: str, john: Browser, documents: DocumentServer
) -> None:
    documents.answers["/uris.json"] = [HERE]
    app = registered(base_url, HERE, sector_identifier_uri=LIST)
    before = sub(app, john)
    documents.asked.clear()
    assert app.update(client_name="Another name").status_code == 200
    assert documents.asked == [], "nothing is fetched for addresses that are known"
    assert app.update(redirect_uris=[THERE]).status_code == 400
    documents.answers["/uris.json"] = [THERE]
    assert app.update(redirect_uris=[THERE]).status_code == 200
    app.redirect_uri = THERE
    assert sub(app, john) == before


def test_updates_with_documents_are_limited(base_url: str, documents: DocumentServer) -> None:
    app = registered(base_url, HERE)
    what = throttle.named("sector documents", app.client_id)
    for _ in range(limits.DOCUMENT_FETCHES_PER_USER):
        throttle.count_try(what, window_seconds=limits.DOCUMENT_WINDOW_SECONDS)
    answer = app.update(redirect_uris=[THERE], sector_identifier_uri=LIST)
    assert answer.status_code == 429
    assert documents.asked == []


@pytest.mark.spec("OpenID Connect Core §3.1.2.1", "OpenID Connect Core §5.5")
def test_hint_and_claims_name_the_user_as_the_application_knows_them(
    base_url: str, john: Browser, eve: Browser
) -> None:
    app = registered(base_url, HERE)
    hint = app.connect(john, scope="openid")["id_token"]
    known = checked(base_url, hint)["sub"]
    claims = json.dumps({"id_token": {"sub": {"value": known}}})
    by_id = json.dumps({"id_token": {"sub": {"value": john.user.user_id}}})
    for asked in ({"id_token_hint": hint}, {"claims": claims}):
        assert john.open(app.authorize_path(scope="openid", prompt="none", **asked)).code
        assert "login_required" in eve.open(app.authorize_path(scope="openid", prompt="none", **asked)).text
    refused = john.open(app.authorize_path(scope="openid", prompt="none", claims=by_id))
    assert "login_required" in refused.text, "an application cannot test whether a user id is its user's"


def test_key_survives_new_server_keys_and_new_signing_keys(
    base_url: str, john: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sub(registered(base_url, HERE), john)
    changed: Any = dataclasses.replace(settings.SETTINGS, server_key="k" * 64, previous_server_keys=())
    monkeypatch.setattr(settings, "SETTINGS", changed)
    assert sub(registered(base_url, HERE), john) == before


def test_sector_has_one_key_whoever_asks_first(base_url: str) -> None:
    name = f"{credentials.new_serial().lower()}.example.com"
    uri = f"https://{name}/callback"
    apps = [registered(base_url, uri) for _ in range(2)]
    stored = [storage.read(Application.key(app.client_id))[0] for app in apps]
    (kept,) = storage.read(Sector.key(name))
    assert kept is not None
    assert {found.sector_key for found in stored if found} == {kept.pairwise_key} == {sector.key_of(name)}
    assert urlsplit(uri).hostname == kept.name


@pytest.mark.spec("docs/architecture.md")
def test_of_many_first_registrations_at_once_all_get_one_key(base_url: str) -> None:
    uri = f"https://{credentials.new_serial().lower()}.example.com/callback"
    answers = at_once(*[lambda: ask(base_url, uri)] * 8)
    found = [storage.read(Application.key(answer.json()["client_id"]))[0] for answer in answers]
    assert [answer.status_code for answer in answers] == [201] * 8
    assert len({one.sector_key for one in found if one}) == 1


def test_pairwise_identifiers_cost_no_round_trip(base_url: str, john: Browser, store: StoreProxy) -> None:
    app = registered(base_url, HERE)
    code = john.allow(john.open(app.authorize_path(scope="openid"))).code
    with store.count() as calls:
        tokens = app.exchange(code).json()
        assert user_info(app, tokens["access_token"]).status_code == 200
    assert [call.operation for call in calls] == ["BatchGetItem", "TransactWriteItems", "BatchGetItem"]


def test_registration_without_them_reads_no_sector(base_url: str, store: StoreProxy) -> None:
    with store.count() as calls:
        registered(base_url, HERE, subject_type="public")
    assert not any("sectors" in str(call) for call in calls)
