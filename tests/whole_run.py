"""Checks that need the run as a whole, made at its end; with pytest-xdist, for all its processes together.

Each process records what it saw. The last one to end reports what is wrong and fails the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.deployment import policy
from tests.request_calls import Action
from tests.store_proxy import Call

_LISTS = "infra/deployment/policy.py"
# Asides: each is tried once, so it cannot meet its own effect, and it costs half as much as a transaction.
_SINGLE = {
    "test-sessions": {"last_seen_at", "expires_at", "session_digest"},
    "test-grants": {"last_used_at", "grant_id", "refresh_digest", "repeated_generation", "repeated_rotations"},
    "test-throttles": {"tries", "exempt"},
    "test-used_assertions": {"repeat_from", "request_digest"},
    "test-document_fetches": {"claim_id", "failure", "until"},
    "test-applications": {
        *("secret_digest", "secret_used_at", "previous_secret_digest", "previous_secret_used_at"),
        *("earlier_secret_digest", "earlier_secret_used_at"),
    },
    "test-users": {"password_hash", "device_key"},
}


@dataclass
class WholeRun:
    """made: the calls of requests, by function. single: conditional writes that should have been transactions.

    is_whole: no test was left out. After a partial run, nobody can tell which actions are never called.
    """

    made: dict[str, set[Action]] = field(default_factory=dict)
    single: list[str] = field(default_factory=list)
    is_whole: bool = False

    def see(self, made: Mapping[str, Iterable[Action]], calls: Iterable[Call]) -> None:
        """Add what happened in this process."""
        for function, actions in made.items():
            self.made.setdefault(function, set()).update(actions)
        self.single += [str(call)[:500] for call in calls if _is_single(call)]

    def as_message(self) -> dict[str, Any]:
        """What this process saw, in types that can be sent to the process that adds it up."""
        made = {function: [list(action) for action in actions] for function, actions in self.made.items()}
        return {"made": made, "single": self.single, "is_whole": self.is_whole}

    def add(self, message: Mapping[str, Any]) -> None:
        """Add what another process sent."""
        made = {function: {(name, on) for name, on in actions} for function, actions in message["made"].items()}
        self.see(made, ())
        self.single += message["single"]
        self.is_whole = message["is_whole"]

    def complaints(self, *, has_failed: bool) -> Iterator[str]:
        """The problems found. has_failed: a test failed, so calls that it did not reach may be missing."""
        for function, allowed in _allowed().items():
            made = self.made.get(function, set())
            for action, name in sorted(made - allowed):
                yield f"{action} on {name} is not allowed to {function}; add it to {_LISTS}: make policies"
            if self.is_whole and not has_failed:
                for action, name in sorted(allowed - made):
                    yield f"{action} on {name} is never called by {function}; strike it in {_LISTS}: make policies"
        yield from (f"a conditional write was no transaction: {call}" for call in self.single)


def _allowed() -> dict[str, set[Action]]:
    return {
        function: {(action, name) for action, names in actions.items() for name in names}
        for function, actions in policy.FUNCTIONS.items()
    }


def _is_single(call: Call) -> bool:
    is_conditional = call.operation in ("PutItem", "UpdateItem", "DeleteItem") and "ConditionExpression" in call.body
    return is_conditional and not _puts_back(call) and not _is_aside(call)


def _puts_back(call: Call) -> bool:
    """Whether this is a write of `tables restore`, where an item that looks kept after a lost response was restored."""
    return call.operation == "PutItem" and call.body["ConditionExpression"] == "attribute_not_exists(#key)"


def _is_aside(call: Call) -> bool:
    written = set(call.body.get("ExpressionAttributeNames", {}).values())
    return call.operation == "UpdateItem" and written <= _SINGLE.get(call.tables[0], set())
