"""Generates chalicelib/accounts/common_passwords.txt.gz from Django's list of common passwords.

    pip download --no-deps Django
    python -m infra.documents.common_passwords Django-*.whl

It omits the shortest passwords, and variations of other entries, which chalicelib/accounts/passwords.py recognizes.
"""

from __future__ import annotations

import gzip
import sys
import zipfile

from chalicelib.accounts import passwords

SOURCE = "django/contrib/auth/common-passwords.txt.gz"


def main() -> int:
    if len(sys.argv) != 2:
        print("Name Django's wheel: python -m infra.documents.common_passwords Django-5.2-py3-none-any.whl")
        return 2
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        lines = gzip.decompress(wheel.read(SOURCE)).decode().splitlines()
    words = {line.strip().casefold() for line in lines}
    kept: set[str] = set()
    for word in sorted(words, key=len):  # shortest first: an omitted word is a variation of one that is kept
        is_number = not any(character.isalpha() for character in word)  # numbers also surround other words
        if len(word) >= passwords.WORD_MIN_CHARACTERS and (is_number or not passwords.is_variation(word, kept)):
            kept.add(word)
    passwords.COMMON.write_bytes(gzip.compress("\n".join(sorted(kept)).encode(), 9, mtime=0))
    print(f"Wrote {len(kept)} of {len(words)} passwords to {passwords.COMMON.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
