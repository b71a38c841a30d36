"""What is written to a terminal: text that people chose may hold characters that terminals obey."""

from __future__ import annotations

import unicodedata

# Control, format (what turns text around or is not seen), surrogate; line and paragraph separators.
_OBEYED = ("Cc", "Cf", "Cs", "Zl", "Zp")


def printable(text: str) -> str:
    r"""The text with an escape for each character that a terminal obeys instead of showing it, such as \u001b.

    Line breaks stay, since sentences of more than one line have them. What is JSON stays JSON.
    """
    return "".join(_escaped(part) if part != "\n" and unicodedata.category(part) in _OBEYED else part for part in text)


def _escaped(part: str) -> str:
    """As JSON writes it: \\uXXXX, and two of them for what lies beyond (RFC 8259 §7)."""
    units = part.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[start]:02x}{units[start + 1]:02x}" for start in range(0, len(units), 2))
