"""A resource is recognized in the spellings that mean the same, and in no other (RFC 8707 §2, RFC 3986 §6.2)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib import settings
from chalicelib.protocol.rules import resource_indicators
from chalicelib.protocol.rules.resource_indicators import InvalidTargetError

ISSUER = "https://connect.example.com/oauth"
TICKETS = "https://Tickets.example.com/Mcp/"
ROOT, PORT, LOCAL = "https://music.example.com", "https://ports.example.com:8443/x", "http://127.0.0.1:8090/mcp"
QUERY = "https://query.example.com/?tenant=1"
SIX = "https://[2001:DB8::1]/mcp"
LISTED = (TICKETS, ROOT, PORT, LOCAL, QUERY, SIX)

pytestmark = pytest.mark.spec("RFC 8707 §2")


@pytest.fixture(autouse=True)
def _listed(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = settings.from_environment({"RESOURCES": " ".join(LISTED)}).resources
    monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, resources=parsed))


@pytest.mark.parametrize(
    ("registered", "spellings"),
    [
        (
            TICKETS,
            [
                TICKETS,
                "https://tickets.example.com/Mcp",
                "HTTPS://TICKETS.EXAMPLE.COM/Mcp/",
                "https://tickets.example.com:443/Mcp",
            ],
        ),
        (ROOT, [ROOT, ROOT + "/", ROOT + ":443", ROOT + ":443/", "Https://Music.Example.Com"]),
        (PORT, [PORT, PORT + "/", PORT.upper().replace("/X", "/x")]),
        (LOCAL, [LOCAL, LOCAL + "/", "HTTP://127.0.0.1:8090/mcp"]),
        (QUERY, [QUERY, "https://QUERY.example.com:443/?tenant=1"]),
        (SIX, [SIX, "https://[2001:db8::1]:443/mcp/"]),
        (ISSUER, [ISSUER, ISSUER + "/", "https://CONNECT.example.com:443/oauth"]),
    ],
)
def test_equal_spellings_are_accepted_and_the_registered_one_is_returned(registered: str, spellings: list[str]) -> None:
    for spelling in spellings:
        assert resource_indicators.read(spelling, issuer=ISSUER) == registered, spelling
        assert resource_indicators.narrowed(spelling, registered, issuer=ISSUER) == registered, spelling
        assert resource_indicators.is_good_at(spelling, registered), spelling
        assert resource_indicators.is_good_at(registered, spelling), spelling


HOSTILE = {
    "another path": ROOT + "/mcp",
    "a path below": LOCAL + "/more",
    "a path in upper case": "https://tickets.example.com/MCP/",
    "a path in lower case": "https://tickets.example.com/mcp/",
    "two trailing slashes": ROOT + "//",
    "two trailing slashes after a path": LOCAL + "//",
    "a doubled slash": "https://tickets.example.com//Mcp/",
    "dot segments": "https://tickets.example.com/x/../Mcp/",
    "an encoded path": "https://tickets.example.com/%4Dcp/",
    "an encoded slash": "https://tickets.example.com/Mcp%2F",
    "path parameters": "https://tickets.example.com/Mcp;x",
    "a query": ROOT + "?x=1",
    "an empty query": ROOT + "?",
    "an empty query after a path": LOCAL + "?",
    "another query": QUERY + "&x=1",
    "a slash after the query": QUERY + "/",
    "a query without the path's slash": "https://query.example.com?tenant=1",
    "a fragment": ROOT + "#x",
    "an empty fragment": ROOT + "#",
    "a fragment after a path": LOCAL + "#/mcp",
    "a user": "https://user@music.example.com",
    "an empty user": "https://@music.example.com",
    "a user and a password": "https://user:password@music.example.com",
    "the host as a user": "https://music.example.com@evil.example",
    "the host as a user, a port as the password": "https://music.example.com:443@evil.example",
    "a backslash before the path": "https://music.example.com\\",
    "a backslash before @": "https://evil.example\\@music.example.com",
    "backslashes for slashes": "https:\\\\music.example.com",
    "an encoded host": "https://music%2Eexample.com",
    "an encoded letter in the host": "https://%6Dusic.example.com",
    "an encoded end of the host": "https://music.example.com%2F",
    "a fullwidth letter": "https://\uff4dusic.example.com",
    "an ideographic full stop": "https://music\u3002example.com",
    "a long s in the scheme": "http\u017f://music.example.com",
    "a Kelvin sign in the host": "https://tic\u212aets.example.com/Mcp/",
    "a Cyrillic letter": "https://mus\u0456c.example.com",
    "a soft hyphen": "https://mu\u00adsic.example.com",
    "a letter outside ASCII in the path": "https://music.example.com/\u00fc",
    "a subdomain": "https://a.music.example.com",
    "a longer host": "https://music.example.com.evil.example",
    "a host with a final dot": "https://music.example.com.",
    "another scheme": "http://music.example.com",
    "the other scheme's default port": "https://music.example.com:80",
    "another port": "https://music.example.com:8443",
    "no port where one is registered": "https://ports.example.com/x",
    "the default port where another is registered": "https://ports.example.com:443/x",
    "a port with a zero in front": "https://music.example.com:0443",
    "an empty port": "https://music.example.com:",
    "a port in other digits": "https://music.example.com:\u0664\u0664\u0663",
    "another spelling of an IP address": "http://0177.0.0.1:8090/mcp",
    "another spelling of an IPv6 address": "https://[2001:db8:0::1]/mcp",
    "an open bracket": "https://[2001:db8::1/mcp",
    "a space in front": " " + ROOT,
    "a space behind": ROOT + " ",
    "a tab in the middle": "https://music.\texample.com",
    "a line feed behind": ROOT + "\n",
    "a NUL behind": ROOT + "\0",
    "one slash": "https:/music.example.com",
    "three slashes": "https:///music.example.com",
    "no scheme": "//music.example.com",
    "no host": "https://",
    "a bare host": "music.example.com",
    "another kind of URI": "urn:music.example.com",
    "nothing": "",
}


@pytest.mark.parametrize("spelling", HOSTILE.values(), ids=list(HOSTILE))
def test_other_spellings_match_nothing(spelling: str) -> None:
    with pytest.raises(InvalidTargetError):
        resource_indicators.read(spelling, issuer=ISSUER)
    assert resource_indicators.registered(spelling) is None
    for listed in (*LISTED, ISSUER):
        assert not resource_indicators.is_good_at(listed, spelling)
        assert not resource_indicators.is_good_at(spelling, listed)


@pytest.mark.parametrize("spelling", ["https://user@music.example.com", "https://music%2Eexample.com", "", "urn:x"])
def test_hostile_spelling_does_not_match_itself(spelling: str) -> None:
    assert not resource_indicators.is_good_at(spelling, spelling)


def test_token_without_a_resource_is_good_at_every_api() -> None:
    assert resource_indicators.is_good_at(None, ROOT)
    assert resource_indicators.is_good_at(None, "")
    assert not resource_indicators.is_good_at(ROOT, "")


@pytest.mark.parametrize("again", [ROOT + "/", ROOT.upper().replace("HTTPS", "https"), ROOT + ":443", ROOT])
def test_operator_cannot_register_one_resource_in_two_spellings(again: str) -> None:
    with pytest.raises(settings.SettingsError, match="RESOURCES names one address twice"):
        settings.from_environment({"RESOURCES": f"{ROOT} {again}"})


@pytest.mark.spec("RFC 8707 §2.2")
def test_grant_from_before_a_resource_was_respelled_still_covers_it() -> None:
    assert resource_indicators.narrowed(None, ROOT + "/", issuer=ISSUER) == ROOT + "/"
    assert resource_indicators.narrowed(ROOT, ROOT + "/", issuer=ISSUER) == ROOT
    with pytest.raises(InvalidTargetError):
        resource_indicators.narrowed(LOCAL, ROOT + "/", issuer=ISSUER)


@pytest.mark.parametrize(
    "resource",
    [
        "https://user@api.example.com",
        "https://api.example.com#x",
        "https://api.example.com\\x",
        "https://api%2Eexample.com",
        "https://b\u00fccher.example",
        "https://api.example.com/\u00fc",
        "https://api.example.com:",
        "https://api.example.com:x",
        "https://[2001:db8::1",
        "urn:api",
        "api.example.com",
    ],
)
def test_resource_that_no_request_could_name_is_refused_when_the_function_starts(resource: str) -> None:
    with pytest.raises(settings.SettingsError, match=r"^RESOURCES takes addresses like"):
        settings.from_environment({"RESOURCES": f"{ROOT} {resource}"})
