"""The list of common passwords, made from the one that Django ships: chalicelib/accounts/common_passwords.txt.gz.

    pip download --no-deps Django
    python -m infra.documents.common_passwords Django-*.whl

Left out is what chalicelib/accounts/passwords.py recognizes by itself: variations of other entries. So are the
shortest.
"""

from __future__ import annotations

import gzip
import sys
import zipfile

from chalicelib.accounts import passwords

SOURCE = "django/contrib/auth/common-passwords.txt.gz"


def main() -> int:
    if len(sys.argv) != 2:
        print("Say where Django's wheel is: python -m infra.documents.common_passwords Django-5.2-py3-none-any.whl")
        return 2
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        lines = gzip.decompress(wheel.read(SOURCE)).decode().splitlines()
    words = {line.strip().casefold() for line in lines}
    kept: set[str] = set()
    for word in sorted(words, key=len):  # so that what is left out is a variation of something that is kept
        is_number = not any(character.isalpha() for character in word)  # numbers also stand around other words
        if len(word) >= passwords.WORD_MIN_CHARACTERS and (is_number or not passwords.is_variation(word, kept)):
            kept.add(word)
    passwords.COMMON.write_bytes(gzip.compress("\n".join(sorted(kept)).encode(), 9, mtime=0))
    print(f"Wrote {len(kept)} of {len(words)} passwords to {passwords.COMMON.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
