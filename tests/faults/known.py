"""Known losses that stay, each with the reason that docs/reliability.md gives. All others are defects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.faults.kinds import Kind
from tests.faults.result import Result


@dataclass(frozen=True)
class Known:
    """flows: those it happens in. call: part of the struck call's description. loss: part of its words.

    reason: why it stays, for readers, in a sentence or two.
    """

    flows: Sequence[str]
    call: str
    kinds: Sequence[Kind]
    loss: str
    reason: str

    def explains(self, result: Result, loss: str) -> bool:
        is_there = result.flow in self.flows and self.call in result.call
        return is_there and result.plan.kind in self.kinds and self.loss in loss


KNOWN: Sequence[Known] = (
    Known(
        flows=(
            "exchange a code",
            "exchange a code, bound to a key",
            "exchange a code, public application",
            "exchange a code, private_key_jwt",
        ),
        call="authorization_codes",
        kinds=(Kind.KILLED_AFTER,),
        loss="the history says that a code was replayed",
        reason="The process that stored the tokens died before it could respond. Whichever process serves the retry "
        "sees a used code, as it would after a theft. The application is told to connect again, the tokens end, and "
        "the user's history has a line about it.",
    ),
    Known(
        flows=("exchange a code, private_key_jwt",),
        call="used_assertions",
        kinds=(Kind.KILLED_BEFORE, Kind.KILLED_AFTER),
        loss="the history says that a code was replayed",
        reason="The same: the tokens were stored, and the process died while it noted that the assertion was answered.",
    ),
    Known(
        flows=("device: get the tokens",),
        call="device_requests",
        kinds=(Kind.KILLED_AFTER,),
        loss="tokens that nobody got are alive",
        reason="The process that stored the tokens died before it could respond. The device is told to start again. "
        "The undelivered tokens stay valid until the user revokes the application, but nobody knows them.",
    ),
)


def unexplained(result: Result) -> list[str]:
    """The losses of a case that no entry explains."""
    return [loss for loss in result.losses if not any(known.explains(result, loss) for known in KNOWN)]


def not_seen(results: Sequence[Result]) -> list[Known]:
    """The entries that a whole sweep no longer found, which can be removed from the list."""
    return [
        known
        for known in KNOWN
        if not any(known.explains(result, loss) for result in results for loss in result.losses)
    ]
