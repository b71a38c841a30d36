"""/settings/applications: a user registers, edits and deletes applications and manages their secrets."""

from __future__ import annotations

import pytest

from chalicelib.models import application, application_edit, registration_form, user
from tests.actors import CALLBACK, Browser, ClientApp, Page
from tests.store_proxy import Fault, StoreProxy

NEW = "/settings/applications/new"


def listed(browser: Browser) -> list[str]:
    return [heading.get_text() for heading in browser.open("/settings/applications").html.select(".list h2")]


def problems(page: Page, field: str) -> list[str]:
    """The messages beside a field, which a screen reader reads together with it."""
    beside = {"name": "name-problem", "redirect_uris": "uris-problem"}[field]
    (label,) = page.html.select(f"#{field}")
    assert beside in str(label["aria-describedby"]).split()
    return [item.get_text() for item in page.html.select(f"p#{beside}, #{beside} li")]


@pytest.mark.spec("docs/architecture.md", "docs/security.md", "CVE-2020-10187", "RFC 6749 §10.10")
def test_client_secret_is_shown_once_and_never_stored(john: Browser) -> None:
    assert listed(john) == []
    assert "You have not registered an application yet" in john.open("/settings/applications").text
    mine = john.register_application("Mine")
    assert mine.secret.startswith("lycs_")
    assert listed(john) == ["Mine"]
    of_it = f"/settings/applications/{mine.client_id}"
    for path in ("/settings/applications", of_it, of_it + "/secret", of_it + "/delete", mine.authorize_path()):
        page = john.open(path).response.text
        assert "Mine" in page
        assert mine.secret not in page
        assert "lycs_" not in page
    stored = application.get(mine.client_id)
    assert stored is not None
    assert mine.secret not in str(stored.to_simple_dict())


@pytest.mark.spec("docs/architecture.md")
def test_second_click_on_register_makes_no_second_application(john: Browser) -> None:
    page = john.open(NEW)
    first = john.press(page, "Register", name="Mine", redirect_uris=CALLBACK)
    second = john.press(page, "Register", name="Mine again", redirect_uris=CALLBACK)
    assert first.title == "Mine: client secret"
    assert second.title == "Mine"
    assert listed(john) == ["Mine"]
    secret = first.html.find(id="client-secret")
    assert secret is not None
    client_id = second.path.rpartition("/")[2]
    assert ClientApp(john.base_url, client_id, secret.get_text(), CALLBACK).exchange("x").json()["error"] != (
        "invalid_client"
    )


@pytest.mark.spec("docs/architecture.md", "RFC 7591 §5")
@pytest.mark.parametrize("page_of", ["new", "edit"])
def test_invalid_input_is_kept_and_explained_beside_its_field(john: Browser, page_of: str) -> None:
    mine = john.register_application("Mine")
    path, button = (NEW, "Register") if page_of == "new" else (f"/settings/applications/{mine.client_id}", "Save")
    typed = "https://a.example.com/\nhttp://b.example.com/\nc.example.com"
    page = john.press(john.open(path), button, name=" ", redirect_uris=typed)
    assert page.status == 400
    assert problems(page, "name") == ["The name must not be empty."]
    named = [problem.split(" must ")[0] for problem in problems(page, "redirect_uris")]
    assert named == ["Line 2: http://b.example.com/", "Line 3: c.example.com"]
    assert page.field("name") == " "
    assert [area.get_text().strip() for area in page.html.select("#redirect_uris")] == [typed]
    page = john.press(page, button, name="x" * 256, redirect_uris=" \n ")
    assert problems(page, "name") == ["The name must not be longer than 255 characters."]
    assert problems(page, "redirect_uris") == ["Enter at least one redirect URL."]
    assert page.field("name") == "x" * 256
    many = "\n".join(f"https://a.example.com/{number}" for number in range(21))
    page = john.press(page, button, name="a\tb", redirect_uris=many)
    assert problems(page, "name") == ["The name must not contain line breaks or other control characters."]
    assert problems(page, "redirect_uris") == ["Enter at most 20 redirect URLs."]
    page = john.press(page, button, name="Øl & <b>", redirect_uris=f"  {CALLBACK}  \n\n{CALLBACK}")
    assert page.status == 200
    assert "Øl & <b>" in listed(john)
    assert len(listed(john)) == (2 if page_of == "new" else 1)


@pytest.mark.spec("docs/architecture.md")
@pytest.mark.parametrize("page_of", ["new", "edit"])
def test_application_name_must_not_look_like_the_name_of_the_service(john: Browser, page_of: str) -> None:
    mine = john.register_application("Mine")
    path, button = (NEW, "Register") if page_of == "new" else (f"/settings/applications/{mine.client_id}", "Save")
    page = john.press(john.open(path), button, name="L\u0430nyard Support", redirect_uris=CALLBACK)
    assert page.status == 400
    assert problems(page, "name") == ["The name must not contain the name of this service, Lanyard, or look like it."]
    assert listed(john) == ["Mine"]


@pytest.mark.spec("docs/architecture.md")
def test_name_that_the_operator_gave_survives_an_edit_of_other_fields(john: Browser) -> None:
    found = user.find_by_email(john.user.email)
    assert found is not None
    made, _ = registration_form.register(found, name="Lanyard for phones", redirect_uris=[CALLBACK])
    path = f"/settings/applications/{made.client_id}"
    assert john.press(john.open(path), "Save", redirect_uris="https://new.example/cb").path == "/settings/applications"
    assert listed(john) == ["Lanyard for phones"]
    assert john.press(john.open(path), "Save", name="Lanyard for all").status == 400


