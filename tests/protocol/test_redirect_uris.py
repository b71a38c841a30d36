"""The registration page accepts safe redirect URLs, which then work, and refuses others with the reason."""

from __future__ import annotations

import pytest

from chalicelib.protocol.rules import redirect_uris
from tests.actors import Browser, Page

HOST = "https://shop.example.com"


def register(browser: Browser, uri: str) -> Page:
    return browser.press(browser.open("/settings/applications/new"), "Register", name="A shop", redirect_uris=uri)


@pytest.mark.spec("RFC 9700 §2.1", "RFC 7591 §5", "docs/architecture.md", "RFC 8252 §7.3")
@pytest.mark.parametrize(
    "uri",
    [
        HOST,
        HOST + "/",
        HOST + ":8443/a/b/",
        HOST + "/cb?x=1&y=%20&z",
        HOST + "?x",
        HOST + "/a;b,c=1/'x'/(y)!$&+@:~",
        HOST + "/%C3%BC",
        "HTTPS://Shop.Example.com/CB",
        "https://xn--bcher-kva.example/cb",
        "https://[2001:db8::1]:8443/cb",
        "http://localhost:3000/cb",
        "http://127.0.0.1/cb",
        "http://[::1]:8000/cb",
        HOST + "/" + "x" * 2000,
    ],
)
def test_full_url_can_be_registered_and_is_used_as_written(john: Browser, uri: str) -> None:
    shop = john.register_application("A shop", uri)
    page = john.allow(john.open(shop.authorize_path()), "Small Shows")
    assert page.left_to is not None
    assert page.left_to.startswith(uri + ("&" if "?" in uri else "?") + "code=lyac_")
    assert shop.exchange(page.code).status_code == 200


@pytest.mark.spec("RFC 7591 §5", "RFC 9700 §2.1", "CVE-2022-36087", "CVE-2025-4143")
@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("javascript:alert(1)", "https://"),
        ("javascript://shop.example.com/%0aalert(1)", "https://"),
        ("JavaScript:alert(1)", "https://"),
        ("data:text/html,<script>alert(1)</script>", "https://"),
        ("vbscript:x", "https://"),
        ("file:///etc/passwd", "https://"),
        ("ftp://shop.example.com/", "https://"),
        ("com.example.app:/cb", "https://"),
        ("shop.example.com/cb", "https://"),
        ("/cb", "https://"),
        ("//shop.example.com/cb", "https://"),
        ("https:shop.example.com", "host name"),
        ("https:///cb", "host name"),
        ("https://:8443/cb", "host name"),
        (HOST + "/cb#", "fragment"),
        (HOST + "/cb#x", "fragment"),
        ("https://*.example.com/cb", "wildcard"),
        (HOST + "/*", "wildcard"),
        ("https://shop.example.com@evil.example/", "user name"),
        ("https://user:password@shop.example.com/", "user name"),
        ("http://127.0.0.1@evil.example/", "user name"),
        ("http://shop.example.com/cb", "http:// is accepted only for localhost"),
        ("http://localhost.evil.example/cb", "http:// is accepted only for localhost"),
        ("http://127.0.0.1.evil.example/cb", "http:// is accepted only for localhost"),
        ("http://127.0.0.2/cb", "http:// is accepted only for localhost"),
        ("http://0.0.0.0/cb", "http:// is accepted only for localhost"),
        ("http://2130706433/cb", "http:// is accepted only for localhost"),
        (HOST + "/a b", "a space"),
        (HOST + "/\x00", "a control character"),
        (HOST + "/\x7f", "a control character"),
        (HOST + "/ü", "outside ASCII"),
        ("https://bücher.example/cb", "outside ASCII"),
        ("https://shop。example.com/", "outside ASCII"),
        ("https://evil.example\\.shop.example.com/", "host name"),
        (HOST + "/a\\b", "percent-encoded"),
        (HOST + '/"><script>', "percent-encoded"),
        (HOST + "/%zz", "percent-encoded"),
        (HOST + ":99999/cb", "not a valid address"),
        (HOST + ":x/cb", "not a valid address"),
        (HOST + ":/cb", "host name"),
        ("https://-shop.example.com/", "host name"),
        ("https://shop.example.com;evil/", "host name"),
        ("https://[::1", "not a valid address"),
        ("https://[evil]/cb", "valid"),
        ("https://[::1]evil.example/cb", "host name"),
        ("https://[::1%25eth0]/cb", "host name"),
        ("https://[::1%25;script-src]/cb", "host name"),
        ("https://[1:2]/cb", "valid"),
        ("https://[::ffff:127.0.0.1]/cb", "host name"),
        ("https://x[::1]/cb", "valid"),
        ("https://[v1.x]/cb", "host name"),
        (HOST + "/" + "x" * 2048, "longer than"),
    ],
)
def test_unsafe_redirect_url_is_refused_with_its_reason(john: Browser, uri: str, reason: str) -> None:
    page = register(john, uri)
    assert page.status == 400
    problem = page.html.find(id="uris-problem")
    assert problem is not None
    assert reason in problem.get_text()
    assert "You have not registered an application yet" in john.open("/settings/applications").text


