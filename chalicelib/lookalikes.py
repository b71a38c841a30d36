"""Names that look alike, brought to one spelling: so that nobody calls an application what the service is called.

A small table for the letters that fonts draw alike, by far not all that Unicode knows (UTS #39): it stops the name
that is typed to deceive at a glance, and the consent page says of every name that nobody checked it.
"""

from __future__ import annotations

import re
import unicodedata

# What is drawn like which Latin letter. `i` and `l` are one, since a capital I is an l to the eye.
_DRAWN_LIKE = {
    "a": "аαɑᴀ4@∂",
    "b": "вβʙ8ь",
    "c": "сϲᴄ¢",
    "d": "ԁᴅđð",
    "e": "еєεᴇ3€ҽ",
    "f": "ғꜰ",
    "g": "ɡɢ9",
    "h": "һнʜħ",
    "j": "јϳᴊ",
    "k": "кκᴋҝ",
    "l": "iıɩιіӏɪʟ1|ł",
    "m": "мᴍ",
    "n": "пηɴոν",
    "o": "оοσօᴏø0",
    "p": "рρᴘ",
    "q": "ԛզ",
    "r": "гʀ",
    "s": "ѕꜱ5$",
    "t": "тτᴛ7ŧ",
    "u": "υսᴜцµ",
    "v": "νѵᴠ",
    "w": "ѡωᴡшɯ",
    "x": "хχ×",
    "y": "уγʏүч",
    "z": "ᴢ2ƶ",
}
# Greek capitals that are drawn like Latin ones, and whose small letters are not, or like others.
_CAPITALS = str.maketrans("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "abezhlkmnoptyx")
_LETTERS = str.maketrans({drawn: letter for letter, like in _DRAWN_LIKE.items() for drawn in like})
# Pairs that run together into one letter, at the sizes that pages are read in.
_PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"))
# A name shorter than this stands inside too many honest words: it counts as whole words alone.
_SHORT = 5


def skeleton(text: str) -> str:
    """What is left of a text for the eye: two that look alike have the same. Without accents, blanks and signs."""
    kept = "".join(letter for letter in _drawn(text) if letter.isalnum())
    for pair, letter in _PAIRS:
        kept = kept.replace(pair, letter)
    return kept


def contains(text: str, name: str) -> bool:
    """Does a text contain a name, or what looks like it?

    With blanks or signs between its letters as well. A short name counts only where it is whole words: `Max` is in
    `Max Support` and `M.a.x`, and not in `Maxine`.
    """
    wanted = skeleton(name)
    if not wanted:
        return False
    if len(wanted) >= _SHORT:
        return wanted in skeleton(text)
    words = [skeleton(word) for word in re.findall(r"[^\W_]+", _drawn(text))]
    runs = ("".join(words[start:end]) for start in range(len(words)) for end in range(start + 1, len(words) + 1))
    return wanted in runs


def _drawn(text: str) -> str:
    """Each letter as the Latin one that it is drawn like, where there is one."""
    plain = unicodedata.normalize("NFKC", text).translate(_CAPITALS).casefold()
    parts = unicodedata.normalize("NFKD", plain)
    return "".join(part for part in parts if unicodedata.category(part)[0] != "M").translate(_LETTERS)
