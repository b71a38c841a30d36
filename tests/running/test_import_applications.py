"""`manage.py applications import` brings the applications of another system, whose developers change nothing."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from requests_oauthlib import OAuth2Session as RequestsOauthlibSession

from chalicelib import settings
from chalicelib.models import application, application_deletion, user
from chalicelib.models.store import StoreUnavailable
from infra.commands import Operator, import_applications
from infra.commands.import_applications import Source
from infra.imports.records import FileProblem
from tests import people
from tests.actors import CALLBACK, Browser, ClientApp, Person
from tests.local_run import LocalRun
from tests.public_app import PublicApp
from tests.running.imports import counts
from tests.running.test_manage import in_json
from tests.store_proxy import Fault, StoreProxy

pytestmark = pytest.mark.spec("docs/platform/import.md")
PASSWORD = "correct horse"
CODE = "authorization-code"


def an_id() -> str:
    """As django-oauth-toolkit makes them."""
    return secrets.token_hex(20)


def a_secret() -> str:
    return secrets.token_hex(64)


def confidential(**more: Any) -> dict[str, Any]:
    """An application in a Django site's database."""
    kind = {"client_type": "confidential", "authorization_grant_type": CODE, "redirect_uris": CALLBACK}
    return {"name": "A shop", "client_id": an_id(), "client_secret": a_secret(), **kind, **more}


def line(**more: Any) -> dict[str, Any]:
    """An application in JSON lines."""
    made = {"client_id": an_id(), "client_secret": a_secret(), "name": "A shop", "redirect_uris": [CALLBACK]}
    return {"owner": "eve@localhost", **made, **more}


def signed_in(run: LocalRun, email: str, password: str = PASSWORD) -> Browser:
    browser = Browser(run.base_url, Person("", email, password=password))
    assert browser.sign_in().status == 200
    return browser


def listed(run: LocalRun, owner: str) -> dict[str, dict[str, Any]]:
    return {row["client_id"]: row for row in in_json(run, "applications", "list", "--owner", owner)}


def reported(report: Path) -> dict[str, dict[str, Any]]:
    return {one["record"]: one for one in map(json.loads, report.read_text(encoding="utf-8").splitlines())}


