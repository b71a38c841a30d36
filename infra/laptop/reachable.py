"""Programs beside Lanyard on a laptop that it may call over TLS, with any certificate: REACHABLE_HOSTS=localhost:8443.

A deployment calls public addresses alone. A conformance suite on the same machine has none, and it publishes keys and
waits for logout tokens. Only the server of `make run` reads this, and nothing in infra/ is deployed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from chalicelib.settings import SettingsError

_PAIR = re.compile(r"([a-z0-9.-]+):([1-9][0-9]{0,4})", re.ASCII)


def hosts(environment: Mapping[str, str]) -> frozenset[str]:
    """The pairs `host:port`, which spaces separate. Raises SettingsError."""
    pairs = environment.get("REACHABLE_HOSTS", "").split()
    for pair in pairs:
        if not (found := _PAIR.fullmatch(pair)) or int(found[2]) > 65535:
            raise SettingsError(
                f"REACHABLE_HOSTS must name hosts with their ports, such as localhost:8443, not {pair!r}"
            )
    return frozenset(pairs)
