"""A terminal never obeys characters in names that people chose, not even in names stored before they were checked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from chalicelib import credentials
from chalicelib.models import user, user_erasure
from infra.commands import Operator
from infra.commands.users import users
from infra.terminal import printable

ROOT = Path(__file__).resolve().parent.parent

HOSTILE = "Ev\u202eil\x1b]0;title\x07\u009b2J\u200b\u2028"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Müller 店 👩🏽", "Müller 店 👩🏽"),
        ("two\nlines", "two\nlines"),
        ("\x1b[31mred", "\\u001b[31mred"),
        ("\x9b2J\r\t\x7f", "\\u009b2J\\u000d\\u0009\\u007f"),
        ("a\u202eb\u2066c\u200bd", "a\\u202eb\\u2066c\\u200bd"),
        ("\U000e0041", "\\udb40\\udc41"),
        ("\ud800", "\\ud800"),
    ],
)
def test_characters_that_a_terminal_would_obey_are_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert json.loads(printable(json.dumps(text, ensure_ascii=False))) == text


@pytest.mark.usefixtures("_ministack")
def test_operators_list_escapes_names() -> None:
    email = f"{credentials.new_serial().lower()}@example.org"
    made = user.create(email=email, password="a long password", fullname=HOSTILE, locale="en", timezone="UTC")
    try:
        listed = CliRunner().invoke(users, ["list", "--limit", "1000000"], obj=Operator()).output
        as_json = CliRunner().invoke(users, ["list", "--json"], obj=Operator()).output
    finally:
        user_erasure.erase(made)
    line = next(line for line in listed.splitlines() if email in line)
    assert "Ev\\u202eil\\u001b]0;title\\u0007\\u009b2J\\u200b\\u2028" in line
    assert not any(hidden in listed + as_json for hidden in "\u202e\x1b\x07\u009b\u200b\u2028")
    (row,) = [row for row in json.loads(as_json) if row["email"] == email]
    assert row["fullname"] == HOSTILE


def test_only_manage_and_output_write_to_the_terminal() -> None:
    files = [ROOT / "manage.py", *(ROOT / "infra" / "commands").glob("*.py")]
    writing = {path.name for path in files if "click.echo(" in path.read_text(encoding="utf-8")}
    assert writing == {"manage.py", "output.py"}
    lines = [line.strip() for line in files[0].read_text(encoding="utf-8").splitlines() if "click.echo(" in line]
    assert lines == [
        'click.echo(printable(f"Error: {error.format_message()}"), err=True)',
        'click.echo("Stopped.", err=True)',
    ]
