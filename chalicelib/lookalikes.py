"""Names that look alike, brought to one spelling: so that nobody calls an application what the service is called.

No table has every letter that fonts draw alike (UTS #39 has thousands). This one has the most common ones; hooks and
strokes come off by Unicode's own names, and a few letters that are unknown here may stand for any. That stops the name
that is typed to deceive at a glance, and the consent page says of every name that nobody checked it.
"""

from __future__ import annotations

import re
import unicodedata

# What is drawn like which Latin letter; Lisu, Cherokee and Canadian syllabics are drawn like its capital. `i` and `l`
# are one, since a capital I is an l to the eye.
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
# Greek capitals that are drawn like Latin ones, and whose small letters are not, or like others.
_CAPITALS = str.maketrans("ΑΒΕΖΗΙΚΛΜΝΟΡΤΥΧ", "abezhlkamnoptyx")
_LETTERS = str.maketrans({drawn: letter for letter, like in _DRAWN_LIKE.items() for drawn in like})
# A letter in a frame, or half of a flag: Unicode's names end in the letter, and nothing else tells it.
_FRAMED = re.compile(r"(?:NEGATIVE (?:CIRCLED|SQUARED) LATIN CAPITAL|REGIONAL INDICATOR SYMBOL) LETTER ([A-Z])")
# Pairs that run together into one letter, at the sizes that pages are read in.
_PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"))
# A name shorter than this stands inside too many honest words: it counts as whole words alone.
_SHORT = 5
# Of so many letters one may be unknown.
_ONE_UNKNOWN_IN = 3


def skeleton(text: str) -> str:
    """What is left of a text for the eye: two that look alike have the same. Without accents, blanks and signs."""
    kept = "".join(letter for letter in _drawn(text) if letter.isalnum())
    for pair, letter in _PAIRS:
        kept = kept.replace(pair, letter)
    return kept


def contains(text: str, name: str) -> bool:
    """Does a text contain a name, or what looks like it?

    With blanks or signs between its letters as well, and with up to a third of them replaced by letters that no Latin
    one is known to look like. A short name counts only where it is whole words: `Max` is in `Max Support` and `M.a.x`,
    and not in `Maxine`.
    """
    wanted = skeleton(name)
    if not wanted:
        return False
    if len(wanted) >= _SHORT:
        drawn, length = skeleton(text), len(wanted)
        return any(_passes(drawn[start : start + length], wanted) for start in range(len(drawn) - length + 1))
    words = [skeleton(word) for word in re.findall(r"[^\W_]+", _drawn(text))]
    return any(_begin_with(words[start:], wanted) for start in range(len(words)))


def _begin_with(words: list[str], wanted: str) -> bool:
    """Are the first of these words the one that is wanted, written in one?"""
    left = wanted
    for word in words:
        if not left.startswith(word):
            return False
        left = left[len(word) :]
        if not left:
            return True
    return False


def _passes(seen: str, wanted: str) -> bool:
    """Is it the same to the eye, as far as this knows?"""
    others = [(letter, meant) for letter, meant in zip(seen, wanted, strict=True) if letter != meant]
    is_unknown = all(meant.isascii() and not letter.isascii() for letter, meant in others)
    return is_unknown and len(others) * _ONE_UNKNOWN_IN <= len(wanted)


def _drawn(text: str) -> str:
    """Each letter as the Latin one that it is drawn like, where there is one."""
    plain = unicodedata.normalize("NFKC", text).translate(_CAPITALS).casefold()
    parts = unicodedata.normalize("NFKD", plain).translate(_LETTERS)
    return "".join(_bare(part) for part in parts if unicodedata.category(part)[0] != "M").translate(_LETTERS)


def _bare(letter: str) -> str:
    """The letter without frames, hooks, strokes and tails, and the small one for a capital that is drawn small."""
    name = unicodedata.name(letter, "").partition(" WITH ")[0].replace("LETTER SMALL CAPITAL", "SMALL LETTER")
    if framed := _FRAMED.search(name):
        return framed[1].lower()
    try:
        return unicodedata.lookup(name)
    except KeyError:  # no letter is called so
        return letter
