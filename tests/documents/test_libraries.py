"""docs/connect/libraries.md lists the libraries with the versions that the suite runs, and quotes its samples."""

from __future__ import annotations

import json
import re
import tomllib

import pytest

from tests.local_run import ROOT

PAGE = (ROOT / "docs" / "connect" / "libraries.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \| `([^`]+)` \|$", PAGE, re.MULTILINE)
QUOTES = re.findall(r"^`([^`]+)`:\n\n```\w+\n(.*?)```$", PAGE, re.MULTILINE | re.DOTALL)
CLIENTS = ROOT / "tests" / "stock_clients"


def pinned(library: str, language: str) -> str:
    """The version that the suite installs."""
    match language:
        case "Python":
            pins = (ROOT / "requirements-test.txt").read_text(encoding="utf-8")
            found = re.search(rf"^{re.escape(library)}(?:\[[^]]*\])?==(\S+)", pins, re.MULTILINE | re.IGNORECASE)
        case "Node.js":
            packages = json.loads((CLIENTS / "package-lock.json").read_text(encoding="utf-8"))["packages"]
            return str(packages[f"node_modules/{library}"]["version"])
        case "Go":
            module = (CLIENTS / "go" / "go.mod").read_text(encoding="utf-8")
            found = re.search(rf"{re.escape(library)} (\S+)", module)
        case "Java":
            pom = (CLIENTS / "java" / "pom.xml").read_text(encoding="utf-8")
            assert f"<artifactId>{library}</artifactId>" in pom
            # Without a version of its own, an artifact has the one of Spring Boot's parent.
            own = re.search(rf"<artifactId>{re.escape(library)}</artifactId>\s*<version>(.+)</version>", pom)
            found = own or re.search(
                r"<artifactId>spring-boot-starter-parent</artifactId>\s*<version>(.+)</version>", pom
            )
        case "Rust":
            packages = tomllib.loads((CLIENTS / "rust" / "Cargo.lock").read_text(encoding="utf-8"))["package"]
            return next(str(package["version"]) for package in packages if package["name"] == library)
        case _:
            return "Debian 12's"
    assert found is not None, f"{library} is not pinned"
    return found[1]


@pytest.mark.spec("docs/connect/libraries.md")
@pytest.mark.parametrize(("library", "version", "language", "test"), ROWS, ids=[f"{row[0]} ({row[2]})" for row in ROWS])
def test_library_is_listed_with_the_version_that_runs(library: str, version: str, language: str, test: str) -> None:
    assert version == pinned(library, language)
    assert (ROOT / "tests" / test).exists()


@pytest.mark.spec("docs/connect/libraries.md")
def test_page_lists_and_quotes_something() -> None:
    assert (len(ROWS), len(QUOTES)) == (21, 11)


@pytest.mark.spec("docs/connect/libraries.md")
@pytest.mark.parametrize(("path", "code"), QUOTES, ids=[quote[0] for quote in QUOTES])
def test_quoted_code_is_what_the_suite_runs(path: str, code: str) -> None:
    assert code in (ROOT / path).read_text(encoding="utf-8")
