"""The permission catalogue: which files are good, and what is said about the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from chalicelib import permissions, settings
from chalicelib.pages import language
from chalicelib.permissions import Catalogue, CatalogueError
from chalicelib.settings import RequiredScope, SettingsError, from_environment
from infra.deployment import templates

pytestmark = pytest.mark.spec("docs/permissions.md")
FILES = sorted(path.stem for path in permissions.FOLDER.glob("*.toml"))
WORDS = 'title = { en = "See it", de = "Es sehen" }\n'
SMALL = f"default = ['see']\n[scopes.see]\n{WORDS}"


def scope(name: str, more: str = "") -> str:
    return f"[scopes.{name}]\n{WORDS}{more}\n"


def test_every_file_of_the_folder_is_good() -> None:
    assert "default" in FILES
    for name in FILES:
        assert permissions.load(name).scopes, name


def test_words_are_in_the_languages_of_the_pages() -> None:
    assert set(permissions.LANGUAGES) == set(language.LANGUAGES)


@pytest.mark.spec("docs/http-api.md")
def test_default_catalogue_has_the_three_scopes_of_our_own_api() -> None:
    found = permissions.load("default")
    assert found.names == ("read", "write", "profile")
    assert found.default == ("read", "write")
    assert dict(found.own_api) == {"list_organizers": "read", "rename_organizers": "write"}
    assert (set(found.always), set(found.of_organizers)) == ({"profile"}, {"read", "write"})
    assert found.with_implied(["write"]) == {"write"}


def test_scope_includes_what_its_included_scopes_include() -> None:
    found = permissions.parse(
        scope("manage", "implies = ['sell']") + scope("sell", "implies = ['see', 'manage']") + scope("see")
    )
    assert found.with_implied(["manage"]) == {"manage", "sell", "see"}
    assert found.with_implied(["see", "gone"]) == {"see"}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "scopes must be a table, written as [scopes]"),
        ("[scopes]", "scopes: give 1 to 100, each as [scopes.NAME]"),
        ("[scopes.see", "it is not TOML: "),
        ("scopes = 3", "scopes must be a table"),
        ("[scopes]\nsee = 'x'", "scopes.see must be a table"),
        (SMALL + "[other]", "the file has 'other', which is not one of: default, own_api, resources, scopes"),
        (SMALL + "words = 1", "scopes.see has 'words', which is not one of: "),
        (scope("'a b'"), "scopes.a b: a scope has at most 80 "),
        (scope("'\"'"), "a scope has at most 80 "),
        (scope("'" + "a" * 81 + "'"), "a scope has at most 80 "),
        (scope("openid"), "scopes.openid: OpenID Connect gives this scope its meaning"),
        ("[scopes.see]", "scopes.see.title must be a table"),
        ("[scopes.see]\ntitle = { en = 'See it' }", "scopes.see.title.de must be one line of 1 to 200 characters"),
        ("[scopes.see]\ntitle = { en = '', de = 'x' }", "scopes.see.title.en must be one line"),
        ('[scopes.see]\ntitle = { en = "a\\nb", de = "x" }', "scopes.see.title.en must be one line"),
        (
            "[scopes.see]\ntitle = { en = 'x', de = 'x', fr = 'x' }",
            "scopes.see.title has 'fr', which is not one of: de, en",
        ),
        (scope("see", "detail = { en = 'More' }"), "scopes.see.detail.de must be one line"),
        (scope("see", "organizers = 'yes'"), "scopes.see.organizers must be true or false"),
        (scope("see", "risk = 'middle'"), "scopes.see.risk must be low or high"),
        (scope("see", "implies = 'sell'"), "scopes.see.implies must be a list of different scopes"),
        (scope("see", "implies = ['sell']"), "scopes.see.implies names 'sell', which is no scope of this file"),
        (
            scope("see", "lasts = '8 weeks'"),
            'scopes.see.lasts must be hours or days, like "8 hours", and at most 365 days',
        ),
        (scope("see", "lasts = '0 hours'"), "scopes.see.lasts must be hours or days"),
        (scope("see", "lasts = '366 days'"), "scopes.see.lasts must be hours or days"),
        (scope("see", "lasts = 8"), "scopes.see.lasts must be hours or days"),
        (
            scope("see", "implies = ['sell']") + scope("sell", "lasts = '1 day'"),
            "scopes.see includes 'sell', which ends",
        ),
        (
            scope("see", "implies = ['sell']\nlasts = '25 hours'") + scope("sell", "lasts = '1 day'"),
            "scopes.see includes 'sell', which ends, so it must not last longer",
        ),
        (scope("see", "organizers = false\nalways = true\nlasts = '1 day'"), "it has no lasts and no version"),
        (scope("see", "organizers = false\nalways = true\nversion = 2"), "it has no lasts and no version"),
        (scope("see", "version = 0"), "scopes.see.version must be a whole number from 1 to 9999"),
        (scope("see", "version = true"), "scopes.see.version must be a whole number"),
        (scope("see", "version = '2'"), "scopes.see.version must be a whole number"),
        (scope("see", "always = true"), "scopes.see: what every application may do needs no organizers"),
        (
            scope("see", "organizers = false\nimplies = ['sell']") + scope("sell"),
            "scopes.see includes a scope that is given for organizers, so it has to be given for them too",
        ),
        ("default = ['sell']\n" + scope("see"), "default names 'sell', which is no scope of this file"),
        ("default = ['see', 'see']\n" + scope("see"), "default must be a list of different scopes"),
        (
            SMALL + "[own_api]\nread = 'see'",
            "own_api has 'read', which is not one of: list_organizers, rename_organizers",
        ),
        (SMALL + "[own_api]\nlist_organizers = 'sell'", "own_api.list_organizers must be a scope of this file"),
        ("own_api.list_organizers = ['see']\n" + SMALL, "own_api.list_organizers must be a scope of this file"),
        ("own_api.list_organizers = {}\n" + SMALL, "own_api.list_organizers must be a scope of this file"),
        ("default = " + "[" * 10_000, "it is not TOML: it is nested too deeply"),
        (
            scope("see", "organizers = false\nalways = true\nimplies = ['sell']")
            + scope("sell", "organizers = false\nversion = 2"),
            "scopes.see includes 'sell', which people have to allow",
        ),
        (
            scope("see", "organizers = false\nalways = true\nimplies = ['sell']")
            + scope("sell", "organizers = false\nrisk = 'high'"),
            "scopes.see includes 'sell', which people have to allow",
        ),
    ],
)
def test_mistake_in_a_file_is_named(text: str, complaint: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        permissions.parse(text)
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("nothing", "there is no file chalicelib/permissions/nothing.toml"),
        ("../../../secrets", "is no name of a file"),
        ("A", "is no name of a file"),
    ],
)
def test_setting_that_names_no_good_file_is_refused(name: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match="PERMISSIONS: ") as caught:
        from_environment({"PERMISSIONS": name})
    assert complaint in str(caught.value)


def test_stage_with_a_bad_catalogue_is_not_packaged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(permissions, "FOLDER", tmp_path)
    monkeypatch.setattr(templates, "variables", lambda _: {"PERMISSIONS": "mine"})
    for content, complaint in ((b"\xff", "mine.toml is not UTF-8"), (b"x = 1", "mine.toml: the file has 'x'")):
        (tmp_path / "mine.toml").write_bytes(content)
        with pytest.raises(templates.NotDeployable, match=complaint):
            templates.check_permissions("prod")
    (tmp_path / "mine.toml").write_text(SMALL, encoding="utf-8")
    templates.check_permissions("prod")


API = "https://api.example.com/"


def resource(*lines: str, address: str = API) -> str:
    return "\n".join([f'[resources."{address}"]', *lines, ""])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("resources = 3\n" + SMALL, "resources must be a table, written as [resources]"),
        (SMALL + resource(), f'resources."{API}".scopes must be a list of different scopes'),
        (SMALL + resource("scopes = []"), f'resources."{API}".scopes must name at least one scope'),
        (
            SMALL + resource("scopes = ['sell']"),
            f"resources.\"{API}\".scopes names 'sell', which is no scope of this file",
        ),
        (SMALL + resource("scopes = ['see']", "words = 1"), f"resources.\"{API}\" has 'words', which is not one of: "),
        (SMALL + resource("scopes = ['see']", "title = { en = 'x' }"), f'resources."{API}".title.de must be one line'),
        (
            SMALL + resource("scopes = ['see']", address="api"),
            'resources."api": an address is like https://api.example.',
        ),
        (SMALL + resource("scopes = ['see']", address="https://a@b/"), "without a user or a #fragment"),
        (
            SMALL + resource("scopes = ['see']") + resource("scopes = ['see']", address="HTTPS://API.example.com:443"),
            f'resources."HTTPS://API.example.com:443" is the same address as {API}',
        ),
        (
            SMALL + resource("scopes = ['see']", "token_lifetime = '25 hours'"),
            f'resources."{API}".token_lifetime must be minutes or hours, like "15 minutes", and at most 24 hours',
        ),
        (SMALL + resource("scopes = ['see']", "token_lifetime = 900"), "token_lifetime must be minutes or hours"),
        (
            SMALL + resource("scopes = ['see']", "token_format = 'JWT'"),
            f'resources."{API}".token_format must be "opaque" or "jwt"',
        ),
        (SMALL + resource("scopes = ['see']", "required_scopes = 'GET /* see'"), "must be a list of rules"),
        (
            SMALL + resource("scopes = ['see']", "required_scopes = ['/* see']"),
            f"resources.\"{API}\".required_scopes takes rules like 'GET /tickets* checkin', not '/* see'",
        ),
        (SMALL + resource("scopes = ['see']", "required_scopes = ['GET /a*b see']"), "takes rules like"),
        (SMALL + resource("scopes = ['see']", "required_scopes = ['GET / see; x']"), "takes rules like"),
        (SMALL + resource("scopes = ['see']", "required_scopes = [1]"), "takes rules like"),
        (
            SMALL + scope("sell") + resource("scopes = ['see']", "required_scopes = ['GET /* sell']"),
            "required_scopes requires 'sell', which is no scope of this resource",
        ),
        (
            SMALL + "".join(resource("scopes = ['see']", address=f"https://a{number}/") for number in range(101)),
            "resources: give at most 100",
        ),
    ],
)
def test_mistake_in_a_resource_is_named(text: str, complaint: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        permissions.parse(text)
    assert complaint in str(caught.value)


def test_resource_is_found_in_every_spelling() -> None:
    found = permissions.parse(
        SMALL
        + resource(
            "scopes = ['see']", "token_lifetime = '15 minutes'", "required_scopes = ['get /x* see', '* /* -']", WORDS
        )
    )
    named = found.resource("HTTPS://api.EXAMPLE.com:443")
    assert named is not None
    assert (named.address, named.scopes, named.token_lifetime_seconds) == (API, frozenset({"see"}), 900)
    assert named.title["de"] == "Es sehen"
    assert [(rule.method, rule.path, rule.scope) for rule in named.required_scopes] == [
        ("GET", "/x*", "see"),
        ("*", "/*", "-"),
    ]
    assert found.resource("https://other.example.com") is None


def read(monkeypatch: pytest.MonkeyPatch, catalogue: str, **environment: str) -> settings.Settings:
    monkeypatch.setattr(permissions, "load", lambda _: permissions.parse(catalogue))
    return from_environment(environment)


def test_resources_of_the_catalogue_are_added_to_those_of_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    text = SMALL + resource("scopes = ['see']") + resource("scopes = ['see']", address="https://other.example.com/x")
    listed = "https://one.example.com https://API.example.com"
    assert read(monkeypatch, text, RESOURCES=listed).resources == (*listed.split(), "https://other.example.com/x")
    assert read(monkeypatch, text).resources == (API, "https://other.example.com/x")


def test_rules_of_the_catalogue_hold_for_the_apis_that_are_its_resources(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = resource("scopes = ['see']", "required_scopes = ['GET /* see', '* /x -']")
    text = SMALL + rules + resource("scopes = ['see']", address="https://other.example.com/")
    apis = f"abc123 {API}; def456 https://other.example.com/; ghi789 {API}"
    assert read(monkeypatch, text, AUTHORIZER_RESOURCES=apis).required_scopes == (
        RequiredScope("abc123", "GET", "/*", "see"),
        RequiredScope("abc123", "*", "/x", "-"),
        RequiredScope("ghi789", "GET", "/*", "see"),
        RequiredScope("ghi789", "*", "/x", "-"),
    )
    set_ = read(monkeypatch, text, AUTHORIZER_RESOURCES=apis, REQUIRED_SCOPES="* * /* see").required_scopes
    assert set_ == (RequiredScope("*", "*", "/*", "see"),)
    assert read(monkeypatch, text).required_scopes == (), "no API is served, so every route is refused"
    assert len(read(monkeypatch, SMALL).required_scopes) == 3, "a catalogue without rules leaves the default"


def test_scope_lasts_for_hours_or_days() -> None:
    found = permissions.parse(scope("a", "lasts = '1 hour'") + scope("b", "lasts = '90 days'") + scope("c"))
    assert [scope.lasts_seconds for scope in found.scopes.values()] == [3600, 90 * 86_400, None]


def test_large_catalogue_stays_in_its_limit() -> None:
    most: Catalogue = permissions.parse("".join(scope(f"s{number}") for number in range(100)))
    assert len(most.names) == 100
    with pytest.raises(CatalogueError, match="scopes: give 1 to 100"):
        permissions.parse("".join(scope(f"s{number}") for number in range(101)))
