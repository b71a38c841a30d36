"""The secret at an identity provider is changed while processes run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import limits, settings
from chalicelib.keys import parameter_store
from infra.laptop.ministack import free_port
from tests.actors import Browser
from tests.conftest import Clock
from tests.local_aws import LocalAws
from tests.openid_provider import SECRET, OpenIDProvider
from tests.openid_sign_in import sign_in, somebody

pytestmark = pytest.mark.spec("docs/sign-in.md")
PARAMETER = "/lanyard/test/staff-secret"
TOKEN = "/token"


@pytest.fixture
def put(
    aws: LocalAws, provider: OpenIDProvider, use: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], None]]:
    """Puts a value into the SSM parameter that has the provider's secret."""
    monkeypatch.setitem(os.environ, "AWS_ENDPOINT_URL_SSM", aws.url)
    use(provider, more=f'secret_parameter = "{PARAMETER}"')
    changed: Any = replace(settings.SETTINGS, provider_secrets={})
    monkeypatch.setattr(settings, "SETTINGS", changed)

    def put(value: str) -> None:
        aws.put(PARAMETER, value)

    parameter_store.forget()
    put(SECRET)
    yield put
    parameter_store.forget()


@pytest.fixture
def signed_in(base_url: str, provider: OpenIDProvider) -> Callable[[], int]:
    """Signs somebody in. Returns the status."""
    return lambda: sign_in(Browser(base_url), provider, somebody()).status


def test_sign_in_with_a_secret_that_was_changed_succeeds(
    put: Callable[[str], None], provider: OpenIDProvider, signed_in: Callable[[], int]
) -> None:
    assert signed_in() == 200
    provider.secret = "another secret"
    put(provider.secret)
    assert signed_in() == 200
    assert provider.asked.count(TOKEN) == 3, "refused, and asked again with the new one"
    assert signed_in() == 200
    assert provider.asked.count(TOKEN) == 4


def test_secret_that_is_refused_is_read_again_at_most_once_a_minute(
    put: Callable[[str], None], provider: OpenIDProvider, signed_in: Callable[[], int], clock: Clock
) -> None:
    provider.secret = "another secret"
    assert signed_in() == 400, "the parameter has the same one"
    put(provider.secret)
    assert signed_in() == 400, "too soon"
    assert provider.asked.count(TOKEN) == 2
    clock.take(limits.SECRET_RENEWAL_SECONDS)
    assert signed_in() == 200


def test_parameter_that_cannot_be_read_again_leaves_the_secret_as_it_was(
    put: Callable[[str], None], provider: OpenIDProvider, signed_in: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert signed_in() == 200
    provider.secret = "another secret"
    monkeypatch.setitem(os.environ, "AWS_ENDPOINT_URL_SSM", f"http://127.0.0.1:{free_port()}")
    assert signed_in() == 400
    provider.secret = SECRET
    assert signed_in() == 200


def test_other_refusals_do_not_read_the_secret_again(
    put: Callable[[str], None], provider: OpenIDProvider, signed_in: Callable[[], int]
) -> None:
    assert signed_in() == 200
    provider.refusal = {"error": "invalid_grant"}
    put("another secret")
    assert signed_in() == 400
    provider.refusal = None
    assert signed_in() == 200, "with the secret that it knows"
