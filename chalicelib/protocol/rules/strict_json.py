"""JSON from outside, read strictly (RFC 7493): what Python's reader lets through, storage and digests may not.

It takes lone surrogates, which no UTF-8 has, NaN and Infinity, which JSON has not, and nesting as deep as its stack.
"""

from __future__ import annotations

import json
import math
from typing import Any

NESTING_LIMIT = 32  # a key set, the deepest thing that is read here, has four levels


class NotStrict(ValueError):
    """It is no JSON, or none that every reader takes for the same."""


def read(text: bytes | str) -> Any:
    """What it says. Raises NotStrict."""
    try:
        value = json.loads(text.decode("utf-8-sig") if isinstance(text, bytes) else text)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and a number of too many digits are ValueErrors
        raise NotStrict("no JSON") from error
    _check(value, NESTING_LIMIT)
    return value


def read_object(text: bytes | str) -> dict[str, Any]:
    """The same of what has to be an object. Raises NotStrict."""
    value = read(text)
    if not isinstance(value, dict):
        raise NotStrict("no object")
    return value


def _check(value: object, levels: int) -> None:
    if isinstance(value, str) and not _is_text(value):
        raise NotStrict("a lone surrogate")
    if isinstance(value, float) and not math.isfinite(value):
        raise NotStrict("no finite number")
    if isinstance(value, (dict, list)):
        if not levels:
            raise NotStrict("nested too deeply")
        for part in (*value, *value.values()) if isinstance(value, dict) else value:
            _check(part, levels - 1)


def _is_text(value: str) -> bool:
    """Can it be written as UTF-8?"""
    return not any("\ud800" <= character <= "\udfff" for character in value)
