"""docs/standards.md: which test shows which part of which standard, from the tests' `spec` tags and their names.

A tag may also name a document of this repository, for readers of the test; those are not listed. Tests of known attacks
have a table of their own.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.documents import table

ROOT = Path(__file__).resolve().parent.parent.parent
_STANDARD = re.compile(r"(RFC \d+(?:bis)?|OpenAPI 3\.1|MCP)(?: (§\d[\d.]*|appendix [A-Z]))?")
_ATTACK = re.compile(r"CVE-\d{4}-\d+|(?:DOT|workers-oauth-provider|node-oidc-provider|Hydra) .+")
TITLES = {
    "RFC 4648": "Base64",
    "RFC 6265": "Cookies",
    "RFC 6749": "The OAuth 2.0 authorization framework",
    "RFC 6750": "Bearer token usage",
    "RFC 7009": "Token revocation",
    "RFC 7235": "HTTP authentication",
    "RFC 7515": "JSON Web Signature",
    "RFC 7517": "JSON Web Key",
    "RFC 7519": "JSON Web Token",
    "RFC 7521": "Assertion framework",
    "RFC 7523": "JWT client authentication",
    "RFC 7591": "Dynamic client registration",
    "RFC 7592": "Dynamic client registration management",
    "RFC 7636": "Proof key for code exchange (PKCE)",
    "RFC 7662": "Token introspection",
    "RFC 8252": "Native applications",
    "RFC 8414": "Authorization server metadata",
    "RFC 8628": "Device authorization grant",
    "RFC 8707": "Resource indicators",
    "RFC 8725": "JSON Web Token best current practices",
    "RFC 9110": "HTTP semantics",
    "RFC 9126": "Pushed authorization requests",
    "RFC 9207": "Issuer identification in answers",
    "RFC 9700": "Best current practice for OAuth 2.0 security",
    "RFC 9728": "Protected resource metadata",
    "OpenAPI 3.1": "Description of the HTTP API",
    "MCP": "Authorization in the Model Context Protocol",
}
_INTRODUCTION = """\
<!-- Made by `make docs` from the tests' tags. Tag a test and make it again. -->
# Standards

Which parts of each standard Lanyard implements, and the test for each. A behavior is the name of its test; `make test`
runs them all. Lanyard claims nothing that has no row here.
"""


@dataclass(frozen=True, order=True)
class Shown:
    """What one test shows."""

    standard: str
    section: str
    behaviour: str
    test: str


def page() -> str:
    return "\n".join(_lines()).rstrip() + "\n"


def tags() -> Iterator[tuple[Path, str, str]]:
    """Each test's file, name and tag, a tag at a time; a file's own tags count for each of its tests."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        module = ast.parse(path.read_text(encoding="utf-8"))
        everywhere = [tag for node in module.body if _is_pytestmark(node) for tag in _spec_tags(node)]
        for node in module.body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                own = [tag for decorator in node.decorator_list for tag in _spec_tags(decorator)]
                for tag in dict.fromkeys([*own, *everywhere]):
                    yield path, node.name, tag


def _lines() -> Iterator[str]:
    yield _INTRODUCTION
    shown = sorted(set(_shown(_STANDARD)), key=lambda found: (_order(found.standard), _order(found.section), found))
    for standard in dict.fromkeys(found.standard for found in shown):
        rows = [[found.section, found.behaviour, found.test] for found in shown if found.standard == standard]
        yield from (f"## {standard}: {TITLES[standard]}" if standard in TITLES else f"## {standard}", "")
        yield from (*table(["section", "behaviour", "test"], rows), "")
    yield from ("## Attacks that were found elsewhere", "")
    attacks = sorted(set(_shown(_ATTACK)))
    yield from table(
        ["attack", "behaviour", "test"], [[found.standard, found.behaviour, found.test] for found in attacks]
    )


def _shown(pattern: re.Pattern[str]) -> Iterator[Shown]:
    for path, name, tag in tags():
        found = pattern.fullmatch(tag)
        if found:
            standard, section = found.groups() or (tag, None)
            link = f"[{path.relative_to(ROOT / 'tests')}](../{path.relative_to(ROOT)})"
            yield Shown(standard, section or "", _sentence(name), link)


def _sentence(name: str) -> str:
    return name.removeprefix("test_").replace("_", " ")


def _order(text: str) -> tuple[tuple[int, str], ...]:
    """So that §10 comes after §9, and standards without a number last."""
    return tuple((int(part), "") if part.isdigit() else (10**6, part) for part in re.findall(r"\d+|[A-Za-z]+", text))


def _is_pytestmark(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and any(getattr(target, "id", "") == "pytestmark" for target in node.targets)


def _spec_tags(node: ast.AST) -> Iterator[str]:
    """The arguments of every `pytest.mark.spec(...)` in there."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "spec":
            yield from (str(argument.value) for argument in call.args if isinstance(argument, ast.Constant))
