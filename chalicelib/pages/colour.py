"""Keeps the operator's color readable: text in it and on it has WCAG's contrast of at least 4.5 : 1."""

from __future__ import annotations

from collections.abc import Sequence

_READABLE = 4.5
_STEPS = 100
# The backgrounds in the style sheet: of those with text on them, the ones closest to the text's own brightness.
LIGHT_GROUND = "#f3f5f8"
DARK_GROUND = "#1a212b"


def readable_on(colour: str, ground: str) -> str:
    """`colour` (#rrggbb), darkened or lightened just enough to be readable on `ground`."""
    target = "#000000" if _luminance(ground) > 0.5 else "#ffffff"
    for step in range(_STEPS + 1):
        mixed = _mix(colour, target, step / _STEPS)
        if contrast(mixed, ground) >= _READABLE:
            return mixed
    return target


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colors, from 1 to 21 (WCAG 2.2)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def _channels(colour: str) -> Sequence[int]:
    return bytes.fromhex(colour.removeprefix("#"))


def _mix(colour: str, target: str, part: float) -> str:
    pairs = zip(_channels(colour), _channels(target), strict=True)
    return "#" + "".join(f"{round(one + (other - one) * part):02x}" for one, other in pairs)
