"""The generated pages in docs/ are up to date with their sources; if one is not, run `make docs`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra.documents import DOCS, http_api, standards

ROOT = DOCS.parent


@pytest.mark.spec("OpenAPI 3.1")
def test_http_api_page_is_up_to_date() -> None:
    assert (DOCS / "http-api.md").read_text(encoding="utf-8") == http_api.page()


def test_standards_page_is_up_to_date() -> None:
    assert (DOCS / "standards.md").read_text(encoding="utf-8") == standards.page()


def test_every_rfc_tag_names_a_section() -> None:
    of_rfcs = [(path.name, name, tag) for path, name, tag in standards.tags() if tag.startswith("RFC")]
    assert len(of_rfcs) > 100
    assert [
        found for found in of_rfcs if not re.fullmatch(r"RFC \d+(bis)? (§\d+(\.\d+)*|appendix [A-Z])", found[2])
    ] == []


def test_every_other_tag_names_an_attack_or_a_document() -> None:
    known = re.compile(
        r"RFC .+|OpenID Connect .+|OAuth 2\.0 Form Post .+|OpenAPI 3\.1|FAPI 2\.0 §.+|MCP|WCAG .+|CVE-.+"
        r"|[\w-]+( [\w-]+)? #\d+|Hydra .+|node-oidc-provider .+"
    )
    others = {tag for _, _, tag in standards.tags() if not known.fullmatch(tag)}
    assert [tag for tag in sorted(others) if not (ROOT / tag).is_file()] == []


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))], ids=lambda page: page.name
)
def test_every_link_in_the_documentation_leads_somewhere(page: Path) -> None:
    for target in set(re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8"))):
        path, _, anchor = target.partition("#")
        if path.startswith("https://"):
            continue
        there = page.parent / path if path else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


def anchors(page: Path) -> set[str]:
    """The headings of a page as links name them: lowercase, without punctuation, with hyphens for spaces."""
    headings = [line.lstrip("#").strip() for line in page.read_text(encoding="utf-8").splitlines() if line[:1] == "#"]
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
