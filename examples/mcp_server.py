"""An MCP server that Lanyard protects. Clients discover everything they need. See docs/mcp.md.

    LANYARD_CLIENT_ID=... LANYARD_CLIENT_SECRET=... .venv/bin/python examples/mcp_server.py

LANYARD_URL is the provider's URL; it defaults to that of `make run`. MCP_SERVER is this server's own URL, which clients
name. LANYARD_CLIENT_ID and LANYARD_CLIENT_SECRET belong to the application that represents this server at Lanyard: it
introspects the tokens.
"""

from __future__ import annotations

import os
import sys
from urllib.parse import urlsplit

import httpx2
from mcp.server import MCPServer
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings

LANYARD_URL = os.environ.get("LANYARD_URL", "http://127.0.0.1:8000")
MCP_SERVER = os.environ.get("MCP_SERVER", "http://127.0.0.1:8090/mcp")
NAMES = ("LANYARD_CLIENT_ID", "LANYARD_CLIENT_SECRET")
MISSING = [name for name in NAMES if not os.environ.get(name)]
if MISSING:
    print(f"Set {' and '.join(MISSING)}: see docs/mcp.md.", file=sys.stderr)
    sys.exit(2)


class Introspection:
    """Asks Lanyard about the token at each request, so a revoked token stops working at once (RFC 7662)."""

    def __init__(self) -> None:
        own_credentials = (os.environ[NAMES[0]], os.environ[NAMES[1]])
        self.http = httpx2.AsyncClient(auth=own_credentials, timeout=10)

    async def verify_token(self, token: str) -> AccessToken | None:
        answer = await self.http.post(f"{LANYARD_URL}/api/v1/oauth/introspect", data={"token": token})
        answer.raise_for_status()
        found = answer.json()
        if not found["active"]:
            return None
        return AccessToken(
            token=token,
            client_id=found["client_id"],
            scopes=found["scope"].split(),
            expires_at=found["exp"],
            resource=found.get("aud"),
            subject=found["sub"],
            claims={"organizers": found["organizers"]},
        )


server = MCPServer(
    "Organizers",
    token_verifier=Introspection(),
    # From plain strings: a URL object would add a slash to LANYARD_URL, which would then no longer match the issuer.
    auth=AuthSettings.model_validate(
        {
            "issuer_url": LANYARD_URL,
            "resource_server_url": MCP_SERVER,
            "required_scopes": ["read"],
            "validate_token_resource": True,  # refuse tokens for another API, or for no API in particular
        }
    ),
)


@server.tool()
def organizers() -> list[str]:
    """The organizers that the user lets this client access."""
    access = get_access_token()
    assert access is not None
    assert access.claims is not None
    return list(access.claims["organizers"])


if __name__ == "__main__":
    address = urlsplit(MCP_SERVER)
    server.run("streamable-http", host="127.0.0.1", port=address.port or 80, streamable_http_path=address.path)
