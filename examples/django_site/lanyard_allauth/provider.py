"""The provider: what a person's account at Lanyard says."""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.providers.base import ProviderAccount
from allauth.socialaccount.providers.oauth2.provider import OAuth2Provider

from examples.django_site.lanyard_allauth.views import LanyardAdapter


class LanyardAccount(ProviderAccount):
    pass


class LanyardProvider(OAuth2Provider):
    id = "lanyard"
    name = "Lanyard"
    account_class = LanyardAccount
    oauth2_adapter_class = LanyardAdapter

    def get_default_scope(self) -> list[str]:
        return ["profile"]

    def extract_uid(self, data: dict[str, Any]) -> str:
        return str(data["email"])

    def extract_common_fields(self, data: dict[str, Any]) -> dict[str, str]:
        return {"email": data["email"], "name": data["fullname"]}

    def extract_email_addresses(self, data: dict[str, Any]) -> list[EmailAddress]:
        return [EmailAddress(email=data["email"], verified=False, primary=True)]


provider_classes = [LanyardProvider]
