"""Private-use URI schemes, which the operating system opens an application for (RFC 8252 §7.1)."""

from __future__ import annotations

import re

from chalicelib.messages import Message, Problem

# A scheme made from a domain, so with a dot. That excludes javascript:, data: and others that browsers act on (§7.1).
_DOMAIN = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9-]+)+:/", re.ASCII)
# One without a dot. Some applications, such as code editors, have no other. A single letter names a Windows drive.
_SHORT = re.compile(r"([a-z][a-z0-9-]{2,}):/", re.ASCII)
# What people know as the end of a host name; and other words that the domain in such a scheme may begin with.
_DOMAIN_ENDINGS = re.compile(r"[a-z]{2}|com|org|net|edu|gov|mil|int|info|biz", re.ASCII)
_MORE_BEGINNINGS = ("app", "cloud", "dev", "online", "shop", "site", "store", "tech", "xyz")

# Schemes without a dot that mean something to browsers, operating systems or people, so no application owns them.
_TAKEN_FOR = {
    "code and content that a browser runs or shows": "javascript livescript mocha vbscript data blob file filesystem "
    "about view-source jar res resource mhtml mid cid urn",
    "a browser's own pages, and extensions": "browser chrome chrome-devtools chrome-error chrome-extension "
    "chrome-search chrome-untrusted devtools edge opera brave firefox moz-extension moz-icon safari-extension "
    "safari-web-extension webkit",
    "protocols": "ftp ftps sftp tftp ssh telnet rlogin gopher wais ws wss smb cifs nfs afp dav davs webdav webdavs "
    "ldap ldaps ldapi dict finger rtsp rtmp mms icap ipp ipps ipfs ipns magnet git svn rsync vnc rdp jdbc coap coaps "
    "mqtt mqtts turn turns stun stuns nntp news snews",
    "messages, calls, calendars and places": "mailto imap pop smtp tel telprompt fax modem sms smsto mmsto callto "
    "facetime facetime-audio facetime-group sip sips xmpp irc ircs webcal webcals calshow feed geo maps",
    "acts of an operating system": "intent android-app android-resource content package market shell hcp its search "
    "search-ms appinstaller applescript prefs app-prefs app-settings shortcuts apt snap flatpak help man",
    "money and keys": "bitcoin ethereum lightning otpauth otpauth-migration fido openid payto upi",
    "what reads like an address": "localhost loopback www url uri web internet",
}
_TAKEN = frozenset(scheme for schemes in _TAKEN_FOR.values() for scheme in schemes.split())
_TAKEN_BEGINNINGS = ("ms-", "itms", "itunes", "x-apple", "about-", "data-", "file-", "javascript-")
_LIKE_HTTP = re.compile(r"h[tx]+p|^htt|^hpps?$", re.ASCII)  # what is easily taken for http


class SchemeProblem(Problem):
    """No application may have this scheme. The message says why, after the URI."""


def is_one(uri: str, *, short: bool) -> bool:
    """True if the URI begins with a private-use scheme. short: count those without a dot too."""
    return bool(_DOMAIN.match(uri) or (short and _SHORT.match(uri)))


def check(scheme: str) -> None:
    """Raises SchemeProblem. scheme: of a URI for which is_one is true."""
    if "." not in scheme:
        if scheme in _TAKEN or scheme.startswith(_TAKEN_BEGINNINGS) or _LIKE_HTTP.search(scheme):
            raise SchemeProblem(
                Message(
                    "has a scheme that a browser or the system acts on, or that reads like one; "
                    "use one of your own such as com.example.app:"
                )
            )
    elif _reads_like_host(scheme):
        raise SchemeProblem(
            Message("has a scheme that reads like a web address; write the domain in reverse: com.example.app:")
        )


def _reads_like_host(scheme: str) -> bool:
    """True for a domain in forward order, such as accounts.google.com, instead of reversed (RFC 8252 §7.1)."""
    labels = scheme.split(".")
    first, last = labels[0], labels[-1]
    is_turned_around = bool(_DOMAIN_ENDINGS.fullmatch(first)) or first in _MORE_BEGINNINGS
    return last == "com" or first == "www" or bool(_DOMAIN_ENDINGS.fullmatch(last) and not is_turned_around)
