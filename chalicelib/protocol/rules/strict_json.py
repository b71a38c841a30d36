"""A strict reader of JSON from outside (RFC 7493). Python's own reader accepts values that storage and digests cannot.

It accepts lone surrogates, which UTF-8 cannot encode; NaN and Infinity, which are not JSON; and any depth of nesting.
"""

from __future__ import annotations

import json
import math
from typing import Any

NESTING_LIMIT = 32  # a key set, the deepest document read here, has four levels


class NotStrict(ValueError):
    """The text is not JSON, or not JSON that every reader understands alike."""


def read(text: bytes | str) -> Any:
    """Parse JSON. Raises NotStrict."""
    try:
        value = json.loads(text.decode("utf-8-sig") if isinstance(text, bytes) else text)
    except (ValueError, RecursionError) as error:  # ValueError covers bad UTF-8 and numbers with too many digits
        raise NotStrict("not JSON") from error
    _check(value, NESTING_LIMIT)
    return value


def read_object(text: bytes | str) -> dict[str, Any]:
    """Parse a JSON object. Raises NotStrict."""
    value = read(text)
    if not isinstance(value, dict):
        raise NotStrict("not an object")
    return value


def _check(value: object, levels: int) -> None:
    if isinstance(value, str) and not _is_text(value):
        raise NotStrict("a lone surrogate")
    if isinstance(value, float) and not math.isfinite(value):
        raise NotStrict("not a finite number")
    if isinstance(value, (dict, list)):
        if not levels:
            raise NotStrict("nested too deeply")
        for part in (*value, *value.values()) if isinstance(value, dict) else value:
            _check(part, levels - 1)


def _is_text(value: str) -> bool:
    """True if the text can be encoded as UTF-8."""
    return not any("\ud800" <= character <= "\udfff" for character in value)
