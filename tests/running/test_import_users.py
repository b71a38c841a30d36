"""`manage.py users import` brings the accounts of another system, whose owners sign in as before."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chalicelib.models import user
from chalicelib.models.store import StoreUnavailable
from infra.commands import Operator, import_users
from tests.actors import Browser, Person
from tests.local_run import LocalRun
from tests.running.imports import counts
from tests.running.test_manage import in_json
from tests.store_proxy import Fault, StoreProxy

pytestmark = pytest.mark.spec("docs/platform/import.md")
PASSWORD = "correct horse"


def signed_in(run: LocalRun, email: str) -> bool:
    return Browser(run.base_url, Person("", email, {}, password=PASSWORD)).sign_in().status == 200


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_dump_of_pretix_is_imported_and_its_users_sign_in(
    prepared_run: LocalRun, dump: Callable[..., Path], suffix: str, tmp_path: Path
) -> None:
    at = f"@pretix{suffix}.example"
    people: list[dict[str, Any]] = [
        {"email": f"Ann{at}", "fullname": "Ann Ödegård", "locale": "de-informal", "timezone": "Europe/Berlin"},
        {"email": f"bob{at}", "hasher": "argon2"},
        {"email": f"cem{at}", "hasher": "bcrypt_sha256", "is_active": False},
        {"email": f"dan{at}", "hasher": "md5", "timezone": "Mars/Olympus"},
        {"email": None, "fullname": "Without an address"},
    ]
    file = dump("pretix", [{"password": PASSWORD, **person} for person in people], suffix=suffix)
    report = tmp_path / "report"
    done = prepared_run.manage("users", "import", str(file), "--json", "--report", str(report))
    assert json.loads(done.stdout) == counts(imported=4, changed=1, left_out=1), done.stderr
    assert report.stat().st_mode & 0o777 == 0o600
    reported = {line["record"]: line for line in map(json.loads, report.read_text(encoding="utf-8").splitlines())}
    dan, nobody = reported.pop("pretixbase.user 4"), reported.pop("pretixbase.user 5")
    assert reported == {}
    assert (nobody["outcome"], dan["outcome"]) == ("left out", "changed")
    assert [reason.partition(".")[0] for reason in dan["reasons"]] == [
        "The password cannot be checked here, so they have to choose a new one",
        "The time zone is not a time zone such as Europe/Berlin or UTC",
    ]
    assert [signed_in(prepared_run, name + at) for name in ("ann", "bob", "cem", "dan")] == [True, True, False, False]
    listed = {row["email"]: row for row in in_json(prepared_run, "users", "list", "--email", at)}
    ann = listed[f"Ann{at}"]
    assert (ann["fullname"], ann["locale"], ann["timezone"]) == ("Ann Ödegård", "de-informal", "Europe/Berlin")
    assert listed[f"bob{at}"]["fullname"] == "bob"
    assert listed[f"cem{at}"]["active"] is False
    again = prepared_run.manage("users", "import", str(file), "--json")
    assert json.loads(again.stdout) == counts(there=4, left_out=1)


def test_dump_of_djangos_own_users_is_imported(prepared_run: LocalRun, dump: Callable[..., Path]) -> None:
    people: list[dict[str, Any]] = [
        {"username": "ann", "email": "ann@django.example", "first_name": "Ann", "last_name": "Other"},
        {"username": "bob", "email": "bob@django.example", "password": None},
    ]
    file = dump("toolkit", [{"password": PASSWORD, **person} for person in people])
    assert in_json(prepared_run, "users", "import", str(file)) == counts(imported=2)
    assert [signed_in(prepared_run, f"{name}@django.example") for name in ("ann", "bob")] == [True, False]
    listed = in_json(prepared_run, "users", "list", "--email", "@django.example")
    assert sorted(row["fullname"] for row in listed) == ["Ann Other", "bob"]


def test_lines_are_imported_with_their_organizers(prepared_run: LocalRun, lines: Callable[..., Path]) -> None:
    in_json(prepared_run, "organizers", "create", "--slug", "lines", "--name", "Lines")
    file = lines(
        {"email": "ann@lines.example", "organizers": ["lines", "smallshows"], "fullname": "Ann", "active": True},
        {"email": "bob@lines.example", "organizers": ["nowhere"]},
        {"email": "ANN@lines.example"},
        {"email": "cem@lines.example", "organizers": [f"o{number}" for number in range(91)]},
        {"email": "dan@lines.example", "organizers": [7]},
        {"email": "eve@lines.example", "admin": True},
        {"email": "fay@lines.example", "active": "yes"},
        {"email": "no address"},
        {"fullname": "Nobody"},
        ["not an object"],
        {"email": "gil@lines.example", "organizers": ["\ud800"]},
    )
    done = prepared_run.manage("users", "import", str(file), "--json")
    assert json.loads(done.stdout) == counts(imported=1, left_out=10)
    for where, reason in (
        ("line 2", "belongs to organizers that do not exist: nowhere."),
        ("line 3", "has the same email address as an earlier record."),
        ("line 4", "has more than 40 organizers; add the rest with organizers add-member."),
        ("line 5", "has organizers that are not slugs."),
        ("line 6", "has unknown members: admin;"),
        ("line 7", "has a value for active that is not true or false."),
        ("line 8", "has no usable email address: it is not an email address."),
        ("line 9", "has no email."),
        ("line 10", "is not a JSON object."),
        ("line 11", "has organizers that are not slugs."),
    ):
        assert f"{where} {reason}" in done.stderr
    (ann,) = in_json(prepared_run, "users", "list", "--email", "@lines.example")
    assert ann["organizers"] == ["lines", "smallshows"]


def test_dry_run_says_what_would_happen_and_stores_nothing(prepared_run: LocalRun, lines: Callable[..., Path]) -> None:
    file = lines({"email": "ann@dry.example"}, {"email": "eve@localhost"}, {"email": "ann@dry.example"})
    done = prepared_run.manage("users", "import", str(file), "--dry-run")
    assert done.stdout == ("Would import 1 users, 0 of them with changes. 1 were there already; 1 were left out.\n")
    assert in_json(prepared_run, "users", "list", "--email", "@dry.example") == []


def test_account_that_is_there_stays_as_it_is(prepared_run: LocalRun, lines: Callable[..., Path]) -> None:
    before = in_json(prepared_run, "users", "list", "--email", "eve@localhost")
    file = lines({"email": "EVE@localhost", "fullname": "Mallory", "active": False, "password_hash": "!"})
    assert in_json(prepared_run, "users", "import", str(file)) == counts(there=1)
    assert in_json(prepared_run, "users", "list", "--email", "eve@localhost") == before


def test_many_people_are_imported(prepared_run: LocalRun, lines: Callable[..., Path]) -> None:
    file = lines(*({"email": f"{number}@many.example"} for number in range(450)))
    assert in_json(prepared_run, "users", "import", str(file)) == counts(imported=450)
    assert len(in_json(prepared_run, "users", "list", "--email", "@many.example")) == 450
    recorded = in_json(prepared_run, "audit", "--command", "users import")
    assert "450 records" in [row["detail"] for row in recorded]


def test_nothing_is_imported_before_the_stage_is_prepared_for_the_hashes(
    local_run: LocalRun, lines: Callable[..., Path]
) -> None:
    """Until then, the time of a failed sign-in would say which addresses have an account."""
    hashed = "pbkdf2_sha256$2000$salt$" + "A" * 43 + "="
    weaker = hashed.replace("2000", "1000")
    records = (
        {"email": f"{number}@timing.example", "password_hash": one} for number, one in enumerate([hashed, weaker])
    )
    done = local_run.manage("users", "import", str(lines(*records)))
    assert (done.returncode, done.stdout) == (2, "")
    assert 'Set IMPORTED_PASSWORDS="pbkdf2_sha256:2000" for the stage and deploy it, then import.' in done.stderr
    assert in_json(local_run, "users", "list", "--email", "@timing.example") == []


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty."),
        (b"[", "is not JSON"),
        (b"\xff\xfe", "is not UTF-8 text."),
        (b"[]", "has no people."),
        (b'[{"model": "shop.order", "pk": 1, "fields": {}}]', "has no people. Django's models for them: auth.user"),
    ],
    ids=["empty", "cut off", "not text", "no records", "no people"],
)
def test_unusable_file_gets_a_one_line_error(
    local_run: LocalRun, tmp_path: Path, content: bytes, complaint: str
) -> None:
    file = tmp_path / "file.json"
    file.write_bytes(content)
    done = local_run.manage("users", "import", str(file))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert complaint in done.stderr


def test_existing_report_is_not_overwritten(local_run: LocalRun, lines: Callable[..., Path], tmp_path: Path) -> None:
    report = tmp_path / "report"
    report.write_text("precious", encoding="utf-8")
    done = local_run.manage("users", "import", str(lines({"email": "a@report.example"})), "--report", str(report))
    assert done.returncode == 2
    assert "--report:" in done.stderr
    assert report.read_text(encoding="utf-8") == "precious"
    assert in_json(local_run, "users", "list", "--email", "@report.example") == []


@pytest.mark.parametrize("value", [0, "false", None])
def test_account_of_a_dump_that_does_not_say_whether_it_is_active_is_left_out(
    local_run: LocalRun, tmp_path: Path, value: object
) -> None:
    """A site that stores it in another way must not have a disabled account enabled."""
    file = tmp_path / "dump.json"
    fields = {"email": "off@flags.example", "is_active": value}
    file.write_text(json.dumps([{"model": "auth.user", "pk": 1, "fields": fields}]), encoding="utf-8")
    done = local_run.manage("users", "import", str(file), "--json")
    assert json.loads(done.stdout) == counts(left_out=1)
    assert "auth.user 1 has a value for is_active that is not true or false." in done.stderr


def test_model_of_another_django_site_can_be_named(local_run: LocalRun, tmp_path: Path) -> None:
    file = tmp_path / "dump.json"
    record = {"model": "shop.Account", "pk": 7, "fields": {"email": "a@named.example", "password": ""}}
    file.write_text(json.dumps([record]), encoding="utf-8")
    assert in_json(local_run, "users", "import", str(file), "--user-model", "shop.account") == counts(imported=1)


@pytest.mark.spec("docs/reliability.md")
@pytest.mark.parametrize("fault", [Fault.UNAVAILABLE, Fault.LOSES_ANSWER])
def test_import_that_the_store_interrupted_goes_on_when_it_is_repeated(
    base_url: str, store: StoreProxy, lines: Callable[..., Path], fault: Fault
) -> None:
    del base_url  # the settings and the store of this process
    at = f"@{fault.name.lower()}.example"
    file = lines(*({"email": f"{number}{at}"} for number in range(20)))

    def run() -> None:
        import_users.run(Operator(), file, models=(), report_path=None)

    with store.fault(fault, "TransactWriteItems", passed=7), pytest.raises(StoreUnavailable):
        run()
    found = [user.find_by_email(f"{number}{at}") for number in range(20)]
    stored = len([one for one in found if one])
    assert stored >= 7
    assert stored < 20 or fault is Fault.LOSES_ANSWER
    run()
    ids = [one.user_id for one in map(user.find_by_email, (f"{number}{at}" for number in range(20))) if one]
    assert len(set(ids)) == 20
    assert {one.user_id for one in found if one} <= set(ids), "what was stored stays"
