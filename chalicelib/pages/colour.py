"""The operator's colour, made readable: whatever they choose, text in it and on it keeps WCAG's contrast of 4.5 : 1."""

from __future__ import annotations

from collections.abc import Sequence

_READABLE = 4.5
_STEPS = 100
# The grounds that the style sheet puts text on: the one nearest to the text's own brightness decides.
LIGHT_GROUND = "#f3f5f8"
DARK_GROUND = "#1a212b"


def readable_on(colour: str, ground: str) -> str:
    """`colour` (#rrggbb), as much darker or lighter as it takes to be read on `ground`."""
    target = "#000000" if _luminance(ground) > 0.5 else "#ffffff"
    for step in range(_STEPS + 1):
        mixed = _mix(colour, target, step / _STEPS)
        if contrast(mixed, ground) >= _READABLE:
            return mixed
    return target


def contrast(one: str, other: str) -> float:
    """From 1 to 21 (WCAG 2.2, "contrast ratio")."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    """WCAG 2.2, "relative luminance"."""
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def _channels(colour: str) -> Sequence[int]:
    return bytes.fromhex(colour.removeprefix("#"))


def _mix(colour: str, target: str, part: float) -> str:
    pairs = zip(_channels(colour), _channels(target), strict=True)
    return "#" + "".join(f"{round(one + (other - one) * part):02x}" for one, other in pairs)
