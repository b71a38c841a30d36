"""Text made safe to print: names that people choose may contain characters that a terminal acts on."""

from __future__ import annotations

import unicodedata

# Control, format (reversing or invisible), surrogate; line and paragraph separators.
_UNSAFE = ("Cc", "Cf", "Cs", "Zl", "Zp")


def printable(text: str) -> str:
    r"""The text with each character that a terminal would act on escaped, as in \u001b.

    Line breaks stay, because messages may have several lines. JSON stays JSON.
    """
    return "".join(_escaped(part) if part != "\n" and unicodedata.category(part) in _UNSAFE else part for part in text)


def _escaped(part: str) -> str:
    """The JSON escape: \\uXXXX, or a surrogate pair of two (RFC 8259 §7)."""
    units = part.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[start]:02x}{units[start + 1]:02x}" for start in range(0, len(units), 2))
