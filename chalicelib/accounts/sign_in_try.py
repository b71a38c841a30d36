"""A try to sign in: how it is counted, how many there may be, and what becomes of the counts.

A browser that has signed in to the account before has its own count. So strangers, who can use up every other count,
cannot keep the account's owner out. (OWASP, "Device cookies")
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

from chalicelib import clock, limits
from chalicelib.models import store, throttle
from chalicelib.models.email_address import EmailAddress, normalize
from chalicelib.models.throttle import Limit, Throttle, Tried, named
from chalicelib.models.user import User

# These words are part of stored keys, so they stay as earlier versions wrote them.
ADDRESS, _ACCOUNT, _ACCOUNT_FROM, _DEVICE, _FAILED = (
    "log-in address",
    "log-in account",
    "log-in account from",
    "log-in device",
    "log-ins failed",
)
WINDOW = limits.SIGN_IN_WINDOW_SECONDS


@dataclass(frozen=True)
class SignInTry:
    """email: as typed. network: where the try comes from. device: the account's known device, or None. failed_before:
    the number of failed tries since the last sign-in. All the same for accounts that do not exist."""

    email: str
    network: str
    device: str | None = None
    failed_before: int = 0

    def counted(self) -> AbstractContextManager[list[Tried]]:
        """Count the try around the block that makes it, and take it back if the store fails. Raises TooManyTries."""
        return throttle.trying(self._limits(), window_seconds=WINDOW)

    def failed(self) -> None:
        """Record that the password was wrong. Never raises."""
        throttle.count_lasting(_failed(self.email), kept_seconds=limits.FAILED_SIGN_INS_KEPT_SECONDS)

    def went_well(self, counted: list[Tried]) -> None:
        """Record a sign-in: earlier failures are forgiven, and the user has been told of them. Never raises.

        counted: what `counted` yielded.
        """
        over = [Throttle.lasting_key(_failed(self.email))] if self.failed_before else []
        for tried in counted:
            if tried.limit in self._own:
                over.append(tried.key)
            elif tried.limit.what == account(self.email) and not tried.limit.is_exempt:
                tried.forgive()
            elif not tried.limit.is_exempt:
                tried.exempt()
        throttle.forget_all(over)

    def _limits(self) -> list[Limit]:
        in_all = limits.SIGN_INS_PER_ACCOUNT
        if self.device:
            return [*self._own, Limit(account(self.email), 0, exempt=in_all, is_exempt=True)]
        at_network = throttle.per_network(
            ADDRESS, self.network, limits.SIGN_IN_TRIES_PER_ADDRESS, exempt=limits.SIGN_INS_PER_ADDRESS
        )
        of_account = Limit(account(self.email), limits.SIGN_IN_TRIES_PER_ACCOUNT_IN_ALL, exempt=in_all)
        return [*at_network, *self._own, of_account]

    @property
    def _own(self) -> list[Limit]:
        """The account's limits on this device or from this network: tries elsewhere do not keep the owner out."""
        if self.device:
            what = named(_DEVICE, normalize(self.email), self.device)
            return [Limit(what, limits.SIGN_IN_TRIES_PER_DEVICE)]
        return _from_network(self.email, self.network)


def read(email: str) -> tuple[User | None, int]:
    """The user with this address, and the number of failed tries since their last sign-in.

    An unknown address costs the same two reads, so that timing reveals nothing.
    """
    address = store.read(EmailAddress.key(email))[0]
    user_key = User.key(address.user_id if address else "nobody")
    found, failed = store.read(user_key, Throttle.lasting_key(_failed(email)))
    return found, failed.tries if failed and failed.expires_at > clock.now() else 0


def forgive_all(email: str, network: str) -> None:
    """Reset an account's counts after a new password, from this network and from all together.

    The next sign-in still says how many tries had failed. Never raises.
    """
    tried = [limit.what for limit in _from_network(email, network)]
    throttle.forget_all([Throttle.key(what, WINDOW) for what in (*tried, account(email))])


def account(email: str) -> str:
    """The name of the count of an account's tries from everywhere."""
    return named(_ACCOUNT, normalize(email))


def address(network: str) -> str:
    return named(ADDRESS, network)


def _from_network(email: str, network: str) -> list[Limit]:
    """The account's limits from one network. An IPv6 caller's /56 and /48 are counted as well: otherwise one caller,
    with one /64 after another, could use up the limit for all networks together and keep the owner out."""
    return throttle.per_network(_ACCOUNT_FROM, network, limits.SIGN_IN_TRIES_PER_ACCOUNT, of=(normalize(email),))


def _failed(email: str) -> str:
    return named(_FAILED, normalize(email))
