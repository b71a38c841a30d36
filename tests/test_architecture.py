"""The code follows the layout in docs/architecture.md, which its syntax trees show."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "chalicelib"
FILES = [ROOT / "app.py", *sorted(PACKAGE.rglob("*.py"))]
LINES_LIMIT = 300

FOUNDATION = {
    "limits",
    "settings",
    "credentials",
    "imported_passwords",
    "clock",
    "logs",
    "names",
    "messages",
    "request_source",
    "known_device",
    "deadline",
    "keys",
    "permissions",
    "identity_providers",
    "resource_url",
    "signing_keys",
    "toml_file",
    "logout_queue",
}
# What each folder may import from ours, besides itself.
MAY_IMPORT = {
    "app": {"composition"},
    "composition": {"endpoints", "settings", "logs"},
    "endpoints": {"provisioning", "protocol", "accounts", "models", "pages", "mail", *FOUNDATION},
    "provisioning": {"accounts", "models", *FOUNDATION},
    "protocol": {"models", "outbound", *FOUNDATION},
    "accounts": {"models", *FOUNDATION},
    "models": FOUNDATION,
    "pages": set[str](),
    "mail": FOUNDATION,
    "outbound": FOUNDATION,
    "logout_queue": {"deadline", "limits", "logs", "settings"},
    "names": {"settings", "limits", "messages", "lookalikes"},
    "lookalikes": set[str](),
    "messages": set[str](),
    "keys": {"settings", "limits", "deadline", "clock", "logs", "signing_keys"},
    "signing_keys": {"limits"},
    "request_source": {"limits"},
    "credentials": {"imported_passwords"},
    "imported_passwords": set[str](),
    "known_device": {"credentials"},
    "permissions": {"resource_url", "toml_file"},
    "identity_providers": {"toml_file"},
    "toml_file": set[str](),
    "resource_url": set[str](),
    "settings": {
        "environment",
        "environment_keys",
        "limits",
        "imported_passwords",
        "permissions",
        "identity_providers",
    },
    "limits": set[str](),
    "environment": {"imported_passwords", "permissions", "resource_url", "identity_providers"},
    "environment_keys": {"environment", "signing_keys"},
    "clock": set[str](),
    "deadline": {"limits", "clock"},
    "logs": {"metrics"},
    "metrics": {"settings", "clock"},
}
# Inside a folder: what each subfolder, and each file beside the subfolders, may import from the others.
FOLDERS = {
    "protocol": {
        "rules": set[str](),
        "errors": set[str](),
        "clients": {"rules", "errors"},
        "openid": {"rules"},
        "authorization": {"rules", "errors", "clients", "openid"},
        "grants": {"rules", "errors", "clients", "authorization", "openid"},
        "tokens": {"rules", "errors", "clients", "grants"},
        "upstream": {"rules"},
        "server_metadata": {"rules", "clients", "authorization", "grants", "openid"},
    },
    "endpoints": {
        "http": set[str](),
        "oauth": {"http"},
        "api": {"http"},
        "people": {"http"},
        "developers": {"http"},
        "scim": {"http"},
        "static": {"http"},
        "not_found": {"http"},
        "authorizer": {"api"},
        "logout_sender": {"oauth"},
    },
}
HOMES = {
    "chalice": {"composition", "endpoints"},
    "oauthlib": {"protocol"},
    "pynamodb": {"models"},
    "scim2_models": {"provisioning"},
    "pydantic": {"provisioning"},
    "jinja2": {"pages"},
    "argon2": {"credentials", "imported_passwords"},
    "bcrypt": {"imported_passwords"},
    "joserfc": {"protocol", "keys"},
    "boto3": {"mail", "keys", "logout_queue"},
    "botocore": {"mail", "keys", "logout_queue"},
}
# What views of a folder share, or keep in a file of its own. No other view is imported by a view.
SHARED_ENDPOINTS = {
    *(
        "mailed_link",
        "own_application",
        "application_form",
        "openid_form",
        "consent_page",
        "sign_in_again",
        "authorization_answer",
        "scim_request",
    ),
}
# What pages are built from. `http` exports it; views import only these two of its modules.
HTTP_FOR_VIEWS = {"browser_session", ""}
# Where a Lambda function starts. Only these modules read the environment.
ENTRY_MODULES = {"app.py", "chalicelib/endpoints/authorizer.py", "chalicelib/endpoints/logout_sender.py"}
# The operator's functions: `manage.py` calls them, and nothing that serves a request does.
# An operator's paged listing is the one request that may scan: SCIM's list of all users or organizers.
SCANS = {"scan", "scan_page", "scan_count"}
LISTING = "chalicelib/provisioning/listing.py"
OPERATORS_FUNCTIONS = {"all_users", "all_applications", "all_organizers", "all_memberships"}


def top_level_of(path: Path) -> str:
    """The top-level folder that a file belongs to, or its own name if it is not in one."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py") if path.is_relative_to(PACKAGE) else "app"


