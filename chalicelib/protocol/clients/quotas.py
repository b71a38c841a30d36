"""Limits on requests that make this provider store something at no cost to the application: pushed requests, device
requests and registrations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from oauthlib.oauth2 import OAuth2Error

from chalicelib import limits, logs
from chalicelib.models import throttle
from chalicelib.models.application import Application
from chalicelib.models.throttle import Limit


class TooManyRequestsError(OAuth2Error):  # type: ignore[misc] # oauthlib has no types
    """A 429 response, with the seconds to wait (RFC 9126 §2.3, RFC 6585 §4)."""

    error = "temporarily_unavailable"
    status_code = 429

    def __init__(self, what: str, window_seconds: int) -> None:
        wait = throttle.seconds_left(window_seconds)
        super().__init__(f"Too many {what} recently. Try again in {wait} seconds, and send fewer.")
        self.retry_after_seconds = wait


@contextmanager
def counted(what: str, quota: Iterable[Limit], *, window_seconds: int) -> Iterator[None]:
    """Count one more against each limit of the quota while the block stores it. Raises TooManyRequestsError.

    what: the kind of request in words, for the response and the log. Concurrent requests all count. A request that the
    store could not keep does not.
    """
    try:
        with throttle.trying(quota, window_seconds=window_seconds):
            yield
    except throttle.TooManyTries as error:
        logs.note(security_event=f"{what} throttled")
        raise TooManyRequestsError(what, window_seconds) from error


def count_pushed_request(client: Application, address: str) -> None:
    """Raises TooManyRequestsError."""
    most = limits.PUSHED_REQUESTS_PER_CLIENT, limits.PUSHED_REQUESTS_PER_ADDRESS
    _count_of("pushed requests", client, address, *most)


def count_device_request(client: Application, address: str) -> None:
    """Raises TooManyRequestsError."""
    most = limits.DEVICE_REQUESTS_PER_CLIENT, limits.DEVICE_REQUESTS_PER_ADDRESS
    _count_of("device requests", client, address, *most)


def _count_of(what: str, client: Application, address: str, per_client: int, per_address: int) -> None:
    """Anybody can name a public client, so its requests are counted separately for each address: strangers elsewhere
    cannot use up its limit."""
    whose = (client.client_id,) if client.is_confidential else (client.client_id, address)
    quota = [
        Limit(throttle.named(f"{what} client", *whose), per_client),
        *throttle.per_network(f"{what} address", address, per_address),
    ]
    with counted(what, quota, window_seconds=limits.REQUESTS_WINDOW_SECONDS):
        pass  # with a window of one minute it does not matter whether the request is stored
