"""A walk through every page, for the tests that check each of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import requests
from playwright.sync_api import Page

from chalicelib import credentials, limits, pages
from chalicelib.models import application, organizer, ownership, pushed_request, store, user
from chalicelib.models.application import Profile
from chalicelib.models.user import User
from chalicelib.protocol.authorization import pushed_requests
from chalicelib.protocol.rules import paths
from tests.actors import CALLBACK, Person
from tests.browser.steps import sign_in, submit
from tests.mailbox import Mailbox

SETTINGS = "/settings/applications"
CHOSEN = "a new and better one"
_TEMPLATES = Path(pages.__path__[0]) / "templates"


# Shown if an operator has not set up email, which cannot happen in the local stage. It has its own test.
NOT_LOCAL = {"mail_not_set_up.html"}
# Shown with other settings, in tests of their own: test_identity_providers.py, test_sign_in_for_applications.py,
# test_sign_out_for_applications.py.
ELSEWHERE = {"link_identity.html", "form_post.html", "end_session.html", "signed_out.html"}


def every_page() -> set[str]:
    """The names of the templates in the folder that are whole pages."""
    return {path.name for path in _TEMPLATES.iterdir() if _is_page(path)} - NOT_LOCAL - ELSEWHERE


def _is_page(path: Path) -> bool:
    return path.is_file() and '{% extends "base.html" %}' in path.read_text(encoding="utf-8")


def walk(
    page: Page, base_url: str, box_office: str, person: Person, stranger: Person, mailbox: Mailbox
) -> Iterator[str]:
    """Open one page after another and yield the name of its template. `stranger` belongs to no organizer."""
    yield from _mailed_links(page, base_url, person, mailbox)
    person = replace(person, password=CHOSEN)
    yield from _signed_out(page, base_url, box_office, person)
    yield from _consent(page, box_office)
    yield from _unanswerable(page, base_url, person)
    yield from _own_applications(page, base_url)
    yield from _owners(page, base_url, person, stranger)
    yield _without_programs(page, base_url, person)
    yield from _authorized(page, base_url)
    yield from _account(page, base_url, person)
    page.goto(f"{base_url}/login?switch=1")
    sign_in(page, stranger)
    page.goto(f"{box_office}/connect")
    yield "no_organizer.html"
    for number in range(limits.ORGANIZERS_FILTERED_FROM):
        slug = credentials.new_serial().lower()
        organizer.create(slug, f"Hall {number}")
        user.add_member(stranger.user_id, slug)
    page.goto(f"{box_office}/connect")
    page.get_by_role("checkbox").first.check()
    page.locator("#find").fill("hall 7")
    page.locator("#find").press("Enter")
    page.get_by_role("status").wait_for()
    yield "consent.html"  # with a search field for organizers


def _signed_out(page: Page, base_url: str, box_office: str, person: Person) -> Iterator[str]:
    page.goto(f"{base_url}/")
    yield "home.html"
    page.goto(f"{base_url}/api/v1/oauth/authorize?client_id=nobody&redirect_uri=https://x.example.com/%3Cb%3E")
    yield "not_this_application.html"
    page.goto(f"{box_office}/connect")
    yield "sign_in.html"
    page.locator("#email").fill(person.email)
    page.locator("#password").fill("a wrong one")
    submit(page)
    yield "sign_in.html"
    sign_in(page, person)


def _mailed_links(page: Page, base_url: str, person: Person, mailbox: Mailbox) -> Iterator[str]:
    """Sign up and choose a new password, with errors on the way. Nobody is signed in at the end."""
    newcomer = f"new-{person.email}"
    page.goto(f"{base_url}/sign-up")
    yield "sign_up.html"
    page.locator("#email").fill(newcomer)
    submit(page)
    yield "mail_sent.html"
    page.goto(mailbox.link(newcomer))
    page.locator("#fullname").fill(" \u2003 ")
    page.locator("#password").fill(person.password)
    submit(page)
    yield "sign_up_finish.html"  # with an error
    page.goto(f"{base_url}/password/reset")
    yield "password_reset.html"
    page.locator("#email").fill(person.email)
    submit(page)
    link = mailbox.link(person.email)
    page.goto(link)
    yield "password_new.html"
    page.locator("#password").fill(person.password)
    submit(page)
    yield "password_new.html"  # with an error: it is the current password
    page.locator("#password").fill(CHOSEN)
    submit(page)
    yield "password_chosen.html"
    page.goto(link)
    yield "link_unusable.html"


def _account(page: Page, base_url: str, person: Person) -> Iterator[str]:
    page.goto(f"{base_url}/settings/security")
    yield "security.html"
    page.goto(f"{base_url}/settings/password")
    page.locator("#present").fill("a wrong one")
    page.locator("#password").fill("another good one")
    submit(page)
    yield "password.html"  # with an error
    page.goto(f"{base_url}/settings/profile")
    page.locator("#fullname").fill(" \u2003 ")
    submit(page)
    yield "profile.html"  # with an error
    page.locator("#fullname").fill("Ada Lovelace")
    submit(page)
    yield "profile.html"  # saved
    page.goto(f"{base_url}/settings/profile")
    page.context.clear_cookies(name=re.compile("lanyard-session$"))  # with a prefix on https
    submit(page)
    yield "sign_in.html"  # with a waiting form
    sign_in(page, person)
    yield "form_kept.html"
    submit(page)
    yield "profile.html"  # out of date


def _consent(page: Page, box_office: str) -> Iterator[str]:
    yield "consent.html"
    submit(page, "button[value=allow]")
    yield "consent.html"  # with an error
    submit(page, "button[value=select_all]")
    submit(page, "button[value=allow]")
    page.wait_for_url(f"{box_office}/**")
    page.goto(f"{box_office}/connect/again")
    yield "consent.html"  # with what was allowed before


def _unanswerable(page: Page, base_url: str, person: Person) -> Iterator[str]:
    """A pushed request that was already answered, and an error of an application that registered itself."""
    made, secret = application.create(
        credentials.new_id(), owner_id=application.ITSELF, name="A host", redirect_uris=["https://host.example.com/"]
    )
    asked = f"{base_url}{paths.AUTHORIZATION}?client_id={made.client_id}"
    page.goto(f"{asked}&response_type=token")
    yield "refused_request.html"
    answer = requests.post(base_url + paths.PUSHED_REQUEST, {"response_type": "code"}, auth=(made.client_id, secret))
    request_uri = answer.json()["request_uri"]
    key = pushed_requests.key_of({"request_uri": [request_uri]})
    (pushed,) = store.read(key)
    assert pushed
    pushed_request.deny(pushed, person.user_id)
    page.goto(f"{asked}&request_uri={request_uri}")
    yield "already_answered.html"


def _own_applications(page: Page, base_url: str) -> Iterator[str]:
    page.goto(f"{base_url}/")
    yield "home.html"
    page.goto(f"{base_url}{SETTINGS}")
    yield "applications.html"  # empty
    page.goto(f"{base_url}{SETTINGS}/new")
    page.locator("#name").fill("Counter sales")
    page.locator("#redirect_uris").fill("https://counter.example.com/\nftp://counter.example.com/")
    submit(page)
    yield "application_form.html"  # with an error
    page.locator("#redirect_uris").fill("https://counter.example.com/")
    page.locator("details", has=page.locator("[name=device_grant]")).locator("summary").click()
    page.locator("[name=device_grant]").check()
    submit(page)
    yield "application_secret.html"
    client_id, secret = (page.locator(of).inner_text() for of in ("#client-id", "#client-secret"))
    own = f"{base_url}{SETTINGS}/{client_id}"
    for path, template in (
        (own, "application_form.html"),
        (f"{own}/secret", "regenerate_secret.html"),
        (f"{own}/requests", "recent_requests.html"),
        (f"{own}/disconnect", "disconnect_users.html"),
        (f"{own}/connect?in=go", "programs.html"),
        (f"{own}/connect?in=go&grant=device_code", "programs.html"),
        (f"{base_url}/guide", "guide.html"),
        (f"{own}/delete", "delete_application.html"),
        (f"{base_url}{SETTINGS}", "applications.html"),
        (f"{base_url}{SETTINGS}/nothing", "error.html"),
        (f"{base_url}/logout", "sign_out.html"),
    ):
        page.goto(path)
        yield template
    yield from _device(page, base_url, client_id, secret)


def _owners(page: Page, base_url: str, person: Person, stranger: Person) -> Iterator[str]:
    """An application that the person owns with somebody else, and one to which they are invited."""
    made = [
        application.create(credentials.new_id(), owner_id=of.user_id, name="Box office", redirect_uris=[CALLBACK])[0]
        for of in (person, stranger)
    ]
    for of, invited in zip(made, (stranger, person), strict=True):
        ownership.invite(of, invited.email)
    other = store.read(User.key(stranger.user_id))[0]
    assert other is not None
    ownership.accept(ownership.invitations(made[0])[0], other)
    page.goto(f"{base_url}{SETTINGS}/{made[0].client_id}/owners")
    page.locator("#email").fill("new@example.org")
    submit(page)
    yield "owners.html"  # with an invitation
    page.goto(f"{base_url}{SETTINGS}/{made[0].client_id}/owners/{stranger.user_id}")
    yield "owner.html"
    page.goto(f"{base_url}{SETTINGS}/{made[1].client_id}/invitation")
    yield "invitation.html"


def _without_programs(page: Page, base_url: str, owner: Person) -> str:
    """The programs of an application that signs assertions and has no grant: why there are none."""
    signing = Profile(auth_method=application.PRIVATE_KEY_JWT)
    made, _ = application.create(
        credentials.new_id(), owner_id=owner.user_id, name="A bank", redirect_uris=[], profile=signing
    )
    page.goto(f"{base_url}{SETTINGS}/{made.client_id}/connect")
    return "programs.html"


def _device(page: Page, base_url: str, client_id: str, secret: str) -> Iterator[str]:
    answer = requests.post(base_url + paths.DEVICE_AUTHORIZATION, {"scope": "profile"}, auth=(client_id, secret))
    page.goto(f"{base_url}/device")
    page.locator("#user_code").fill("BCDF-GHJK")
    submit(page)
    yield "device.html"  # with an error
    page.locator("#user_code").fill(answer.json()["user_code"])
    submit(page)
    yield "consent.html"  # for a device
    submit(page, "button[value=allow]")
    yield "device_done.html"


def _authorized(page: Page, base_url: str) -> Iterator[str]:
    page.goto(f"{base_url}/settings/authorized")
    yield "authorized.html"
    page.goto(f"{base_url}/settings/authorized/all")
    yield "revoke_all.html"
    submit(page)
    yield "authorized.html"  # empty
