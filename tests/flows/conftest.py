"""The OpenID provider at which people sign in, where a test needs one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from chalicelib import identity_providers, settings
from chalicelib.protocol.upstream import provider_documents
from tests.openid_provider import CLIENT_ID, SECRET, OpenIDProvider


@pytest.fixture(scope="session")
def _running() -> Iterator[OpenIDProvider]:
    made = OpenIDProvider()
    yield made
    made.stop()


@pytest.fixture
def provider(_running: OpenIDProvider, use: Callable[..., None]) -> OpenIDProvider:
    """The provider `staff`, which says nothing odd."""
    provider_documents.MEMORY.metadata.clear()
    provider_documents.MEMORY.keys.clear()
    provider_documents.MEMORY.hanging.clear()
    _running.hangs, _running.secret = (), SECRET
    _running.metadata, _running.claims, _running.user_info, _running.refusal = {}, {}, {}, None
    _running.token_status, _running.token_response = 200, None
    _running.key = RSAKey.generate_key(2048, {"kid": "first", "use": "sig"})
    _running.published = [_running.key]
    _running.asked.clear()
    use(_running)
    return _running


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes the provider one of the stage's. more: of its keys in the file."""

    def make(provider: OpenIDProvider, *, passwords: bool = True, more: str = "") -> None:
        text = f"""
            passwords = {str(passwords).lower()}
            [providers.staff]
            title = {{ en = "Staff account", de = "Mitarbeiterkonto" }}
            issuer = "{provider.issuer}"
            client_id = "{CLIENT_ID}"
            {more}
        """
        found: Any = identity_providers.parse(text, is_local=True)
        changed: Any = replace(settings.SETTINGS, providers=found, provider_secrets={"staff": SECRET})
        monkeypatch.setattr(settings, "SETTINGS", changed)

    return make
