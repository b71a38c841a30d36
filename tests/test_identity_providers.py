"""The file of identity providers: what it says, and clear errors for what it must not say."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib import identity_providers, settings
from chalicelib.identity_providers import OpenIDProvider, PlatformPage, ProvidersError
from chalicelib.settings import SettingsError
from infra.deployment import policy, templates

pytestmark = pytest.mark.spec("docs/sign-in.md")
TITLE = 'title = { en = "Staff", de = "Team" }'
OPENID = f'[providers.staff]\n{TITLE}\nissuer = "https://login.example.com"\nclient_id = "lanyard"'
PAGE = f'[providers.shop]\n{TITLE}\npage = "https://shop.example.com/sign-in"'


def test_example_says_what_the_documents_say() -> None:
    found = identity_providers.load("example", is_local=False)
    staff, shop = found.by_name.values()
    assert isinstance(staff, OpenIDProvider)
    assert isinstance(shop, PlatformPage)
    assert not found.has_passwords
    assert staff.scopes == ("openid", "email", "profile")
    assert found.secret_parameters == ["/lanyard/prod/staff-secret"]
    assert (staff.makes_accounts, staff.links_by_email, staff.has_platform_subjects) == (True, True, False)


def test_without_a_file_there_are_passwords_alone() -> None:
    found = identity_providers.load("", is_local=False)
    assert (found.has_passwords, dict(found.by_name)) == (True, {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = [", "it is not TOML"),
        ("x = " + "[" * 10_000, "nested too deeply"),
        ("", "providers: give 1 to 20"),
        ("providers = 7", "providers must be a table"),
        (f"other = 1\n{OPENID}", "the file has 'other'"),
        (f"passwords = 1\n{OPENID}", "passwords must be true or false"),
        (OPENID.replace("staff", "Staff"), "providers.Staff: a name has"),
        (f"[providers.staff]\n{TITLE}", "must have either an issuer or a page"),
        (f'{OPENID}\npage = "https://shop.example.com"', "must have either an issuer or a page"),
        (f"{OPENID}\nnew_acounts = true", "has 'new_acounts'"),
        (f'{PAGE}\nclient_id = "x"', "has 'client_id'"),
        (OPENID.replace(', de = "Team"', ""), "providers.staff.title.de must be one line"),
        (OPENID.replace("https://login", "http://login"), "providers.staff.issuer must be an https:// address"),
        (OPENID.replace("example.com", "example.com/?a=b"), "providers.staff.issuer must be an https:// address"),
        (OPENID.replace("https://login.example.com", "http://127.0.0.1:9000"), "must be an https:// address"),
        (OPENID.replace("example.com", "example.com:99999"), "must be an https:// address"),
        (OPENID.replace("example.com", "example.com:8443"), "providers.staff.issuer must have no port"),
        (OPENID.replace('"lanyard"', "7"), "providers.staff.client_id must be a text"),
        (f'{OPENID}\nsecret_parameter = "a b"', "must be the name of an SSM parameter"),
        (f'{OPENID}\nscopes = ["email"]', "must be a list of scopes with openid among them"),
        (f"{OPENID}\nlinks_by_email = 1", "providers.staff.links_by_email must be true or false"),
        (f'{OPENID}\norganizers = {{ a = "b" }}', "needs organizers_claim"),
        (f'{OPENID}\norganizers_claim = "g"\norganizers = {{ a = "B!" }}', "must be the slug of an organizer"),
        (f"{OPENID}\n{OPENID.replace('providers.staff', 'providers.other')}", "two providers have the same subjects"),
        (f"{PAGE}\n{PAGE.replace('providers.shop', 'providers.other')}", "two providers have the same subjects"),
    ],
)
def test_mistake_is_named_with_its_place(text: str, said: str) -> None:
    with pytest.raises(ProvidersError, match=said.replace("(", r"\(")):
        identity_providers.parse(text, is_local=False)


def test_provider_on_the_same_machine_is_for_a_laptop_alone() -> None:
    found = identity_providers.parse(
        OPENID.replace("https://login.example.com", "http://127.0.0.1:9000/x"), is_local=True
    )
    staff = found.by_name["staff"]
    assert isinstance(staff, OpenIDProvider)
    assert staff.issuer == "http://127.0.0.1:9000/x"


@pytest.mark.parametrize("name", ["nothing", "../secret", "Example"])
def test_file_that_is_not_there_stops_the_process_and_the_deployment(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError, match="IDENTITY_PROVIDERS"):
        settings.from_environment({"IDENTITY_PROVIDERS": name})
    monkeypatch.setattr(templates, "variables", lambda _: {"IDENTITY_PROVIDERS": name})
    with pytest.raises(templates.NotDeployable, match="IDENTITY_PROVIDERS"):
        templates.check_providers("prod")


def test_secrets_come_from_the_environment_and_are_not_shown() -> None:
    found = settings.from_environment({"PROVIDER_SECRET_THE_SHOP": "of the shop", "PROVIDER_SECRET_STAFF": ""})
    assert found.provider_secrets == {"the-shop": "of the shop"}
    assert "of the shop" not in repr(found)


def test_function_may_read_the_secrets_that_the_file_names(monkeypatch: pytest.MonkeyPatch) -> None:
    given: Any = {"IDENTITY_PROVIDERS": "example", "SERVER_KEY_PARAMETER": "/lanyard/key"}
    monkeypatch.setattr(templates, "variables", lambda _: given)
    statements = [one for one in policy.document("prod", "api")["Statement"] if one["Action"] == ["ssm:GetParameter"]]
    assert [one["Resource"] for one in statements] == [
        ["arn:aws:ssm:*:*:parameter/lanyard/key", "arn:aws:ssm:*:*:parameter/lanyard/prod/staff-secret"]
    ]
    authorizers = policy.document("prod", "authorizer")["Statement"]
    assert not [one for one in authorizers if one["Action"] == ["ssm:GetParameter"]]
