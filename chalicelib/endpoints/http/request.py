"""A request for the views: what Chalice and API Gateway pass, parsed strictly."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import ip_interface
from urllib.parse import unquote, urlencode, urlsplit

from chalice.app import Request as ChaliceRequest

from chalicelib import settings
from chalicelib.models.user import User
from chalicelib.protocol.clients.client_request import ClientRequest
from chalicelib.protocol.rules.dpop_proof import SentProof
from chalicelib.protocol.rules.request_parameters import HTTP_BLANKS, Parameters, read_form, read_query
from chalicelib.request_source import RequestSource, shorten

EVERYTHING = "/{proxy+}"  # the template for paths that no other route takes
_BASE_PATH_SEGMENTS = 8  # more than any base path or stage has
_GREEDY = re.compile(r"{(\w+)\+}$")  # the end of a template that takes all the segments that follow


@dataclass
class Request:
    """raw: Chalice's request. user: the signed-in user, once `browser_session` has read it, so that error pages know it
    too. typed: what a page's form is filled in with; see `stale_form`. `protocol.rules.request_parameters` says how
    queries and forms are parsed. languages: those that an application asks the pages to have, space-separated, most
    preferred first; they come before the user's own."""

    raw: ChaliceRequest
    user: User | None = None
    typed: Parameters = field(default_factory=dict)
    is_shown_again: bool = False
    languages: str = ""

    @property
    def method(self) -> str:
        """HTTP's method; GET for HEAD, and for a stale form, whose page is shown as if it had been requested."""
        return "GET" if self.raw.method == "HEAD" or self.is_shown_again else str(self.raw.method)

    @property
    def is_head(self) -> bool:
        return bool(self.raw.method == "HEAD")

    @property
    def query(self) -> Parameters:
        """Each name with all of its values. Raises Undecodable."""
        return read_query(self.raw.to_original_event().get("multiValueQueryStringParameters"))

    @property
    def body(self) -> bytes:
        body = self.raw.raw_body or b""
        return body.encode() if isinstance(body, str) else body

    @property
    def form(self) -> Parameters:
        """Each field with all of its values. Raises Undecodable."""
        return read_form(self.body)

    def header(self, name: str) -> str | None:
        """The header's value. Repeated headers are joined as RFC 9110 §5.3 does, cookies as RFC 6265 §5.4 does; so a
        repeated header that may occur only once is malformed. API Gateway passes the last value, and separately a list
        of all."""
        event = self.raw.to_original_event()
        for found, values in (event.get("multiValueHeaders") or {}).items():
            if found.lower() == name and len(values) > 1:
                return ("; " if name == "cookie" else ", ").join(values)
        value = self.raw.headers.get(name)
        return str(value) if value is not None else None

    def cookie(self, name: str) -> str | None:
        """The cookie's value as sent; None if cookies of this name have different values, since one of them was planted
        and nothing tells which. http.cookies would drop all cookies because of one that it cannot parse.
        """
        pairs = (pair.partition("=") for pair in (self.header("cookie") or "").split(";"))
        found = {value.strip(HTTP_BLANKS) for left, _, value in pairs if left.strip(HTTP_BLANKS) == name}
        return found.pop() if len(found) == 1 else None

    @property
    def given(self) -> Parameters:
        """What was submitted: a GET's query, a POST's form, or what may come back of a form that is shown again."""
        if self.is_shown_again:
            return self.typed
        return self.query if self.method == "GET" else self.form

    @property
    def is_from_our_page(self) -> bool:
        """True if the browser says that a page of ours sent this. Old browsers do not say; none can be made to lie."""
        return self.header("sec-fetch-site") == "same-origin"

    def as_client_request(self) -> ClientRequest:
        """The request for the endpoints that applications call directly."""
        headers = self.header("authorization"), self.header("content-type"), self.header("origin") is not None
        path = str(self.raw.context["resourcePath"])
        more = self.header("accept"), self.header("dpop"), self.url
        return ClientRequest(path, self.base_url, self.network, self.body, self.query, *headers, *more)

    @property
    def address(self) -> str:
        """The caller's IP address as the gateway saw it. Headers in which the caller claims another are ignored."""
        return str(self.raw.context.get("identity", {}).get("sourceIp") or "unknown")

    @property
    def iam_caller(self) -> str | None:
        """The ARN of the caller that API Gateway authenticated with IAM; None on other routes, and on a laptop."""
        return self.raw.context.get("identity", {}).get("userArn") or None

    @property
    def network(self) -> str:
        """What tries are counted by: an IPv4 address, or an IPv6 address's /64, all of which one caller can use."""
        try:
            found = ip_interface(self.address)
        except ValueError:
            return self.address
        return str(ip_interface(f"{found.ip}/64").network) if found.version == 6 else self.address

    @property
    def source(self) -> RequestSource:
        """The address and the device, for people to recognize."""
        return RequestSource(self.address, shorten(self.header("user-agent")))

    @property
    def base_path(self) -> str:
        """What precedes our own paths in a URL: "", a stage ("/api") or a custom domain's base path."""
        if settings.SETTINGS.public_url:
            return urlsplit(settings.SETTINGS.public_url).path
        return self._path_prefix

    @property
    def local_path(self) -> str:
        """This request's path as our own routes name it."""
        return str(self.raw.context["path"])[len(self._path_prefix) :] or "/"

    @property
    def url(self) -> str:
        """The URL of this request without its query, as a client that knows our address called it."""
        return self.base_url + self.local_path

    @property
    def proof(self) -> SentProof | None:
        """The DPoP proof that came with this request (RFC 9449 §4.1)."""
        header = self.header("dpop")
        return SentProof(header, str(self.raw.method), (self.url,)) if header is not None else None

    @property
    def local_address(self) -> str:
        """`local_path` with the query."""
        query = urlencode([(name, value) for name, values in self.query.items() for value in values])
        return f"{self.local_path}?{query}" if query else self.local_path

    @property
    def base_url(self) -> str:
        """The provider's URL, which is its issuer identifier. Never from the Host header, which anyone can set."""
        if settings.SETTINGS.public_url:
            return settings.SETTINGS.public_url
        return f"https://{self.raw.context['domainName']}{self.base_path}"

    @property
    def _path_prefix(self) -> str:
        """What precedes our own path when the request reaches the gateway."""
        path, template = str(self.raw.context["path"]), str(self.raw.context["resourcePath"])
        greedy = _GREEDY.search(template)
        if greedy:
            rest = str((self.raw.uri_params or {}).get(greedy[1], ""))
            return _before_rest(path, template[: greedy.start()] + rest)
        return _before(path, template)


def _before(path: str, template: str) -> str:
    """`path` without its last segments, as many as `template` has."""
    segments = [segment for segment in path.split("/") if segment]
    own = len([segment for segment in template.split("/") if segment])
    return "".join(f"/{segment}" for segment in segments[: len(segments) - own])


def _before_rest(path: str, rest: str) -> str:
    """`path` without `rest` at its end, whatever part of either is already decoded; "" if it does not end with it."""
    segments, wanted = [segment for segment in path.split("/") if segment], _decoded(rest)
    tried = range(min(len(segments), _BASE_PATH_SEGMENTS + 1))  # a long path must not cost its square
    starts = (at for at in tried if _decoded("/".join(segments[at:])) == wanted)
    return "".join(f"/{segment}" for segment in segments[: next(starts, 0)])


def _decoded(path: str) -> list[str]:
    return [segment for segment in unquote(path).split("/") if segment]