@pytest.mark.spec("docs/architecture.md", "RFC 9700 §2.1", "RFC 6749 §3.1.2.3")
def test_edited_application_uses_its_new_name_and_redirect_urls(john: Browser, eve: Browser) -> None:
    mine = john.register_application("Mine")
    tokens = mine.connect(eve, "Other Org")
    page = john.open(f"/settings/applications/{mine.client_id}")
    assert (page.title, page.field("name")) == ("Mine", "Mine")
    page = john.press(page, "Save", name="Ours", redirect_uris="https://shop.example.com/new")
    assert page.path == "/settings/applications"
    assert listed(john) == ["Ours"]
    assert eve.open(mine.authorize_path()).status == 400, "the old redirect URL is no longer registered"
    page = eve.open(mine.authorize_path(redirect_uri="https://shop.example.com/new", approval_prompt="force"))
    assert page.title == "Authorize Ours?"
    assert mine.me(tokens["access_token"]).status_code == 200


@pytest.mark.spec("docs/architecture.md")
def test_regenerated_secret_stops_the_old_one_at_once(john: Browser, eve: Browser) -> None:
    mine = john.register_application("Mine")
    tokens = mine.connect(eve, "Other Org")
    page = john.open(f"/settings/applications/{mine.client_id}/secret")
    assert page.title == "Regenerate the secret of Mine?"
    assert mine.refresh(tokens["refresh_token"]).status_code == 200, "opening the page changes nothing"
    page = john.press(page, "Regenerate secret")
    old = mine.refresh(tokens["refresh_token"])
    assert (old.status_code, old.json()["error"]) == (401, "invalid_client")
    shown = page.html.find(id="client-secret")
    assert shown is not None
    assert shown.get_text() != mine.secret
    mine.secret = shown.get_text()
    assert mine.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.spec("docs/architecture.md")
def test_deleted_application_is_gone_at_once_and_permanently(john: Browser, eve: Browser) -> None:
    registration = john.open(NEW)
    page = john.press(registration, "Register", name="Mine", redirect_uris=CALLBACK)
    ids = [str(element.get_text()) for element in page.html.select("#client-id, #client-secret")]
    mine = ClientApp(john.base_url, ids[0], ids[1], CALLBACK)
    tokens = mine.connect(eve, "Other Org")
    code = eve.open(mine.authorize_path()).code
    page = john.press(john.open(f"/settings/applications/{mine.client_id}/delete"), "Delete application")
    assert page.path == "/settings/applications"

    def is_gone() -> None:
        assert listed(john) == []
        assert mine.me(tokens["access_token"]).status_code == 401
        assert mine.refresh(tokens["refresh_token"]).json()["error"] == "invalid_client"
        assert mine.exchange(code).json()["error"] == "invalid_client"
        assert eve.open(mine.authorize_path()).status == 400
        assert "Mine" not in eve.open("/settings/authorized").text
        assert john.open(f"/settings/applications/{mine.client_id}").status == 404

    is_gone()
    # Sending the registration form once more must not restore what users had authorized.
    john.press(registration, "Register", name="Mine", redirect_uris="https://evil.example/")
    is_gone()


@pytest.mark.spec("docs/architecture.md")
def test_another_users_application_is_not_found(john: Browser, eve: Browser) -> None:
    mine = john.register_application("Mine")
    assert listed(eve) == []
    secret_of_eves = eve.open("/settings/applications/" + eve.register_application("Hers").client_id + "/secret")
    for client_id in (mine.client_id, "AAAAAAAAAAAAAAAA", mine.client_id + "x" * 300):
        for action in ("", "/secret", "/delete"):
            path = f"/settings/applications/{client_id}{action}"
            for page in (eve.open(path), eve.send(secret_of_eves, path, {"csrf_token": "x", "name": "Eve's"})):
                assert (page.status, page.title) == (404, "Not found")
                assert "Mine" not in page.text
    assert listed(john) == ["Mine"]


@pytest.mark.spec("docs/architecture.md")
def test_owner_is_told_that_an_application_is_disabled(john: Browser) -> None:
    mine = john.register_application("Mine")
    application_edit.disable(mine.client_id)
    assert "Disabled by an administrator" in john.open("/settings/applications").text


@pytest.mark.spec("RFC 6749 §4.1.2.1")
@pytest.mark.parametrize("path", ["", "/new", "/x", "/x/secret", "/x/delete"])
def test_visitor_is_sent_to_the_sign_in_page(base_url: str, path: str) -> None:
    visitor = Browser(base_url)
    page = visitor.open("/settings/applications" + path)
    assert (page.path, page.title) == ("/login", "Sign in")
    if path:
        page = visitor.send(page, "/settings/applications" + path, {"csrf_token": "x"})
        assert (page.path, page.title) == ("/login", "Sign in")


def test_secret_is_shown_even_if_the_stores_confirmation_is_lost(john: Browser, store: StoreProxy) -> None:
    page = john.open("/settings/applications/new")
    with store.fault(Fault.LOSES_ANSWER, "TransactWriteItems", times=1):
        page = john.press(page, "Register", name="Lost", redirect_uris="https://shop.example.com/")
    assert page.html.find(id="client-secret"), page.text


@pytest.mark.spec("docs/architecture.md")
def test_character_that_reverses_text_affects_only_the_address_it_is_in(john: Browser) -> None:
    page = john.open("/settings/applications/new")
    page = john.press(page, "Register", name="Mine", redirect_uris="https://\u202eelpmaxe.example.com/")
    (line,) = page.html.select("#uris-problem li")
    assert line.get_text().startswith("Line 1: \u2068https://\u202eelpmaxe.example.com/\u2069 ")
