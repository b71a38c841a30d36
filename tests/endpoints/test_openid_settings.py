"""The settings of an application that signs people in, on its developer's page; only on a stage that signs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from bs4 import Tag

from chalicelib import limits, outbound
from chalicelib.models import application, application_edit, sector, throttle
from chalicelib.models.application import Application
from tests.actors import CALLBACK, Browser, ClientApp, Page
from tests.document_server import DocumentServer
from tests.flows.test_fapi import registered

pytestmark = pytest.mark.spec("OpenID Connect Registration §2")
HOST = "pages.example.com"
LIST = f"https://{HOST}/uris.json"
THERE = "https://cinema.example.net/callback"
FIELDS = ("id_token_alg", "userinfo_signed", "default_max_age", "pairwise", "sector_identifier_uri")
PAIRWISE = "Pairwise identifiers Only applications at the same host know people by the same sub."
CHANGES = "If you change this, your application knows everybody by another sub than before."


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
    return running


def settings_of(browser: Browser, mine: ClientApp) -> Page:
    return browser.open(f"/settings/applications/{mine.client_id}")


def save(browser: Browser, mine: ClientApp, *, tick: tuple[str, ...] = (), **fields: str) -> Page:
    return browser.press(settings_of(browser, mine), "Save", tick=tick, **fields)


def stored(mine: ClientApp) -> Application:
    found = application.get(mine.client_id)
    assert found is not None
    return found


def said(found: Application) -> dict[str, Any]:
    """What is stored of these settings."""
    names = ("id_token_alg", "userinfo_signed", "userinfo_alg", "default_max_age", "sector", "sector_key")
    return {name: value for name in names if (value := getattr(found, name)) is not None}


def problem(page: Page, field: str) -> str:
    """What is said about this field, which a screen reader reads together with it."""
    (found,) = page.html.find_all(attrs={"name": field})
    assert isinstance(found, Tag)
    assert found["aria-invalid"] == "true"
    beside = str(found["aria-describedby"]).split()[-1]
    (text,) = page.html.select(f"#{beside}")
    details = found.find_parent("details")
    assert isinstance(details, Tag)
    assert details.has_attr("open"), "a problem is in sight"
    return text.get_text()


@pytest.mark.usefixtures("signing_key")
def test_developer_chooses_how_people_are_signed_in(john: Browser) -> None:
    mine = john.register_application("Mine")
    page = settings_of(john, mine)
    assert [page.field(name) for name in ("default_max_age", "sector_identifier_uri")] == ["", ""]
    tick = ("Sign UserInfo Your application gets it as a JWT instead of JSON.", f"{PAIRWISE} {CHANGES}")
    page = save(john, mine, tick=tick, id_token_alg="PS256", default_max_age="3600")
    assert page.path == "/settings/applications"
    found = stored(mine)
    assert (found.id_token_alg, found.userinfo_signed, found.default_max_age) == ("PS256", True, 3600)
    assert (found.sector, found.sector_key) == ("shop.example.com", sector.key_of("shop.example.com"))
    shown = settings_of(john, mine)
    (details,) = (one for one in shown.html.find_all("details") if "OpenID Connect" in one.summary.get_text())
    assert details.has_attr("open")
    assert "Only applications of \u2068shop.example.com\u2069 know people by the same sub" in details.get_text()
    assert john.press(shown, "Save").path == "/settings/applications"
    assert stored(mine).attribute_values == found.attribute_values, "saving again changes nothing"


@pytest.mark.usefixtures("signing_key")
def test_new_application_can_have_them_from_the_start(john: Browser) -> None:
    page = john.open("/settings/applications/new")
    page = john.press(page, "Register", tick=(PAIRWISE,), name="Mine", redirect_uris=CALLBACK, default_max_age="0")
    client_id = page.html.find(id="client-id")
    assert client_id is not None
    found = application.get(client_id.get_text())
    assert found is not None
    assert said(found) == {"sector": "shop.example.com", "sector_key": found.sector_key, "default_max_age": 0}


@pytest.mark.usefixtures("signing_key")
def test_settings_can_be_taken_back(john: Browser) -> None:
    mine = john.register_application("Mine")
    save(john, mine, tick=(f"{PAIRWISE} {CHANGES}",), id_token_alg="PS256", default_max_age="60")
    page = settings_of(john, mine)
    fields: dict[str, Any] = page.fields("Save")
    del fields["pairwise"]
    john.send(page, f"/settings/applications/{mine.client_id}", {**fields, "id_token_alg": "", "default_max_age": ""})
    assert said(stored(mine)) == {}


@pytest.mark.usefixtures("signing_key")
@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("default_max_age", "soon", "whole number of seconds"),
        ("default_max_age", "-1", "whole number of seconds"),
        ("sector_identifier_uri", LIST, "It is for pairwise identifiers"),
    ],
)
def test_value_that_cannot_be_is_shown_with_the_reason(john: Browser, field: str, value: str, says: str) -> None:
    mine = john.register_application("Mine")
    page = save(john, mine, tick=(), **{field: value})
    assert page.status == 400
    assert says in problem(page, field)
    assert page.field(field) == value
    assert getattr(stored(mine), field) is None


@pytest.mark.usefixtures("signing_key")
def test_new_form_with_such_a_value_is_shown_again(john: Browser) -> None:
    new = john.open("/settings/applications/new")
    page = john.press(new, "Register", name="Mine", redirect_uris=CALLBACK, default_max_age="soon")
    assert page.status == 400
    assert "whole number of seconds" in problem(page, "default_max_age")


@pytest.mark.usefixtures("signing_key")
def test_algorithm_that_was_not_offered_is_refused(john: Browser) -> None:
    mine = john.register_application("Mine")
    assert save(john, mine, id_token_alg="none").status == 400


@pytest.mark.spec("FAPI 2.0 §5.4.1")
@pytest.mark.usefixtures("signing_key")
def test_fapi_application_is_not_promised_rs256(john: Browser) -> None:
    mine = registered(john, fapi="on")
    page = save(john, mine, id_token_alg="RS256")
    assert (page.status, problem(page, "id_token_alg")) == (
        400,
        "The FAPI 2.0 Security Profile does not allow RS256.",
    )
    assert save(john, mine, id_token_alg="PS256").path == "/settings/applications"


@pytest.mark.spec("OpenID Connect Core §8.1")
@pytest.mark.usefixtures("signing_key")
def test_several_hosts_need_a_document_which_is_fetched_when_they_change(
    john: Browser, documents: DocumentServer
) -> None:
    mine = john.register_application("Mine", CALLBACK, THERE)
    tick = (f"{PAIRWISE} {CHANGES}",)
    page = save(john, mine, tick=tick)
    assert "need https:// redirect URLs at one host" in problem(page, "sector_identifier_uri")
    documents.answers["/uris.json"] = [CALLBACK]
    page = save(john, mine, tick=tick, sector_identifier_uri=LIST)
    assert f"does not list {THERE}" in problem(page, "sector_identifier_uri")
    documents.answers["/uris.json"] = [CALLBACK, THERE]
    assert save(john, mine, tick=tick, sector_identifier_uri=LIST).path == "/settings/applications"
    assert (stored(mine).sector, stored(mine).sector_identifier_uri) == (HOST, LIST)
    documents.asked.clear()
    assert save(john, mine, name="Ours").path == "/settings/applications"
    assert documents.asked == []
    page = save(john, mine, redirect_uris="https://third.example.org/callback")
    assert "does not list https://third.example.org/callback" in problem(page, "sector_identifier_uri")
    assert stored(mine).sector == HOST


@pytest.mark.spec("OpenID Connect Core §8.1")
@pytest.mark.usefixtures("signing_key")
def test_other_host_does_not_silently_make_strangers_of_all_users(john: Browser) -> None:
    mine = john.register_application("Mine")
    save(john, mine, tick=(f"{PAIRWISE} {CHANGES}",))
    page = save(john, mine, redirect_uris=THERE)
    assert page.status == 400
    assert "known by identifiers for shop.example.com" in problem(page, "sector_identifier_uri")
    assert stored(mine).sector == "shop.example.com"
    assert list(stored(mine).redirect_uris) == [CALLBACK]


@pytest.mark.usefixtures("signing_key")
def test_documents_for_one_developer_are_limited(john: Browser, documents: DocumentServer) -> None:
    mine = john.register_application("Mine", CALLBACK, THERE)
    what = throttle.named("sector documents", john.user.user_id)
    for _ in range(limits.DOCUMENT_FETCHES_PER_USER):
        throttle.count_try(what, window_seconds=limits.DOCUMENT_WINDOW_SECONDS)
    page = save(john, mine, tick=(f"{PAIRWISE} {CHANGES}",), sector_identifier_uri=LIST)
    assert "Try again later" in problem(page, "sector_identifier_uri")
    assert documents.asked == []


@pytest.mark.usefixtures("signs_nothing")
def test_stage_that_does_not_sign_shows_nothing_of_it_and_keeps_what_is_stored(john: Browser) -> None:
    mine = john.register_application("Mine")
    application_edit.know_users_by(mine.client_id, "shop.example.com", "a key", None)
    page = settings_of(john, mine)
    assert "OpenID" not in page.text
    assert not any(page.html.find(attrs={"name": name}) for name in FIELDS)
    assert save(john, mine, name="Ours", id_token_alg="PS256", default_max_age="5").path == "/settings/applications"
    found = stored(mine)
    assert (found.name, found.sector, found.sector_key) == ("Ours", "shop.example.com", "a key")
    assert "id_token_alg" not in said(found)
    assert "default_max_age" not in said(found)
