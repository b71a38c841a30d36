"""Reduces names that look alike to one spelling, so that nobody can give an application the name of the service.

No table has every letter that fonts draw alike (UTS #39 has thousands). This one has the most common ones. Hooks and
strokes are removed by Unicode's own names, and a few letters that are not in the table may stand for any letter. That
stops a name that is meant to deceive at a glance. For the rest, the consent page says of every name that nobody has
checked it.
"""

from __future__ import annotations

import re
import unicodedata

# The characters that look like each Latin letter. Lisu, Cherokee and Canadian syllabics look like its capital. `i` and
# `l` are one letter here, since a capital I looks like an l.
_DRAWN_LIKE = {
    "a": "аαɑ4@∂ꓮᎪᗩ₳∀ᴧ",
    "b": "вβ8ьꓐᏴᗷ฿",
    "c": "сϲ¢ꓚᏟᑕ₵⊂",
    "d": "ԁðꓓᎠᗪ₫",
    "e": "еєε3€ҽꓰᎬᗴ∃∊",
    "f": "ғꓝᖴ",
    "g": "ɡ9ꓖᏀ₲",
    "h": "һнꓧᎻᕼ",
    "j": "јϳꓙᎫᒍ",
    "k": "кκꓗᏦ₭",
    "l": "iıɩιіӏ1|ꓡꓲᎥᏞᒪ∣",
    "m": "мꓟᎷᗰ",
    "n": "пηոνꓠᑎ₦∩",
    "o": "оοσօ0ꓳ",
    "p": "рρꓑᏢᑭ₱",
    "q": "ԛզ",
    "r": "гꓣᎡᏒᖇ",
    "s": "ѕ5$ꓢᏚᔕ₴",
    "t": "тτ7ꓔᎢ₮",
    "u": "υսцµꓴᑌ∪",
    "v": "νѵꓦᏙᐯ∨",
    "w": "ѡωшɯꓪᎳᗯ₩",
    "x": "хχ×ꓫ᙭",
    "y": "уγүчꓬᎽ¥",
    "z": "2ꓜᏃ",
}
# Greek capitals that look like Latin ones, while their small letters do not, or look like other letters.
_CAPITALS = str.maketrans("ΑΒΕΖΗΙΚΛΜΝΟΡΤΥΧ", "abezhlkamnoptyx")
_LETTERS = str.maketrans({drawn: letter for letter, like in _DRAWN_LIKE.items() for drawn in like})
# A framed letter, or half of a flag. Only the end of its Unicode name tells the letter.
_FRAMED = re.compile(r"(?:NEGATIVE (?:CIRCLED|SQUARED) LATIN CAPITAL|REGIONAL INDICATOR SYMBOL) LETTER ([A-Z])")
# Pairs that merge into one letter at the sizes of text on pages.
_PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"))
# A shorter name is part of too many honest words, so it is only compared with whole words.
_SHORT = 5
# One of this many letters may be unknown.
_ONE_UNKNOWN_IN = 3


def skeleton(text: str) -> str:
    """What the eye sees of a text: two texts that look alike have the same skeleton. No accents, spaces or signs."""
    kept = "".join(letter for letter in _drawn(text) if letter.isalnum())
    for pair, letter in _PAIRS:
        kept = kept.replace(pair, letter)
    return kept


def contains(text: str, name: str) -> bool:
    """True if a text contains a name or something that looks like it.

    There may be spaces or signs between its letters, and up to a third of them may be replaced by letters that are not
    known to look like a Latin one. A short name only matches whole words: `Max` is in `Max Support` and `M.a.x`, but
    not in `Maxine`.
    """
    wanted = skeleton(name)
    if not wanted:
        return False
    if len(wanted) >= _SHORT:
        drawn, length = skeleton(text), len(wanted)
        return any(_looks_like(drawn[start : start + length], wanted) for start in range(len(drawn) - length + 1))
    words = [skeleton(word) for word in re.findall(r"[^\W_]+", _drawn(text))]
    return any(_begin_with(words[start:], wanted) for start in range(len(words)))


def _begin_with(words: list[str], wanted: str) -> bool:
    """True if the first of these words, joined, are the wanted one."""
    left = wanted
    for word in words:
        if not left.startswith(word):
            return False
        left = left[len(word) :]
        if not left:
            return True
    return False


def _looks_like(seen: str, wanted: str) -> bool:
    """True if the two look the same, as far as the table knows."""
    others = [(letter, meant) for letter, meant in zip(seen, wanted, strict=True) if letter != meant]
    is_unknown = all(meant.isascii() and not letter.isascii() for letter, meant in others)
    return is_unknown and len(others) * _ONE_UNKNOWN_IN <= len(wanted)


def _drawn(text: str) -> str:
    """The text with each letter replaced by the Latin letter that it looks like, if there is one."""
    plain = unicodedata.normalize("NFKC", text).translate(_CAPITALS).casefold()
    parts = unicodedata.normalize("NFKD", plain).translate(_LETTERS)
    return "".join(_bare(part) for part in parts if unicodedata.category(part)[0] != "M").translate(_LETTERS)


def _bare(letter: str) -> str:
    """The letter without frame, hooks, strokes and tails; a small capital becomes the small letter."""
    name = unicodedata.name(letter, "").partition(" WITH ")[0].replace("LETTER SMALL CAPITAL", "SMALL LETTER")
    if framed := _FRAMED.search(name):
        return framed[1].lower()
    try:
        return unicodedata.lookup(name)
    except KeyError:  # there is no letter with that name
        return letter