@pytest.mark.spec("RFC 7591 §5", "docs/security.md", "RFC 8252 §7.1")
@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("com.example.app://x;sandbox/cb", "semicolon"),
        ("com.example.app://x,y/cb", "comma"),
        ("com.example.app://user@accounts.google.com/cb", "user name"),
        ("com.example.app:/cb#x", "fragment"),
        ("example:/cb", "full address"),
    ],
)
def test_private_scheme_uri_with_a_misleading_authority_or_a_fragment_is_refused(uri: str, reason: str) -> None:
    redirect_uris.check_registrable("com.example.app://callback/cb;a,b", is_native=True)
    with pytest.raises(redirect_uris.RedirectUriError, match=reason):
        redirect_uris.check_registrable(uri, is_native=True)


@pytest.mark.spec("RFC 7591 §5", "RFC 8252 §7.1")
@pytest.mark.parametrize(
    "scheme",
    ["accounts.google.com", "google.com", "www.paypal.com", "app.slack.com", "www.bank", "paypal.me", "bank.co.uk"],
)
def test_private_scheme_that_reads_like_a_web_address_is_refused(scheme: str) -> None:
    with pytest.raises(redirect_uris.RedirectUriError, match="reads like a web address"):
        redirect_uris.check_registrable(f"{scheme}:/cb", is_native=True)


@pytest.mark.spec("RFC 7591 §5", "RFC 8252 §7.1")
@pytest.mark.parametrize(
    "scheme",
    [
        "com.example.app",
        "com.example",
        "com.example.info",
        "com.example.de",
        "io.github.x",
        "de.foo.bar",
        "uk.co.example.tickets",
        "app.example.io",
        "com.googleusercontent.apps.123-abc",
        "msauth.com.example.app",
        "host.exp.exponent",
    ],
)
def test_private_scheme_that_reverses_a_domain_can_be_registered(scheme: str) -> None:
    redirect_uris.check_registrable(f"{scheme}:/cb", is_native=True)


@pytest.mark.spec("RFC 8252 §7.1", "docs/security.md")
@pytest.mark.parametrize(
    "uri",
    [
        "cursor://anysphere.cursor-retrieval/oauth/callback",
        "cursor://anysphere.cursor-mcp/oauth/callback",
        "vscode://publisher.extension/callback",
        "vscode-insiders:/callback",
        "my-app2:/done?from=lanyard",
    ],
)
def test_scheme_without_a_dot_can_be_registered_only_where_it_is_asked_for(uri: str) -> None:
    redirect_uris.check_registrable(uri, is_native=True, short_schemes=True)
    for is_native, short_schemes in ((True, False), (False, True), (False, False)):
        with pytest.raises(redirect_uris.RedirectUriError, match="https://"):
            redirect_uris.check_registrable(uri, is_native=is_native, short_schemes=short_schemes)


@pytest.mark.spec("RFC 8252 §7.1", "RFC 7591 §5", "docs/security.md")
@pytest.mark.parametrize(
    "scheme",
    [
        *("javascript", "JavaScript", "vbscript", "data", "blob", "file", "filesystem", "about", "view-source", "jar"),
        *("ftp", "sftp", "ws", "wss", "ssh", "telnet", "smb", "ldap", "gopher", "rtsp", "magnet"),
        *("mailto", "tel", "sms", "facetime", "sip", "xmpp", "webcal", "geo"),
        *("chrome", "chrome-extension", "moz-extension", "edge", "resource", "content", "intent", "android-app"),
        *("ms-msdt", "ms-settings", "search-ms", "shell", "itms-apps", "x-apple-reminder", "app-prefs", "market"),
        *("httpx", "xhttp", "shttp", "hxxps", "https-", "htttps", "htps", "localhost", "lanyard-http"),
        *("c", "my", "1app", "-app", "app_", "my+app"),
    ],
)
def test_scheme_that_a_browser_or_a_system_acts_on_is_refused(scheme: str) -> None:
    for rest in (":/cb", "://cb/cb"):
        with pytest.raises(redirect_uris.RedirectUriError):
            redirect_uris.check_registrable(scheme + rest, is_native=True, short_schemes=True)


