"""`make conformance` says what it needs."""

from __future__ import annotations

import pytest

from tests.local_run import LocalRun


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ((), "make conformance needs the address of a conformance suite that is running"),
        (("SUITE=http://localhost:8443",), "make conformance needs the address of a conformance suite that is running"),
        (("SUITE=https://localhost:8443", "PLAN=none"), "PLAN must be one of fapi-oauth, fapi-openid, basic, config,"),
        (("SUITE=https://localhost:1",), "The suite at https://localhost:1 does not answer: ConnectionError"),
    ],
)
def test_make_conformance_without_a_suite_says_so_in_one_line(
    local_run: LocalRun, variables: tuple[str, ...], says: str
) -> None:
    ended = local_run.run("make", "--no-print-directory", "conformance", *variables)
    assert ended.returncode == 2
    first, *of_make = ended.stderr.splitlines()
    assert first.startswith(says)
    assert all(line.startswith("make") for line in of_make)
    assert ended.stdout == ""