def folder_of(path: Path) -> str:
    """The subfolder inside the top-level folder, or the file's own name if it is not in one."""
    return path.relative_to(PACKAGE).parts[1].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    """Everything a file imports, anywhere in it: `chalicelib.models.user` for `from chalicelib.models import user`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ours(path: Path) -> Iterator[list[str]]:
    yield from (parts[1:] for name in imports(path) if (parts := name.split("."))[0] == "chalicelib")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.spec("docs/architecture.md")
@pytest.mark.parametrize("path", FILES, ids=named)
def test_top_level_folders_import_only_those_below_them(path: Path) -> None:
    top = top_level_of(path)
    allowed = MAY_IMPORT.get(top, set()) | {top}
    assert [".".join(parts) for parts in ours(path) if parts[0] not in allowed] == []


@pytest.mark.spec("docs/architecture.md")
@pytest.mark.parametrize("path", FILES, ids=named)
def test_each_library_is_imported_by_only_one_folder(path: Path) -> None:
    strangers = [
        name for name in imports(path) if top_level_of(path) not in HOMES.get(name.split(".")[0], {top_level_of(path)})
    ]
    assert strangers == []


@pytest.mark.spec("docs/architecture.md")
@pytest.mark.parametrize("path", [path for path in FILES if top_level_of(path) in FOLDERS], ids=named)
def test_subfolders_import_only_those_below_them(path: Path) -> None:
    top, folder = top_level_of(path), folder_of(path)
    if folder == "__init__":
        return
    found = {parts[1] for parts in ours(path) if parts[0] == top and len(parts) > 1}
    assert found - {folder} <= FOLDERS[top][folder]


@pytest.mark.spec("docs/architecture.md")
@pytest.mark.parametrize("path", sorted((PACKAGE / "models" / "store").glob("*.py")), ids=named)
def test_store_modules_do_not_import_the_models(path: Path) -> None:
    assert {parts[1] for parts in ours(path) if parts[0] == "models"} <= {"store"}


@pytest.mark.spec("docs/architecture.md")
@pytest.mark.parametrize("path", sorted((PACKAGE / "endpoints").rglob("*.py")), ids=named)
def test_views_share_only_modules_that_are_meant_for_all_of_them(path: Path) -> None:
    for parts in ours(path):
        if parts[0] != "endpoints" or named(path) in ENTRY_MODULES:
            continue
        if parts[1] == "http":
            below = parts[2] if len(parts) > 2 and (PACKAGE / "endpoints" / "http" / f"{parts[2]}.py").exists() else ""
            assert folder_of(path) == "http" or below in HTTP_FOR_VIEWS, parts
        elif len(parts) > 2:
            assert parts[2] in SHARED_ENDPOINTS, parts


@pytest.mark.spec("docs/architecture.md")
@pytest.mark.parametrize("name", sorted(ENTRY_MODULES))
def test_entry_module_defines_nothing(name: str) -> None:
    body = ast.parse((ROOT / name).read_text(encoding="utf-8")).body
    assert not [node for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)]


@pytest.mark.spec("docs/architecture.md")
@pytest.mark.parametrize("path", FILES, ids=named)
def test_no_file_is_longer_than_the_limit(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LINES_LIMIT


@pytest.mark.spec("CONTRIBUTING.md")
@pytest.mark.parametrize("path", FILES, ids=named)
def test_only_entry_modules_read_the_environment(path: Path) -> None:
    reads = [name for name in imports(path) if name.split(".")[0] == "os"]
    assert reads == [] or named(path) in ENTRY_MODULES


@pytest.mark.spec("docs/architecture.md")
def test_only_the_operators_functions_and_the_listing_scan() -> None:
    scanning, called = set(), set()
    for path in FILES:
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef) and path.stem != "reading" and named(path) != LISTING:
                names = {node.attr for node in ast.walk(function) if isinstance(node, ast.Attribute)}
                names |= {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
                scanning |= {(path.stem, function.name)} if names & SCANS else set()
                called |= {(named(path), name) for name in names & OPERATORS_FUNCTIONS}
    assert ("user", "all_users") in scanning
    assert {name for _, name in scanning} == OPERATORS_FUNCTIONS
    assert called == set(), "a request calls a function that scans"
