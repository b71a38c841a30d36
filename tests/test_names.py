"""What people may type as a name."""

from __future__ import annotations

import pytest

from chalicelib.names import NameProblem, check_name


@pytest.mark.parametrize("name", ["", " ", "\u200b", "\u3164", "\u2800\u2800", "\u202e", "\u200d", "\u00ad"])
def test_a_name_that_nobody_could_see_is_none(name: str) -> None:
    with pytest.raises(NameProblem, match="must not be empty"):
        check_name(name)


@pytest.mark.parametrize("name", ["two\nlines", "two\u2028lines", "two\u2029lines", "nul\x00", "\ud800x"])
def test_a_name_is_one_line_without_control_characters(name: str) -> None:
    with pytest.raises(NameProblem, match="line breaks or other control characters"):
        check_name(name)


@pytest.mark.parametrize(
    "name", ["Müller & Söhne", "חנות", "店", "👩‍👩‍👧", "<script>alert(1)</script>", "x" * 255, "❤️"]
)
def test_a_name_may_be_in_any_script(name: str) -> None:
    assert check_name(f" {name} ") == name


def test_a_name_has_a_limit() -> None:
    with pytest.raises(NameProblem, match="255"):
        check_name("x" * 256)
