"""Request objects: parameters in a JWT (RFC 9101, OpenID Connect Core §6). They are refused, not ignored.

The refusal goes back as the object asks, since the client cannot read it otherwise. Nothing else of it counts, so it
does not matter who signed it: whoever sends the request could have said the same beside the object.
"""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.protocol.rules import signed_tokens, strict_json

_HOW_TO_ANSWER = ("state", "response_mode")


def as_refused(known: Mapping[str, str]) -> Mapping[str, str]:
    """The parameters, with how to answer from the request object, if there is one that says so and they do not."""
    try:
        _, payload, _ = known["request"].split(".")
        found = strict_json.read_object(signed_tokens.decoded(payload))
    except (KeyError, ValueError):
        return known
    return {**{name: found[name] for name in _HOW_TO_ANSWER if isinstance(found.get(name), str)}, **known}