@pytest.mark.spec("RFC 7591 §5", "RFC 8252 §7.1", "docs/security.md")
@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("cursor://user@accounts.google.com/cb", "user name"),
        ("cursor://x;sandbox/cb", "semicolon"),
        ("cursor:/cb#x", "fragment"),
        ("cursor://*/cb", "wildcard"),
        ("cursor:/a\\b", "percent-encoded"),
        ("cursor:cb", "https://"),
        ("cursor:", "https://"),
        ("javascript:/alert(1)", "a browser or the system"),
        ("https-login:/cb", "a browser or the system"),
    ],
)
def test_rules_for_private_schemes_hold_for_one_without_a_dot(uri: str, reason: str) -> None:
    with pytest.raises(redirect_uris.RedirectUriError, match=reason):
        redirect_uris.check_registrable(uri, is_native=True, short_schemes=True)


@pytest.mark.spec("RFC 8252 §7.3", "RFC 8252 §8.3", "CVE-2020-15233")
@pytest.mark.parametrize(
    ("uri", "is_same"),
    [
        ("http://localhost:51004/cb", True),
        ("http://localhost/cb", True),
        ("http://localhost:80/cb", True),
        ("http://LOCALHOST:51004/cb", False),
        ("http://localhost.:51004/cb", False),
        ("http://localhost.evil.example:51004/cb", False),
        ("http://localhost:51004@evil.example/cb", False),
        ("http://evil.example:51004/cb", False),
        ("http://127.0.0.1:51004/cb", False),
        ("http://[::1]:51004/cb", False),
        ("https://localhost:51004/cb", False),
        ("http://localhost:0/cb", False),
        ("http://localhost:x/cb", False),
        ("http://localhost:/cb", False),
        ("http://localhost:51004/CB", False),
        ("http://localhost:51004/cb/", False),
        ("http://localhost:51004/cb?x", False),
    ],
)
def test_only_the_port_of_localhost_may_vary_and_only_for_native_applications(uri: str, is_same: bool) -> None:
    for registered in ("http://localhost/cb", "http://localhost:3000/cb"):
        assert redirect_uris.is_registered(uri, [registered], is_native=True) is is_same
        assert redirect_uris.is_registered(uri, [registered]) is (uri == registered)


@pytest.mark.spec("RFC 8252 §7.3", "RFC 9700 §4.16")
@pytest.mark.parametrize(
    ("uri", "shown", "target"),
    [
        ("https://shop.example.com:8443/cb", "shop.example.com:8443", "https:"),
        ("http://localhost:3000/cb", "localhost:3000", "https: http://localhost:3000"),
        ("http://[::1]:3000/cb", "[::1]:3000", "https: http:"),
        ("com.evil.app://accounts.google.com/cb", "com.evil.app:", "https: com.evil.app:"),
        ("com.evil.app:/cb", "com.evil.app:", "https: com.evil.app:"),
        ("cursor://accounts.google.com/cb", "cursor:", "https: cursor:"),
        # as an earlier version would have stored them
        ("com.evil.app://x;sandbox/cb", "com.evil.app:", "https: com.evil.app:"),
        ("com.evil.app://x;script-src%20*/", "com.evil.app:", "https: com.evil.app:"),
        ("http://x;sandbox/", "x;sandbox", "https: http:"),
        ("//x;sandbox/", ":", "https:"),
    ],
)
def test_user_and_browser_are_told_where_a_redirect_really_leads(uri: str, shown: str, target: str) -> None:
    is_app = not uri.startswith("http")
    assert redirect_uris.place(uri) == redirect_uris.Place(shown, is_app)
    assert redirect_uris.form_target(uri) == target


@pytest.mark.spec("docs/security.md", "RFC 8252 §7.3")
@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (HOST + "/a", HOST + "/b?x=1", True),
        (HOST, "HTTPS://Shop.Example.com:443/", True),
        (HOST, "http://shop.example.com", False),
        (HOST, HOST + ":8443", False),
        (HOST, "https://example.com", False),
        ("http://localhost:3000/", "http://localhost:4000/", True),
        ("http://localhost:3000/", "http://127.0.0.1:3000/", False),
        ("cursor://a/b", "cursor:/c", True),
        ("cursor:/a", "vscode:/a", False),
        ("http://127.0.0.1:3000/", "http://127.0.0.1:4000/", True),
        ("http://[::1]:3000/", "http://[::1]/", True),
        ("http://[::1]:3000/", "http://127.0.0.1:3000/", False),
        ("com.example.app:/a", "com.example.app://b/c", True),
        ("com.example.app:/a", "com.example.other:/a", False),
    ],
)
def test_origins_are_equal_if_the_same_party_gets_the_answer(one: str, other: str, is_same: bool) -> None:
    assert (redirect_uris.origin(one, is_native=True) == redirect_uris.origin(other, is_native=True)) is is_same
    if one.startswith("http://") and is_same:
        assert redirect_uris.origin(one) != redirect_uris.origin(other), "for a web application the port matters"
