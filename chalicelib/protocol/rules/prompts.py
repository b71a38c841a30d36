"""What an application wants its users to be shown, or not: `prompt` (OpenID Connect Core §3.1.2.1)."""

from __future__ import annotations

from collections.abc import Mapping

NONE = "none"
LOGIN = "login"
CONSENT = "consent"
SELECT_ACCOUNT = "select_account"
ALL = (NONE, LOGIN, CONSENT, SELECT_ACCOUNT)


def problem_with(prompt: str | None) -> str | None:
    """A sentence for the application's developer; None if the value is understood."""
    values = prompt.split(" ") if prompt else []
    if any(value not in ALL for value in values):
        return f"prompt must be one or more of: {', '.join(ALL)}."
    if NONE in values and len(values) > 1:
        return "prompt=none cannot be combined with another value."
    return None


def read(parameters: Mapping[str, str]) -> frozenset[str]:
    """The values, with `consent` for `approval_prompt=force`, its older name here."""
    asked = frozenset(parameters.get("prompt", "").split(" ")) & {*ALL}
    return asked | {CONSENT} if parameters.get("approval_prompt") == "force" else asked
