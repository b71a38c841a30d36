"""Links that an application shows to people: home page, logo, privacy policy and terms (RFC 7591 §2)."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from chalicelib import limits
from chalicelib.messages import Message, Problem

LINKS = ("client_uri", "logo_uri", "policy_uri", "tos_uri")
# A name with a dot, in ASCII, so that people read the host that the browser goes to.
_HOST = re.compile(r"([A-Za-z0-9-]+\.)+[A-Za-z][A-Za-z0-9-]*(:[0-9]{1,5})?", re.ASCII)
_URL = re.compile(r"https://[!#-;=?-Z\[\]_a-z~]+", re.ASCII)  # the characters of RFC 3986, "%" included


class LinkProblem(Problem):
    """Why the link cannot be accepted. The message reads after the field's label."""


def check_link(url: str) -> str:
    """The link without whitespace around it. Raises LinkProblem.

    Only https, to a host by its name: a link must not run a script, name a user, or lead into the reader's own network.
    """
    url = url.strip()
    if len(url) > limits.ABOUT_LINK_LIMIT_CHARACTERS:
        limit = limits.ABOUT_LINK_LIMIT_CHARACTERS
        raise LinkProblem(Message("must not be longer than %(limit)s characters", limit=limit))
    try:
        host = urlsplit(url).netloc
    except ValueError:
        host = ""
    if not _URL.fullmatch(url) or not _HOST.fullmatch(host):
        raise LinkProblem(Message("must be a full address that starts with https://"))
    return url


def host(url: str) -> str:
    """What a page shows of a link."""
    return urlsplit(url).netloc
