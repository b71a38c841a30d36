"""/scim/v2/Users: the platform's server creates, reads, changes and deletes accounts."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib import limits
from chalicelib.models import application, application_access, ownership, security_event, user, user_organizers
from chalicelib.models import store as storage
from chalicelib.models.linked_identity import PLATFORM, Identity
from chalicelib.models.user import User
from tests.actors import Browser, ClientApp, Person
from tests.people import create_organizer
from tests.scim.platform_server import ERROR, USER, PlatformServer
from tests.store_proxy import Fault, StoreProxy

PASSWORD = "a blue whale in the attic"


def account(user_id: str) -> User:
    found = storage.read(User.key(user_id))[0]
    assert found is not None
    return found


def refused(answer: Any) -> tuple[int, str | None]:
    """The status and the scimType of an error."""
    body = answer.json()
    assert answer.headers["Content-Type"] == "application/scim+json"
    assert body["schemas"] == [ERROR]
    assert body["status"] == str(answer.status_code)
    assert body["detail"]
    return answer.status_code, body.get("scimType")


@pytest.mark.spec("RFC 7644 §3.3", "RFC 7643 §4.1")
def test_user_is_created_with_what_an_account_has(platform: PlatformServer, mark: str) -> None:
    answer = platform.call(
        "POST", "/Users",
        {
            "schemas": [USER], "userName": f"Ann.{mark}", "externalId": mark, "displayName": "Ann Other",
            "name": {"givenName": "Ann", "familyName": "Other"}, "preferredLanguage": "de-AT",
            "timezone": "Europe/Vienna", "emails": [{"value": f"home-{mark}@example.org", "type": "home"},
            {"value": f"work-{mark}@example.org", "type": "work", "primary": True}],
        },
    )  # fmt: skip
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == made["meta"]["location"] == f"{platform.root}/Users/{made['id']}"
    assert answer.headers["ETag"] == made["meta"]["version"]
    found = account(made["id"])
    assert (found.email, found.fullname, found.locale, found.timezone, found.active, found.has_password) == (
        f"work-{mark}@example.org", "Ann Other", "de-AT", "Europe/Vienna", True, False,
    )  # fmt: skip
    assert user.find_by_identity(Identity(PLATFORM, mark)) is not None, "the hand-off finds the same account"
    assert platform.get(f"/Users/{made['id']}").json() == made
    assert (made["userName"], made["name"]["givenName"], len(made["emails"])) == (f"Ann.{mark}", "Ann", 2)
    assert made["active"] is True


@pytest.mark.spec("RFC 7643 §7")
def test_password_signs_in_and_is_never_returned(base_url: str, platform: PlatformServer, mark: str) -> None:
    email = f"{mark}@example.org"
    made = platform.make_user(email, password=PASSWORD)
    assert "password" not in json.dumps(made)
    browser = Browser(base_url, Person(made["id"], email, password=PASSWORD))
    assert browser.sign_in().path != "/login"
    again = platform.patch(f"/Users/{made['id']}", {"op": "remove", "path": "password"})
    assert again.status_code == 200
    assert browser.open("/settings/applications").path == "/login", "its sessions have ended"
    assert browser.sign_in().status == 401


@pytest.mark.parametrize("password", ["short", "password1234"])
def test_password_that_nobody_may_choose_is_refused(platform: PlatformServer, mark: str, password: str) -> None:
    body = {"schemas": [USER], "userName": f"{mark}@example.org", "password": password}
    answer = platform.call("POST", "/Users", body)
    assert refused(answer) == (400, "invalidValue")
    assert "password" in answer.json()["detail"]
    assert user.find_by_email(f"{mark}@example.org") is None


@pytest.mark.spec("RFC 7644 §3.3.1", "RFC 7644 §3.12")
def test_user_name_external_id_and_address_belong_to_one_user(platform: PlatformServer, mark: str) -> None:
    platform.make_user(f"Ann-{mark}", externalId=mark, emails=[{"value": f"{mark}@example.org"}])
    for body in (
        {"userName": f"aNN-{mark}", "emails": [{"value": f"other-{mark}@example.org"}]},
        {"userName": f"bob-{mark}", "externalId": mark, "emails": [{"value": f"bob-{mark}@example.org"}]},
        {"userName": f"bob-{mark}", "emails": [{"value": f"{mark.upper()}@example.org"}]},
        {"userName": f"Ann-{mark}", "externalId": mark, "emails": [{"value": f"{mark}@example.org"}]},
    ):
        assert refused(platform.call("POST", "/Users", {"schemas": [USER], **body})) == (409, "uniqueness")
    other = platform.make_user(f"bob-{mark}", emails=[{"value": f"bob-{mark}@example.org"}])
    for change in (
        {"op": "replace", "path": "userName", "value": f"ann-{mark}"},
        {"op": "replace", "path": "externalId", "value": mark},
        {"op": "replace", "path": "emails", "value": [{"value": f"{mark}@example.org"}]},
    ):
        assert refused(platform.patch(f"/Users/{other['id']}", change)) == (409, "uniqueness")
    assert platform.get(f"/Users/{other['id']}").json() == other


@pytest.mark.spec("RFC 7644 §3.12")
@pytest.mark.parametrize(
    ("body", "scim_type"),
    [
        ({"userName": "no address"}, "invalidValue"),
        ({"userName": "\u212aate@example.org"}, "invalidValue"),  # a Kelvin sign: kate@ in lowercase
        ({"emails": [{"value": "ann@example.org"}]}, "invalidValue"),
        ({"userName": "x@example.org", "emails": "x"}, "invalidValue"),
        ({"userName": " x@example.org"}, "invalidValue"),
        ({"userName": "x" * 300 + "@example.org"}, "invalidValue"),
        ({"userName": "x@example.org", "displayName": "a\nb"}, "invalidValue"),
        ({"userName": "x@example.org", "active": "maybe"}, "invalidValue"),
        ({"userName": "x@example.org", "name": {"formatted": "x" * 5000}}, "invalidValue"),
    ],
)
def test_user_that_cannot_be_is_refused(platform: PlatformServer, body: dict[str, Any], scim_type: str) -> None:
    assert refused(platform.call("POST", "/Users", {"schemas": [USER], **body})) == (400, scim_type)


@pytest.mark.parametrize("sent", [b"{", b"[]", b"\xff", b'{"a": NaN}'])
def test_body_that_is_no_json_object_is_refused(platform: PlatformServer, sent: bytes) -> None:
    headers = {"Authorization": f"Bearer {platform.token}", "Content-Type": "application/scim+json"}
    answer = platform.http.post(platform.root + "/Users", data=sent, headers=headers, timeout=30)
    assert refused(answer) == (400, "invalidSyntax")
    answer = platform.http.post(platform.root + "/Users", data=b"{}", headers={**headers, "Content-Type": "text/xml"})
    assert refused(answer) == (415, None)


@pytest.mark.spec("RFC 7644 §2", "RFC 6750 §3.1")
def test_only_a_token_with_the_scope_scim_may_call(
    platform: PlatformServer, shop: ClientApp, john: Browser, mark: str
) -> None:
    application_access.allow(shop.client_id, ["read"], [])
    tokens = {
        "": 401,
        "lyat_made_up": 401,
        shop.call_token(grant_type="client_credentials").json()["access_token"]: 403,
        shop.connect(john, "Big Events LLC")["access_token"]: 403,
    }
    body = {"schemas": [USER], "userName": f"{mark}@example.org"}
    for token, status in tokens.items():
        for method, path in (("POST", "/Users"), ("GET", "/Users"), ("DELETE", "/Groups/x"), ("POST", "/Bulk")):
            answer = platform.call(method, path, body if method == "POST" else None, token=token or "-")
            assert refused(answer)[0] == status, (method, path)
            assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert user.find_by_email(f"{mark}@example.org") is None
    application_access.allow(platform.app.client_id, [], [])
    assert refused(platform.get("/Users")) == (403, None), "what the operator takes back counts from the next request"


@pytest.mark.spec("docs/security.md")
def test_disabled_user_is_out_with_the_next_request(platform: PlatformServer, shop: ClientApp, john: Browser) -> None:
    token = shop.connect(john, "Big Events LLC")["access_token"]
    path = f"/Users/{john.user.user_id}"
    answer = platform.patch(path, {"op": "replace", "path": "active", "value": False})
    assert (answer.status_code, answer.json()["active"]) == (200, False)
    assert shop.me(token).status_code == 401
    assert john.open("/settings/applications").path == "/login"
    again = platform.patch(path, {"op": "replace", "path": "active", "value": True})
    assert again.json()["active"] is True
    assert shop.me(token).status_code == 200
    kinds = {event.kind for event in security_event.recent(john.user.user_id, limit=10)}
    assert {"account_disabled", "account_enabled"} <= kinds


def test_active_cannot_be_removed(platform: PlatformServer, mark: str) -> None:
    made = platform.make_user(f"{mark}@example.org", active=False)
    answer = platform.patch(f"/Users/{made['id']}", {"op": "remove", "path": "active"})
    assert refused(answer) == (400, "invalidValue")
    assert account(made["id"]).active is False


@pytest.mark.spec("docs/platform/scim.md")
def test_account_that_was_there_becomes_the_one_that_the_server_describes(
    platform: PlatformServer, a_person: Callable[..., Person], mark: str
) -> None:
    there = a_person("Big Events LLC")
    made = platform.make_user(f"ann-{mark}", externalId=mark, emails=[{"value": there.email.upper()}])
    assert made["id"] == there.user_id
    found = account(there.user_id)
    assert (found.fullname, found.timezone, found.has_password) == ("John Doe", "Europe/Berlin", True), "as it was"
    assert user_organizers.of(found) == set(there.organizers)
    assert {"account_linked"} <= {event.kind for event in security_event.recent(there.user_id, limit=5)}
    body = {"schemas": [USER], "userName": f"bob-{mark}", "emails": [{"value": there.email}]}
    assert refused(platform.call("POST", "/Users", body)) == (409, "uniqueness"), "only once"


@pytest.mark.spec("docs/platform/scim.md")
def test_account_that_the_hand_off_made_is_the_one_with_the_same_external_id(
    platform: PlatformServer, a_person: Callable[..., Person], mark: str
) -> None:
    there, other = a_person(), a_person()
    user.link(there.user_id, Identity(PLATFORM, mark))
    body = {"schemas": [USER], "userName": f"ann-{mark}", "externalId": mark}
    two = platform.call("POST", "/Users", {**body, "emails": [{"value": other.email}]})
    assert refused(two) == (409, "uniqueness"), "the subject is one account's and the address another's"
    wrong = platform.call("POST", "/Users", {**body, "externalId": mark + "-2", "emails": [{"value": there.email}]})
    assert refused(wrong) == (409, "uniqueness"), "the platform has another subject for this account"
    made = platform.make_user(f"ann-{mark}", externalId=mark, emails=[{"value": f"new-{mark}@example.org"}])
    assert made["id"] == there.user_id
    assert user.find_by_email(there.email) is None
    assert account(there.user_id).email == f"new-{mark}@example.org"


@pytest.mark.spec("RFC 7644 §3.5.1")
def test_put_replaces_what_the_server_said(platform: PlatformServer, mark: str) -> None:
    made = platform.make_user(
        f"ann-{mark}@example.org", externalId=mark, name={"givenName": "Ann", "familyName": "Other"}, locale="de",
    )  # fmt: skip
    body = {"schemas": [USER], "userName": f"bob-{mark}@example.org", "displayName": "Bob", "active": False}
    answer = platform.call("PUT", f"/Users/{made['id']}", body)
    assert answer.status_code == 200, answer.text
    assert "name" not in answer.json()
    found = account(made["id"])
    assert (found.email, found.fullname, found.locale, found.active) == (body["userName"], "Bob", "de", False)
    assert answer.json()["externalId"] == mark, "what the server leaves out of its identity stays"
    assert user.find_by_email(f"ann-{mark}@example.org") is None
    taken_again = platform.make_user(f"ann-{mark}@example.org")
    assert taken_again["id"] != made["id"]
    answer = platform.call("PUT", f"/Users/{made['id']}", {**body, "externalId": None})
    assert "externalId" not in answer.json()
    assert user.find_by_identity(Identity(PLATFORM, mark)) is None


@pytest.mark.spec("docs/platform/scim.md")
def test_what_the_user_changes_here_is_what_the_server_reads(platform: PlatformServer, mark: str) -> None:
    made = platform.make_user(
        f"{mark}@example.org", displayName="Ann", preferredLanguage="de", timezone="Europe/Berlin"
    )
    user.edit(made["id"], fullname="Ann Other", locale="en", timezone="Europe/Rome")
    now = platform.get(f"/Users/{made['id']}").json()
    assert (now["displayName"], now["locale"], now["timezone"]) == ("Ann Other", "en", "Europe/Rome")
    assert "preferredLanguage" not in now
    assert now["meta"]["version"] != made["meta"]["version"]


@pytest.mark.spec("RFC 7644 §3.14", "RFC 9110 §13.1.1", "RFC 9110 §13.1.2")
def test_change_of_another_version_is_refused(platform: PlatformServer, mark: str) -> None:
    made = platform.make_user(f"{mark}@example.org", displayName="Ann")
    path, version = f"/Users/{made['id']}", made["meta"]["version"]
    unchanged = platform.call("GET", path, If_None_Match=version)
    assert (unchanged.status_code, unchanged.content, unchanged.headers["ETag"]) == (304, b"", version)
    rename = {"op": "replace", "path": "displayName", "value": "Bob"}
    assert platform.patch(path, rename, If_Match=version).status_code == 200
    body = {"schemas": [USER], "userName": f"{mark}@example.org"}
    for answer in (
        platform.patch(path, {**rename, "value": "Eve"}, If_Match=version),
        platform.call("PUT", path, body, If_Match=version),
        platform.call("DELETE", path, If_Match=version),
    ):
        assert refused(answer) == (412, None)
    assert platform.call("GET", path, If_None_Match=version).json()["displayName"] == "Bob"
    assert platform.patch(path, rename, If_Match="*").status_code == 200
    assert platform.call("DELETE", path, If_Match=platform.get(path).headers["ETag"]).status_code == 204


@pytest.mark.spec("RFC 7644 §3.14")
def test_write_of_somebody_else_in_between_is_not_lost(
    platform: PlatformServer, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chalicelib.models import provisioned_user

    made = platform.make_user(f"{mark}@example.org", displayName="Ann")
    write, raced = provisioned_user.replace, [True]

    def after_another(now: User, *rest: Any) -> User:
        if raced:
            raced.pop()
            user.disable(made["id"])
        return write(now, *rest)

    monkeypatch.setattr(provisioned_user, "replace", after_another)
    rename = {"op": "replace", "path": "displayName", "value": "Bob"}
    answer = platform.patch(f"/Users/{made['id']}", rename)
    assert (answer.status_code, answer.json()["active"], answer.json()["displayName"]) == (200, False, "Bob")
    raced.append(True)
    user.enable(made["id"])
    version = platform.get(f"/Users/{made['id']}").headers["ETag"]
    answer = platform.patch(f"/Users/{made['id']}", {**rename, "value": "Eve"}, If_Match=version)
    assert refused(answer) == (412, None)
    assert account(made["id"]).fullname == "Bob"


@pytest.mark.spec("RFC 7644 §3.6", "docs/platform/scim.md")
def test_deleted_user_is_gone_with_everything_about_them(
    platform: PlatformServer, shop: ClientApp, john: Browser, eve: Browser
) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    own, shared = john.register_application("Mine"), john.register_application("Ours")
    mine = own.connect(eve, "Other Org")
    found = application.get(shared.client_id)
    assert found is not None
    ownership.invite(found, eve.user.email)
    invited = ownership.find_invitation(shared.client_id, account(eve.user.user_id))
    assert invited is not None
    assert invited[1] is not None
    ownership.accept(invited[1], account(eve.user.user_id))
    path = f"/Users/{john.user.user_id}"
    assert platform.call("DELETE", path).status_code == 204
    for answer in (
        platform.get(path),
        platform.call("DELETE", path),
        platform.patch(path, {"op": "add", "path": "displayName", "value": "x"}),
    ):
        assert refused(answer) == (404, None)
    assert shop.me(tokens["access_token"]).status_code == 401
    assert shop.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert john.open("/settings/applications").path == "/login"
    assert john.sign_in().status == 401
    assert own.me(mine["access_token"]).status_code == 401, "what only they owned is disabled"
    kept, handed_over = application.get(own.client_id), application.get(shared.client_id)
    assert kept is not None
    assert handed_over is not None
    assert (kept.active, handed_over.owner_id, handed_over.active) == (False, eve.user.user_id, True)
    from infra.commands import erasure

    gone = User(user_id=john.user.user_id, email=john.user.email)
    for model in erasure.keyed_by_user():
        assert list(storage.query(model, john.user.user_id, ended_too=True)) == [], model
    assert gone.identities == ()
    assert platform.make_user(john.user.email)["id"] != john.user.user_id


def test_every_table_that_erasure_finds_by_user_is_emptied_by_a_deletion() -> None:
    from chalicelib.provisioning import deletion
    from infra.commands import erasure

    assert set(deletion.KEYED_BY_USER) == set(erasure.keyed_by_user())


@pytest.mark.spec("docs/reliability.md")
@pytest.mark.parametrize("passed", range(8))
def test_deletion_that_the_store_interrupts_is_finished_by_its_repetition(
    platform: PlatformServer, shop: ClientApp, john: Browser, store: StoreProxy, passed: int
) -> None:
    token = shop.connect(john, "Big Events LLC")["access_token"]
    path = f"/Users/{john.user.user_id}"
    with store.fault(Fault.INTERNAL_ERROR, passed=2 + passed):
        answer = platform.call("DELETE", path)
    if answer.status_code != 204:
        assert refused(answer) == (503, None)
        assert answer.headers["Retry-After"]
        assert platform.call("DELETE", path).status_code == 204
    assert platform.get(path).status_code == 404
    assert shop.me(token).status_code == 401


@pytest.mark.spec("RFC 7644 §3.4.2.2")
def test_filter_finds_a_user_by_each_of_their_names(platform: PlatformServer, mark: str) -> None:
    made = platform.make_user(
        f"Ann-{mark}", externalId=mark, displayName=f"Ann {mark}",
        emails=[{"value": f"{mark}@example.org", "type": "work"}],
    )  # fmt: skip
    for asked in (
        f'userName eq "ann-{mark.upper()}"',
        f'USERNAME EQ "ann-{mark}"',
        f'urn:ietf:params:scim:schemas:core:2.0:User:userName eq "ann-{mark}"',
        f'externalId eq "{mark}"',
        f'id eq "{made["id"]}"',
        f'displayName eq "Ann {mark}"',
        f'emails eq "{mark}@example.org"',
        f'emails.value eq "{mark}@example.org"',
        f'emails[type eq "work"].value eq "{mark}@example.org"',
        f'userName eq "ann-{mark}" and active eq true and externalId eq "{mark}"',
    ):
        found = platform.get("/Users", filter=asked).json()
        assert (found["totalResults"], [one["id"] for one in found["Resources"]]) == (1, [made["id"]]), asked
    for asked in (
        f'userName eq "nobody-{mark}"',
        f'externalId eq "{mark.upper()}"',
        f'userName eq "ann-{mark}" and active eq false',
        f'emails[type eq "home"].value eq "{mark}@example.org"',
        f'id eq "{mark}"',
    ):
        found = platform.get("/Users", filter=asked).json()
        assert (found["totalResults"], found["Resources"]) == (0, []), asked


@pytest.mark.spec("RFC 7644 §3.4.2.2", "RFC 7644 §3.12")
@pytest.mark.parametrize(
    "asked",
    [
        "userName",
        'userName eq "a',
        'nonsense eq "a"',
        "active eq true",
        'userName sw "a"',
        'userName eq "a" or id eq "b"',
    ],
)
def test_filter_that_leads_to_nobody_by_a_key_is_refused(platform: PlatformServer, asked: str) -> None:
    assert refused(platform.get("/Users", filter=asked)) == (400, "invalidFilter")


def test_account_that_the_server_has_not_described_is_found_by_its_address(
    platform: PlatformServer, a_person: Callable[..., Person], mark: str
) -> None:
    there = a_person()
    for asked in (f'userName eq "{there.email}"', f'emails.value eq "{there.email}"'):
        (found,) = platform.get("/Users", filter=asked).json()["Resources"]
        assert (found["id"], found["userName"], found["displayName"]) == (there.user_id, there.email, "John Doe")
    answer = platform.patch(f"/Users/{there.user_id}", {"op": "add", "path": "externalId", "value": mark})
    assert answer.status_code == 200
    assert platform.get("/Users", filter=f'externalId eq "{mark}"').json()["totalResults"] == 1


@pytest.mark.spec("RFC 7643 §4.1.2")
def test_user_shows_their_groups_and_the_members_of_a_group_are_found_as_users(
    platform: PlatformServer, a_person: Callable[..., Person]
) -> None:
    slug, _ = create_organizer("A Group")
    members = sorted(a_person().user_id for _ in range(5))
    for user_id in members:
        user.add_member(user_id, slug)
    group = {"value": slug, "$ref": f"{platform.root}/Groups/{slug}", "type": "direct"}
    assert platform.get(f"/Users/{members[0]}").json()["groups"] == [group]
    by_index = platform.get("/Users", filter=f'groups.value eq "{slug}"', startIndex=4, count=3).json()
    assert (by_index["totalResults"], by_index["startIndex"], by_index["itemsPerPage"]) == (5, 4, 2)
    assert [one["id"] for one in by_index["Resources"]] == members[3:]
    seen, cursor = [], ""
    while cursor is not None:
        page = platform.get("/Users", filter=f'groups eq "{slug}"', count=2, cursor=cursor).json()
        seen += [one["id"] for one in page["Resources"]]
        cursor = page.get("nextCursor")
    assert seen == members


def test_groups_of_a_user_with_too_many_are_left_out(
    platform: PlatformServer, a_person: Callable[..., Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SCIM_PARTS_LIMIT", 1)
    assert "groups" in platform.get(f"/Users/{a_person('A').user_id}").json()
    assert "groups" not in platform.get(f"/Users/{a_person('A', 'B').user_id}").json()


@pytest.mark.spec("RFC 7644 §3.9")
def test_caller_chooses_the_attributes_of_a_response(platform: PlatformServer, mark: str) -> None:
    made = platform.make_user(f"{mark}@example.org", displayName="Ann")
    path = f"/Users/{made['id']}"
    assert set(platform.get(path, attributes="userName").json()) == {"schemas", "id", "userName"}
    assert "emails" not in platform.get(path, excludedAttributes="emails,displayName").json()
    assert refused(platform.get(path, attributes="userName", excludedAttributes="emails"))[0] == 400


@pytest.mark.spec("docs/security.md")
def test_link_mailed_to_an_address_that_the_account_no_longer_has_is_void(
    base_url: str, platform: PlatformServer, mark: str
) -> None:
    from chalicelib.models import mail_link

    made = platform.make_user(f"{mark}@example.org")
    found = account(made["id"])
    token = mail_link.create(mail_link.Purpose.CHOOSE_PASSWORD, email=found.email, of=found)
    change = {"op": "replace", "path": "userName", "value": f"new-{mark}@example.org"}
    assert platform.patch(f"/Users/{made['id']}", change).status_code == 200
    with pytest.raises(mail_link.Unusable):
        mail_link.owner(mail_link.find(token, mail_link.Purpose.CHOOSE_PASSWORD))


@pytest.mark.spec("docs/operations.md")
def test_round_trips_of_requests_about_a_user(platform: PlatformServer, mark: str, store: StoreProxy) -> None:
    with store.count() as calls:
        made = platform.make_user(f"{mark}@example.org", externalId=mark)
    token, there, write, history = ["BatchGetItem"], ["BatchGetItem"], ["TransactWriteItems"], ["PutItem"]
    assert [call.operation for call in calls] == token + there + write + history
    with store.count() as calls:
        assert platform.get(f"/Users/{made['id']}").status_code == 200
    assert [call.operation for call in calls] == ["BatchGetItem", "GetItem"]
    same = {"op": "replace", "path": "active", "value": True}
    with store.count() as calls:
        assert platform.patch(f"/Users/{made['id']}", same).status_code == 200
    assert [call.operation for call in calls] == ["BatchGetItem", "GetItem"], "what changes nothing writes nothing"
    with store.count() as calls:
        assert platform.get("/Users", filter=f'externalId eq "{mark}"').json()["totalResults"] == 1
    assert [call.operation for call in calls] == ["BatchGetItem", "GetItem", "GetItem"]
    with store.count() as calls:
        platform.patch(f"/Users/{made['id']}", {"op": "replace", "path": "active", "value": False})
    assert [call.operation for call in calls] == ["BatchGetItem", "GetItem", "TransactWriteItems", "PutItem"]


@pytest.mark.spec("docs/reliability.md")
def test_lost_answer_of_the_store_creates_and_changes_a_user_once(
    platform: PlatformServer, mark: str, store: StoreProxy
) -> None:
    with store.fault(Fault.LOSES_ANSWER, "TransactWriteItems", times=1):
        made = platform.make_user(f"{mark}@example.org")
    with store.fault(Fault.LOSES_ANSWER, "TransactWriteItems", times=1):
        answer = platform.patch(f"/Users/{made['id']}", {"op": "replace", "path": "active", "value": False})
    assert (answer.status_code, answer.json()["active"]) == (200, False)


@pytest.mark.spec("docs/operations.md")
def test_log_has_no_name_or_address_of_a_person(
    platform: PlatformServer, mark: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made = platform.make_user(
        f"{mark}@example.org", externalId=f"x{mark}", displayName=f"Ann {mark}", password=PASSWORD
    )
    platform.get("/Users", filter=f'userName eq "{mark}@example.org"')
    platform.patch(f"/Users/{made['id']}", {"op": "replace", "path": "displayName", "value": f"Bob {mark}"})
    logged = capsys.readouterr().out
    assert '"outcome":"user provisioned"' in logged
    assert mark not in logged
    assert PASSWORD not in logged


@pytest.mark.spec("docs/security.md")
def test_history_says_when_a_change_makes_an_account_the_servers_or_gives_it_another_subject(
    platform: PlatformServer, a_person: Callable[..., Person], mark: str
) -> None:
    def linked(user_id: str) -> int:
        return sum(event.kind == "account_linked" for event in security_event.recent(user_id, limit=10))

    there, made = a_person(), platform.make_user(f"{mark}@example.org", externalId=mark)
    platform.patch(f"/Users/{there.user_id}", {"op": "add", "path": "externalId", "value": f"{mark}-2"})
    assert linked(there.user_id) == 1
    platform.patch(f"/Users/{there.user_id}", {"op": "replace", "path": "displayName", "value": "Ann"})
    assert linked(there.user_id) == 1
    platform.patch(f"/Users/{made['id']}", {"op": "replace", "path": "externalId", "value": f"{mark}-3"})
    assert linked(made["id"]) == 1, "whoever signs in as the new subject is this user now"