@pytest.fixture
def _http_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both libraries insist on https unless told that this is a test."""
    monkeypatch.setitem(os.environ, "OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setitem(os.environ, "AUTHLIB_INSECURE_TRANSPORT", "1")


@pytest.mark.usefixtures("_http_allowed")
@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_dump_of_pretix_is_imported_and_a_stock_client_connects_with_its_old_client_id_and_secret(
    prepared_run: LocalRun, dump: Callable[..., Path], suffix: str
) -> None:
    ann, api = f"ann@apps{suffix}.example", prepared_run.base_url + "/api/v1"
    plain, hashed, off = (confidential(user=ann, name=name) for name in ("Plain", "Hashed", "Off"))
    file = dump(
        "pretix",
        [{"email": ann, "password": PASSWORD}],
        [plain, {**hashed, "hasher": "pbkdf2_sha256"}, {**off, "active": False}],
        suffix=suffix,
    )
    in_json(prepared_run, "users", "import", str(file))
    assert in_json(prepared_run, "applications", "import", str(file)) == counts(imported=3)
    rows = listed(prepared_run, ann)
    assert {row["client_id"]: (row["name"], row["active"], row["redirect_uris"]) for row in rows.values()} == {
        plain["client_id"]: ("Plain", True, [CALLBACK]),
        hashed["client_id"]: ("Hashed", True, [CALLBACK]),
        off["client_id"]: ("Off", False, [CALLBACK]),
    }
    browser = signed_in(prepared_run, ann)
    for app in (plain, hashed):
        client = RequestsOauthlibSession(app["client_id"], redirect_uri=CALLBACK, scope=["profile"])
        url, _ = client.authorization_url(api + "/oauth/authorize")
        page = browser.press(browser.open(url), "Authorize")
        token = client.fetch_token(
            api + "/oauth/token", authorization_response=page.left_to, client_secret=app["client_secret"]
        )
        assert client.get(api + "/me").json()["email"] == ann
        refreshed = client.refresh_token(
            api + "/oauth/token", client_id=app["client_id"], client_secret=app["client_secret"]
        )
        assert refreshed["access_token"] != token["access_token"]
    assert in_json(prepared_run, "applications", "import", str(file)) == counts(there=3)


@pytest.mark.usefixtures("_http_allowed")
def test_dump_of_django_oauth_toolkit_is_imported_and_a_stock_client_connects(
    prepared_run: LocalRun, dump: Callable[..., Path], tmp_path: Path
) -> None:
    bob, api = "bob@toolkit.example", prepared_run.base_url + "/api/v1"
    app = confidential(user=bob, name="Täglich", skip_authorization=True, algorithm="RS256")
    readable = confidential(user=bob, hash_client_secret=False)
    public = confidential(user=bob, client_type="public", redirect_uris="com.example.app:/done", name="Phone")
    own = confidential(user=bob, authorization_grant_type="client-credentials", redirect_uris="", name="")
    television = confidential(
        user=bob, authorization_grant_type="urn:ietf:params:oauth:grant-type:device_code", redirect_uris=""
    )
    refused = [
        confidential(user=bob, authorization_grant_type=grant, algorithm="RS256") for grant in ("implicit", "password")
    ]
    orphan = confidential(user=None)
    file = dump(
        "toolkit",
        [{"username": "bob", "email": bob, "password": PASSWORD}],
        [app, readable, public, own, television, *refused, orphan],
    )
    in_json(prepared_run, "users", "import", str(file))
    report = tmp_path / "report"
    done = prepared_run.manage("applications", "import", str(file), "--json", "--report", str(report))
    assert json.loads(done.stdout) == counts(imported=5, changed=3, left_out=3), done.stderr
    said = {int(name.split()[1]): one["reasons"] for name, one in reported(report).items()}
    assert said == {
        1: ["Users are asked for their consent, which it skipped.", "It gets no ID tokens here."],
        3: ["It has to use PKCE (S256); if it does not, nobody can connect with it."],
        4: [
            "It gets no token until you allow it access of its own: applications allow-own.",
            "The name must not be empty. It is now Unnamed application.",
        ],
        6: ["uses the grant type implicit, which there is not: docs/platform/import.md."],
        7: ["uses the grant type password, which there is not: docs/platform/import.md."],
        8: ["has no owner; name one with --owner."],
    }
    browser = signed_in(prepared_run, bob)
    for one in (app, readable):
        client = AuthlibSession(one["client_id"], one["client_secret"], scope="profile", redirect_uri=CALLBACK)
        url, state = client.create_authorization_url(api + "/oauth/authorize")
        page = browser.press(browser.open(url), "Authorize")
        client.fetch_token(api + "/oauth/token", authorization_response=page.left_to, state=state)
        assert client.get(api + "/me").json()["email"] == bob
        assert client.refresh_token(api + "/oauth/token")["access_token"]
    phone = PublicApp(prepared_run.base_url, public["client_id"], "", "com.example.app:/done")
    assert phone.connect(browser, scope="profile")["refresh_token"]
    in_json(prepared_run, "applications", "allow-own", own["client_id"], "--scope", "profile")
    itself = ClientApp(prepared_run.base_url, own["client_id"], own["client_secret"], "")
    assert itself.call_token(grant_type="client_credentials", scope="profile").status_code == 200
    screen = ClientApp(prepared_run.base_url, television["client_id"], television["client_secret"], "")
    started = screen.http.post(
        api + "/oauth/device_authorization", data={"scope": "profile"}, auth=(screen.client_id, screen.secret)
    )
    assert started.json()["user_code"]
    again = prepared_run.manage("applications", "import", str(file), "--json", "--owner", bob)
    assert json.loads(again.stdout) == counts(imported=1, changed=1, there=5, left_out=2)
    assert orphan["client_id"] in listed(prepared_run, bob)


def test_lines_that_cannot_be_imported_are_left_out_with_the_reason(
    local_run: LocalRun, lines: Callable[..., Path], tmp_path: Path
) -> None:
    twice, hashed = an_id(), "pbkdf2_sha256$1000$salt$" + "A" * 43 + "="
    id_of_ours = in_json(
        local_run, "applications", "create", "--owner", "admin@localhost", "--name", "Ours", "--redirect-uri", CALLBACK
    )["client_id"]
    id_limits = (
        "has a client id that cannot be used: it needs 1 to 255 printable ASCII characters, without spaces, and "
        "without colons, which HTTP Basic ends it with."
    )
    looks_ours = "has a client id of 16 letters and digits; only ids that Lanyard made look like that."
    weak = (
        "has a client secret that is too easy to guess: it needs at least 32 characters, and 8 different ones; replace "
        "it first."
    )
    expected: list[tuple[Any, str]] = [
        (line(client_id=twice), ""),
        (line(client_id=twice), "has the same client id as an earlier record."),
        (["not an object"], "is not a JSON object."),
        ({"name": "No id"}, "has no client_id."),
        (line(client_id="a:b"), id_limits),
        (line(client_id="a b"), id_limits),
        (line(client_id="line\nbreak"), id_limits),
        (line(client_id="ümlaut"), id_limits),
        (line(client_id="x" * 256), id_limits),
        (line(client_id=id_of_ours), looks_ours),
        (line(client_id="AbCd0123AbCd0123"), looks_ours),
        (
            line(client_id="https://app.example.com/client.json"),
            "has a URL as its client id; an application that describes itself there is not imported.",
        ),
        (line(client_secret="short"), weak),
        (line(client_secret="ab" * 32), weak),
        (line(client_secret=""), "has no client secret, so it could not authenticate."),
        (
            line(client_secret="ü" * 40),
            "has a client secret that is not printable ASCII of at most 1024 characters.",
        ),
        (line(client_secret_hash=hashed), "has both client_secret and client_secret_hash."),
        (
            line(client_secret="", client_secret_hash="md5$salt$0123"),
            "has a client secret whose hash cannot be checked here; known are pbkdf2_sha256, bcrypt, bcrypt_sha256, "
            "argon2.",
        ),
        (
            line(client_secret="", client_secret_hash=hashed.replace("1000", "3000000")),
            "has a client secret whose hash takes too long to check; the most is pbkdf2_sha256:2000000.",
        ),
        (
            line(client_secret="", client_secret_hash=hashed.replace("salt", "sält")),
            "has a client secret whose hash cannot be checked here; known are pbkdf2_sha256, bcrypt, bcrypt_sha256, "
            "argon2.",
        ),
        (line(owner="nobody@localhost"), import_applications.NO_ACCOUNT + "."),
        (line(owner=7), "has a value for owner that is not a text."),
        (line(owner="\ud800@localhost"), import_applications.NO_ACCOUNT + "."),
        (
            line(redirect_uris=["https://shop.example.com/\ud800"]),
            "has no redirect URI that can be registered. The redirect URI https://shop.example.com/\ud800 is left out: "
            "it contains a space, a control character or one outside ASCII; write it percent-encoded.",
        ),
        (line(redirect_uris=CALLBACK), "has a value for redirect_uris that is not a list."),
        (line(redirect_uris=[7]), "has redirect_uris that are not texts."),
        (
            line(redirect_uris=["https://*.example.com/"]),
            "has no redirect URI that can be registered. The redirect URI https://*.example.com/ is left out: it "
            "contains a wildcard (*); register each address in full.",
        ),
        (line(redirect_uris=[]), "has no redirect URI that can be registered."),
        (
            line(redirect_uris=[f"{CALLBACK}/{number}" for number in range(21)]),
            "has more than 20 redirect URIs, or more than 8192 characters of them.",
        ),
        (line(client_type="secret"), "has a client_type other than confidential and public."),
        (
            line(admin=True),
            "has unknown members: admin; the known ones are client_id, client_secret, client_secret_hash, name, owner, "
            "redirect_uris, client_type, require_pkce, active.",
        ),
    ]
    report = tmp_path / "report"
    file = lines(*(record for record, _ in expected))
    done = local_run.manage("applications", "import", str(file), "--json", "--report", str(report))
    assert json.loads(done.stdout) == counts(imported=1, left_out=len(expected) - 1)
    found = reported(report)
    assert {name: one["reasons"] for name, one in found.items()} == {
        f"line {number}": [reason] for number, (_, reason) in enumerate(expected, 1) if reason
    }
    assert "@" not in report.read_text(encoding="utf-8"), "the report names no addresses"
    assert listed(local_run, "admin@localhost")[id_of_ours]["name"] == "Ours"


def test_what_was_changed_is_reported(local_run: LocalRun, lines: Callable[..., Path], tmp_path: Path) -> None:
    names = {"": "shop.example.com", "\u202egnp": "shop.example.com", "Lanyard": "Lanyard", "商店 ✨": "商店 ✨"}
    changed = [line(name=name) for name in names]
    bad = line(redirect_uris=["http://shop.example.com/", CALLBACK, CALLBACK])
    strict = line(require_pkce=True, active=False)
    report = tmp_path / "report"
    done = local_run.manage(
        "applications", "import", str(lines(*changed, bad, strict)), "--json", "--report", str(report)
    )
    assert json.loads(done.stdout) == counts(imported=6, changed=4), done.stderr
    rows = listed(local_run, "eve@localhost")
    assert [rows[one["client_id"]]["name"] for one in changed] == list(names.values())
    assert rows[bad["client_id"]]["redirect_uris"] == [CALLBACK]
    assert rows[strict["client_id"]]["active"] is False
    assert {name: one["reasons"] for name, one in reported(report).items()} == {
        "line 1": ["The name must not be empty. It is now shop.example.com."],
        "line 2": [
            "The name must not contain invisible characters or ones that change the direction of text. "
            "It is now shop.example.com."
        ],
        "line 3": [
            "The name must not contain the name of this service, Lanyard, or look like it. "
            "It stays, but look whose application that is."
        ],
        "line 5": [
            "The redirect URI http://shop.example.com/ is left out: it must start with https:// (http:// is accepted "
            "only for localhost, 127.0.0.1 and [::1])."
        ],
    }


def test_dump_whose_owners_cannot_be_found_says_why(local_run: LocalRun, tmp_path: Path) -> None:
    def records(model: str, *fields: dict[str, Any]) -> list[dict[str, Any]]:
        return [{"model": model, "pk": number, "fields": one} for number, one in enumerate(fields, 1)]

    apps = [confidential(user=key) for key in (1, 2, 3, 9, ["eve"])]
    both = [
        *records("auth.user", {"email": "eve@localhost"}, {"email": "eve@localhost"}, {"email": ""}),
        *records("pretixbase.user", {"email": "admin@localhost"}),
        *records("oauth2_provider.application", *apps, confidential(client_secret=7), confidential(user=2)),
    ]
    file, report = tmp_path / "dump.json", tmp_path / "report"
    file.write_text(json.dumps(both), encoding="utf-8")
    done = local_run.manage("applications", "import", str(file), "--json", "--report", str(report))
    assert json.loads(done.stdout) == counts(imported=2, left_out=5)
    assert [one["reasons"] for one in reported(report).values()] == [
        ["has a value for client_secret that is not a text."],
        ["has an owner whose key belongs to several people in this file; name an owner with --owner."],
        ["has an owner without an email address; name an owner with --owner."],
        ["has an owner who is not in this file; dump the users into it too, or name an owner with --owner."],
        ["names its owner by a natural key; dump without --natural-foreign, or name an owner with --owner."],
    ]


def test_application_that_is_there_stays_as_it_is(
    local_run: LocalRun, lines: Callable[..., Path], tmp_path: Path
) -> None:
    first = line(name="First")
    assert in_json(local_run, "applications", "import", str(lines(first))) == counts(imported=1)
    before = listed(local_run, "eve@localhost")
    report = tmp_path / "report"
    thief = {
        **first,
        "owner": "admin@localhost",
        "client_secret": a_secret(),
        "redirect_uris": ["https://evil.example/"],
    }
    done = local_run.manage("applications", "import", str(lines(thief)), "--json", "--report", str(report))
    assert json.loads(done.stdout) == counts(there=1)
    assert reported(report)["line 1"]["reasons"] == ["It belongs to somebody else here."]
    assert listed(local_run, "eve@localhost") == before
    shop = ClientApp(local_run.base_url, first["client_id"], first["client_secret"], CALLBACK)
    assert shop.exchange("made-up").json()["error"] == "invalid_grant", "its secret works"


def test_dry_run_says_what_would_happen_and_stores_nothing(local_run: LocalRun, lines: Callable[..., Path]) -> None:
    before = listed(local_run, "eve@localhost")
    file = lines(line(), line(name=""), line(client_secret="short"))
    done = local_run.manage("applications", "import", str(file), "--dry-run")
    assert done.stdout == (
        "Would import 2 applications, 1 of them with changes. 0 were there already; 1 were left out.\n"
    )
    assert listed(local_run, "eve@localhost") == before


def test_many_applications_of_one_owner_are_imported_whatever_their_limit(
    local_run: LocalRun, lines: Callable[..., Path]
) -> None:
    email = "many@applications.example"
    in_json(local_run, "users", "import", str(lines({"email": email})))
    file = lines(*(line(owner=email) for _ in range(250)))
    assert in_json(local_run, "applications", "import", str(file)) == counts(imported=250)
    assert len(listed(local_run, email)) == 250
    recorded = in_json(local_run, "audit", "--command", "applications import")
    assert "250 records" in [row["detail"] for row in recorded]
    erased = in_json(local_run, "users", "erase", email, "--yes")
    assert erased["items"]["applications"] == 250


def test_operators_find_an_application_by_its_old_client_id(local_run: LocalRun, lines: Callable[..., Path]) -> None:
    app = line(client_id="shop/1?a=b&c=%20+~" + an_id())
    assert in_json(local_run, "applications", "import", str(lines(app))) == counts(imported=1)
    client_id = app["client_id"]
    assert in_json(local_run, "applications", "disable", client_id) == {"client_id": client_id, "active": False}
    assert in_json(local_run, "applications", "enable", client_id)["active"] is True
    assert in_json(local_run, "applications", "owners", client_id)[0]["email"] == "eve@localhost"
    rotated = in_json(local_run, "applications", "rotate-secret", client_id, "--yes")
    assert (rotated["client_id"], len(rotated["client_secret"])) == (client_id, 54)
    assert in_json(local_run, "grants", "end", "--client", client_id, "--yes") == {"client_id": client_id, "users": 0}
    assert in_json(local_run, "applications", "requests", client_id) == []
    audited = in_json(local_run, "audit", "--about", client_id)
    assert {row["command"] for row in audited} >= {"applications disable", "applications rotate-secret", "grants end"}
    page = local_run.manage("applications", "list", "--after", client_id, "--json")
    assert client_id not in [row["client_id"] for row in json.loads(page.stdout)]
    chosen = in_json(local_run, "applications", "list", "--chosen-id")
    assert client_id not in [row["client_id"] for row in chosen]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty."),
        (b"[", "is not JSON"),
        (b"[" * 100_000, "is not JSON: it is nested too deeply."),
        (b"\xff\xfe", "is not UTF-8 text."),
        (b"[]", "has no applications."),
        (b'[{"model": "auth.user", "pk": 1, "fields": {}}]', "Django's models for them: pretixapi.oauthapplication, "),
    ],
    ids=["empty", "cut off", "deep", "not text", "no records", "no applications"],
)
def test_unusable_file_gets_a_one_line_error(
    local_run: LocalRun, tmp_path: Path, content: bytes, complaint: str
) -> None:
    file = tmp_path / "file.json"
    file.write_bytes(content)
    done = local_run.manage("applications", "import", str(file))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert complaint in done.stderr


def test_unknown_owner_for_the_rest_is_an_error(local_run: LocalRun, lines: Callable[..., Path]) -> None:
    done = local_run.manage("applications", "import", str(lines(line())), "--owner", "nobody@localhost")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Error: There is no user with the address nobody@localhost.\n"


@pytest.mark.parametrize("value", [0, "false", None, [], {}])
def test_application_of_a_dump_that_does_not_say_whether_it_is_active_is_left_out(
    local_run: LocalRun, tmp_path: Path, value: Any
) -> None:
    """A site that stores it in another way must not have a disabled application enabled."""
    app = confidential(active=value)
    file, report = tmp_path / "dump.json", tmp_path / "report"
    file.write_text(json.dumps([{"model": "pretixapi.oauthapplication", "pk": "\ud800", "fields": app}]))
    owner = ("--owner", "eve@localhost")
    done = local_run.manage("applications", "import", str(file), "--json", "--report", str(report), *owner)
    assert json.loads(done.stdout) == counts(left_out=1), done.stderr
    assert reported(report) == {
        "pretixapi.oauthapplication \ud800": {
            "record": "pretixapi.oauthapplication \ud800",
            "outcome": "left out",
            "reasons": ["has a value for active that is not true or false."],
        }
    }


def test_models_of_another_django_site_can_be_named(local_run: LocalRun, tmp_path: Path) -> None:
    file, app = tmp_path / "dump.json", confidential(user="a-uuid")
    found = [
        {"model": "shop.Account", "pk": "a-uuid", "fields": {"email": "EVE@localhost"}},
        {"model": "shop.Client", "pk": 7, "fields": app},
    ]
    file.write_text(json.dumps(found), encoding="utf-8")
    options = ("--application-model", "shop.client", "--user-model", "shop.account")
    assert in_json(local_run, "applications", "import", str(file), *options) == counts(imported=1)
    assert app["client_id"] in listed(local_run, "eve@localhost")


def test_public_applications_are_not_imported_before_the_stage_has_a_server_key(
    base_url: str, lines: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    del base_url  # the settings and the store of this process
    owner = people.create_person()
    apps = [line(owner=owner.email), line(owner=owner.email, client_type="public")]
    monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, server_key="", server_key_parameter=""))
    with pytest.raises(FileProblem, match=r"has public applications\. .*Set it, then import\."):
        import_applications.run(Operator(), Source(lines(*apps)))
    assert application.get(apps[0]["client_id"]) is None, "nothing is imported"
    import_applications.run(Operator(), Source(lines(apps[0])))
    assert application.get(apps[0]["client_id"])


def test_client_id_of_a_deleted_application_is_not_imported_again(
    base_url: str, lines: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    del base_url  # the settings and the store of this process
    owner = people.create_person()
    app = line(owner=owner.email)
    import_applications.run(Operator(), Source(lines(app)))
    application_deletion.delete(app["client_id"])
    assert application.get(app["client_id"]) is None
    import_applications.run(Operator(), Source(lines(app)))
    assert "line 1 has the client id of an application that was deleted here." in capsys.readouterr().err
    assert application.get(app["client_id"]) is None


@pytest.mark.spec("docs/reliability.md")
@pytest.mark.parametrize("fault", [Fault.UNAVAILABLE, Fault.LOSES_ANSWER])
def test_import_that_the_store_interrupted_goes_on_when_it_is_repeated(
    base_url: str, store: StoreProxy, lines: Callable[..., Path], fault: Fault
) -> None:
    del base_url  # the settings and the store of this process
    owners = [people.create_person() for _ in range(4)]
    apps = [line(owner=owners[number % 4].email) for number in range(20)]
    file = lines(*apps)
    with store.fault(fault, "TransactWriteItems", passed=7), pytest.raises(StoreUnavailable):
        import_applications.run(Operator(), Source(file))
    stored = [one for one in apps if application.get(one["client_id"])]
    assert len(stored) >= 6
    assert len(stored) < 20 or fault is Fault.LOSES_ANSWER
    import_applications.run(Operator(), Source(file))
    for owner in owners:
        found = user.find_by_email(owner.email)
        assert found is not None
        assert (found.application_count, len(application.owned_by(owner.user_id))) == (5, 5), "each is counted once"
