"""A request as the views see it: what Chalice and API Gateway pass on, read strictly."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_interface
from urllib.parse import urlencode, urlsplit

from chalice.app import Request as ChaliceRequest

from chalicelib import settings
from chalicelib.caller import Caller, shorten
from chalicelib.models.user import User
from chalicelib.protocol.client_request import ClientRequest
from chalicelib.protocol.requests import HTTP_BLANKS, Parameters, read_form, read_query


@dataclass
class Request:
    """raw: Chalice's. user: whoever is signed in, from when `browser_session` has found it out, so that an error's page
    knows them too. For how queries and forms are read see `protocol.requests`."""

    raw: ChaliceRequest
    user: User | None = None

    @property
    def method(self) -> str:
        return "GET" if self.raw.method == "HEAD" else str(self.raw.method)

    @property
    def is_head(self) -> bool:
        return bool(self.raw.method == "HEAD")

    @property
    def query(self) -> Parameters:
        """Each name with all its values. Raises Undecodable."""
        return read_query(self.raw.to_original_event().get("multiValueQueryStringParameters"))

    @property
    def body(self) -> bytes:
        body = self.raw.raw_body or b""
        return body.encode() if isinstance(body, str) else body

    @property
    def form(self) -> Parameters:
        """Each field with all its values. Raises Undecodable."""
        return read_form(self.body)

    def header(self, name: str) -> str | None:
        """Its value. One that was sent several times is joined as RFC 9110 §5.3 joins it, or the cookies as §5.4 of
        RFC 6265; what may come only once is malformed then. API Gateway shows all values beside the last."""
        event = self.raw.to_original_event()
        for found, values in (event.get("multiValueHeaders") or {}).items():
            if found.lower() == name and len(values) > 1:
                return ("; " if name == "cookie" else ", ").join(values)
        value = self.raw.headers.get(name)
        return str(value) if value is not None else None

    def cookie(self, name: str) -> str | None:
        """Its value as it was sent; None also where two of this name have different values, since one of them was
        planted and nothing here says which. http.cookies would drop all for one that it cannot read.
        """
        pairs = (pair.partition("=") for pair in (self.header("cookie") or "").split(";"))
        found = {value.strip(HTTP_BLANKS) for left, _, value in pairs if left.strip(HTTP_BLANKS) == name}
        return found.pop() if len(found) == 1 else None

    def as_client_request(self) -> ClientRequest:
        """For the endpoints that applications call themselves."""
        headers = self.header("authorization"), self.header("content-type")
        path = str(self.raw.context["resourcePath"])
        return ClientRequest(path, self.base_url, self.network, self.body, self.query, *headers)

    @property
    def address(self) -> str:
        """The caller's IP address as the gateway saw it; what the caller claims in a header does not count."""
        return str(self.raw.context.get("identity", {}).get("sourceIp") or "unknown")

    @property
    def network(self) -> str:
        """What tries are counted by: the address, or of an IPv6 one the /64, all of which one caller can use."""
        try:
            found = ip_interface(self.address)
        except ValueError:
            return self.address
        return str(ip_interface(f"{found.ip}/64").network) if found.version == 6 else self.address

    @property
    def caller(self) -> Caller:
        """The address and the device, for people to recognize."""
        return Caller(self.address, shorten(self.header("user-agent")))

    @property
    def base_path(self) -> str:
        """What stands before our own paths in an address: "", a stage ("/api") or a custom domain's base path."""
        if settings.SETTINGS.public_url:
            return urlsplit(settings.SETTINGS.public_url).path
        return _before(str(self.raw.context["path"]), str(self.raw.context["resourcePath"]))

    @property
    def local_address(self) -> str:
        """This request's path as our own routes name it, with its query."""
        path = str(self.raw.context["path"])
        own = path[len(_before(path, str(self.raw.context["resourcePath"]))) :] or "/"
        query = urlencode([(name, value) for name, values in self.query.items() for value in values])
        return f"{own}?{query}" if query else own

    @property
    def base_url(self) -> str:
        """The provider's address, which is its issuer identifier. Never from the Host header, which anyone can set."""
        if settings.SETTINGS.public_url:
            return settings.SETTINGS.public_url
        return f"https://{self.raw.context['domainName']}{self.base_path}"


def _before(path: str, template: str) -> str:
    """`path` without as many segments at its end as `template` has."""
    segments = [segment for segment in path.split("/") if segment]
    own = len([segment for segment in template.split("/") if segment])
    return "".join(f"/{segment}" for segment in segments[: len(segments) - own])
