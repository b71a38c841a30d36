"""What people may enter as a name, an address, a language or a time zone, and the reasons why not, in words."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from zoneinfo import available_timezones

from chalicelib import limits, lookalikes, settings
from chalicelib.messages import Message, Problem

# One address. Lists, comments and quoted names are not accepted: with them, mail could go to somebody else.
_ADDRESS = re.compile(r"""[^\s\x00-\x1f\x7f@,;:<>()\[\]\\"]+@[^\s\x00-\x1f\x7f@,;:<>()\[\]\\"]+""")

# Letters and signs that are drawn as nothing: of Hangul and Braille, and the combining joiner.
_FILLERS = "\u115f\u1160\u3164\uffa0\u2800\u034f"
_NON_JOINER, _JOINER = "\u200c", "\u200d"
_VIRAMA = 9  # Unicode's combining class for the sign that joins two consonants
_EMOJI_ENDS = "\ufe0f"  # "show as a picture"


class InputProblem(Problem):
    """Why the input cannot be accepted. The message reads after what was typed or after the field's label."""


def check_name(name: str) -> str:
    """The name without whitespace around it. Raises InputProblem.

    Any script is allowed. Control characters are not, nor are invisible ones: those that change the direction of text,
    or fill a name with nothing. The two joiners are allowed where scripts and emoji need them.
    """
    return _check_line(name, limit=limits.NAME_LIMIT_CHARACTERS)


def check_description(text: str) -> str:
    """A few sentences, by the rules for names. Raises InputProblem."""
    return _check_line(text, limit=limits.DESCRIPTION_LIMIT_CHARACTERS)


def _check_line(name: str, *, limit: int) -> str:
    name = name.strip()
    if not any(_is_visible(character) for character in name):
        raise InputProblem(Message("must not be empty"))
    if len(name) > limit:
        raise InputProblem(Message("must not be longer than %(limit)s characters", limit=limit))
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in name):
        raise InputProblem(Message("must not contain line breaks or other control characters"))
    if any(_is_hidden(name, place) for place in range(len(name))):
        raise InputProblem(Message("must not contain invisible characters or ones that change the direction of text"))
    return name


def check_application_name(name: str) -> str:
    """`check_name`, which also refuses the service's name and lookalikes. For everybody but the operator.

    Raises InputProblem.
    """
    name = check_name(name)
    if lookalikes.contains(name, settings.SETTINGS.site_name):
        site = settings.SETTINGS.site_name
        raise InputProblem(Message("must not contain the name of this service, %(site)s, or look like it", site=site))
    return name


def _is_visible(character: str) -> bool:
    """True if the character alone is visible. Unicode counts the fillers as letters, but they look blank."""
    return unicodedata.category(character)[0] in "LNPS" and character not in _FILLERS


def _is_hidden(name: str, place: int) -> bool:
    """True if the character at this place is invisible and no script needs it there."""
    character = name[place]
    if character in (_NON_JOINER, _JOINER):
        return not _may_join(character, name[:place], name[place + 1 :])
    return unicodedata.category(character) == "Cf" or character in _FILLERS


def _may_join(joiner: str, before: str, after: str) -> bool:
    """True where Persian, the scripts of India and emoji need a joiner: next to a virama, between Arabic letters, and
    between the parts of one emoji. Simpler than RFC 5892 Appendix A.1 and A.2."""
    last, following = before[-1:] or " ", after[:1] or " "
    if _VIRAMA in (unicodedata.combining(last), unicodedata.combining(following)):
        return True
    letters = before.rstrip("".join(part for part in before if unicodedata.category(part) == "Mn"))[-1:] or " "
    if unicodedata.bidirectional(letters) == "AL":
        return joiner == _JOINER or unicodedata.bidirectional(following) == "AL"
    is_emoji = last in _EMOJI_ENDS or unicodedata.category(last) in ("So", "Sk")
    return joiner == _JOINER and is_emoji and unicodedata.category(following) == "So"


def check_email(email: str) -> str:
    """The address without whitespace around it. Raises InputProblem. Only a mail can show whether it exists."""
    email = email.strip()
    if not _ADDRESS.fullmatch(email) or len(email) > limits.EMAIL_LIMIT_CHARACTERS:
        raise InputProblem(Message("is not an email address"))
    return email


def check_mail_address(email: str) -> str:
    """An address that mail can be sent to unchanged. Raises InputProblem.

    Only ASCII: two spellings that look alike, or become equal in lowercase, may belong to different people.
    """
    email = check_email(email)
    if not email.isascii():
        raise InputProblem(Message("contains characters that cannot be used in an address here"))
    return email


def check_locale(locale: str) -> str:
    """Raises InputProblem for anything but a language tag, such as `en` or `pt-br`."""
    if not re.fullmatch(r"[a-z]{2,3}(-[a-zA-Z0-9]{2,8})*", locale, re.ASCII):
        raise InputProblem(Message("is not a language such as en or de"))
    return locale


def check_timezone(timezone: str) -> str:
    """Raises InputProblem for anything but an IANA time zone."""
    if timezone not in available_timezones():
        raise InputProblem(Message("is not a time zone such as Europe/Berlin or UTC"))
    return timezone


@cache
def common_timezones() -> tuple[str, ...]:
    """The time zones to choose from: those named after a place, and UTC."""
    areas = ("Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
    return ("UTC", *sorted(name for name in available_timezones() if name.partition("/")[0] in areas and "/" in name))
