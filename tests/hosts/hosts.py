"""How known MCP hosts register, as far as it could be found out.

Nobody here has the hosts themselves: no value was recorded from a running host by this project. `source` says where a
value comes from and how old that is; `unchecked` says what is assumed. The values were looked up in November 2026.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chalicelib.protocol.clients import known_documents

CODE, REFRESH = "authorization_code", "refresh_token"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
BOTH: dict[str, Any] = {"grant_types": [CODE, REFRESH], "response_types": ["code"]}


@dataclass(frozen=True)
class Host:
    """One way in which one host connects.

    sends: the registration request or, with document_url, the document at that address. redirect_uri: the one in its
    authorization requests. shown: where the consent page says that it leads. left_out: redirect URIs that Lanyard does
    not register. method: how it authenticates once it is registered.
    """

    name: str
    sends: dict[str, Any]
    redirect_uri: str
    shown: str
    source: str
    unchecked: str
    document_url: str | None = None
    method: str = "none"
    left_out: tuple[str, ...] = ()


def _copy(url: str) -> dict[str, Any]:
    """The document as Lanyard ships it."""
    copy = known_documents.find(url)
    assert copy is not None
    return dict(copy.document)


def _source(url: str) -> str:
    copy = known_documents.find(url)
    assert copy is not None
    return copy.source


HOSTS = [
    Host(
        name="Claude Code, document",
        document_url="https://claude.ai/oauth/claude-code-client-metadata",
        sends=_copy("https://claude.ai/oauth/claude-code-client-metadata"),
        redirect_uri="http://localhost:58135/callback",
        shown="localhost:58135",
        source=_source("https://claude.ai/oauth/claude-code-client-metadata"),
        unchecked="That the document is still the same.",
    ),
    Host(
        name="Claude Code, registration",
        sends={
            "client_name": "Claude Code (tickets)",
            "redirect_uris": ["http://localhost:58135/callback"],
            **BOTH,
            "token_endpoint_auth_method": "none",
        },
        redirect_uri="http://localhost:58135/callback",
        shown="localhost:58135",
        source="The redirect URI in Claude Code's public issues of October 2025 and March 2026. That it registers as a "
        "public client: an issue of September 2026 that compares it with claude.ai.",
        unchecked="client_name, grant_types and response_types.",
    ),
    Host(
        name="claude.ai, document",
        document_url="https://claude.ai/oauth/mcp-oauth-client-metadata",
        sends=_copy("https://claude.ai/oauth/mcp-oauth-client-metadata"),
        redirect_uri="https://claude.ai/api/mcp/auth_callback",
        shown="claude.ai",
        source=_source("https://claude.ai/oauth/mcp-oauth-client-metadata"),
        unchecked="The date of those copies. One table adds https://claude.com/api/mcp/auth_callback.",
    ),
    Host(
        name="claude.ai, registration",
        sends={
            "client_name": "Claude",
            "redirect_uris": ["https://claude.ai/api/mcp/auth_callback"],
            **BOTH,
            "token_endpoint_auth_method": "client_secret_post",
        },
        redirect_uri="https://claude.ai/api/mcp/auth_callback",
        shown="claude.ai",
        method="client_secret_post",
        source="client_secret_post in a public issue at Anthropic, reproduced on 2026-09-15; the redirect URI and the "
        "grant types in another of March 2026; the redirect URI in a copy of Anthropic's documentation for connectors.",
        unchecked="client_name and response_types.",
    ),
    Host(
        name="ChatGPT, document",
        document_url="https://chatgpt.com/oauth/client.json",
        sends={
            "client_id": "https://chatgpt.com/oauth/client.json",
            "client_uri": "https://chatgpt.com/",
            "redirect_uris": ["https://chatgpt.com/connector_platform_oauth_redirect"],
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
            **BOTH,
            "client_name": "ChatGPT",
            "logo_uri": "https://persistent.oaistatic.com/sonic/misc/openai-logo.png",
            "token_endpoint_auth_signing_alg": "RS256",
            "jwks_uri": "https://chatgpt.com/oauth/jwks.json",
        },
        redirect_uri="https://chatgpt.com/connector_platform_oauth_redirect",
        shown="chatgpt.com",
        method="private_key_jwt",
        source="The document as quoted in the public issues of django-oauth-toolkit (2026-08-26 and 2026-09-20); that "
        "it has an RSA key: an issue of 2026-09-15; that ChatGPT signs if the server advertises it: an issue of "
        "2026-08-26.",
        unchecked="The claims of its assertions; the test's have a jti and expire within ten minutes.",
    ),
    Host(
        name="ChatGPT, registration",
        sends={
            "client_name": "ChatGPT",
            "redirect_uris": ["https://chatgpt.com/connector/oauth/IbUR3zxyNQ16"],
            **BOTH,
            "token_endpoint_auth_method": "none",
        },
        redirect_uri="https://chatgpt.com/connector/oauth/IbUR3zxyNQ16",
        shown="chatgpt.com",
        source="The shape of the redirect URI, one for each connector, in public issues of July and August 2026.",
        unchecked="All other members.",
    ),
    Host(
        name="VS Code, document",
        document_url="https://vscode.dev/oauth/client-metadata.json",
        sends=_copy("https://vscode.dev/oauth/client-metadata.json"),
        redirect_uri="http://127.0.0.1:60005/",
        shown="127.0.0.1:60005",
        source=_source("https://vscode.dev/oauth/client-metadata.json"),
        unchecked="That the document is still the same.",
    ),
    Host(
        name="VS Code, registration",
        sends={
            "client_name": "Visual Studio Code",
            "client_uri": "https://code.visualstudio.com",
            "grant_types": [CODE, REFRESH, DEVICE],
            "response_types": ["code"],
            "redirect_uris": [
                "https://insiders.vscode.dev/redirect",
                "https://vscode.dev/redirect",
                "http://127.0.0.1/",
                "http://127.0.0.1:33418/",
            ],
            "scope": "read write",
            "token_endpoint_auth_method": "none",
            "application_type": "native",
        },
        redirect_uri="http://127.0.0.1:33418/",
        shown="127.0.0.1:33418",
        source="VS Code's source, the function fetchDynamicRegistration, as two public repositories quote it. Of its "
        "grant types it sends those that the server's metadata lists, here all three.",
        unchecked="The released build's client_name. The version that the quotes are from.",
    ),
    Host(
        name="VS Code in a browser, registration",
        sends={
            "client_name": "Visual Studio Code",
            "grant_types": [CODE, REFRESH, DEVICE],
            "response_types": ["code"],
            "redirect_uris": ["https://vscode.dev/redirect", "http://127.0.0.1/", "http://127.0.0.1:33418/"],
            "token_endpoint_auth_method": "none",
            "application_type": "native",
        },
        redirect_uri="https://vscode.dev/redirect",
        shown="vscode.dev",
        source="As above.",
        unchecked="Which redirect URI it takes in a browser.",
    ),
    Host(
        name="Cursor, loopback",
        sends={
            "client_name": "Cursor",
            "redirect_uris": [
                "cursor://anysphere.cursor-mcp/oauth/callback",
                "https://www.cursor.com/agents/mcp/oauth/callback",
                "http://localhost:8787/callback",
            ],
            **BOTH,
            "token_endpoint_auth_method": "none",
            "application_type": "web",
        },
        redirect_uri="http://localhost:8787/callback",
        shown="localhost:8787",
        source="The three redirect URIs in public issues of 2026-09-03 and 2026-09-11, which quote Cursor's staff; the "
        "other members but the name in an issue of better-auth of 2026-08-23.",
        unchecked="client_name.",
    ),
    Host(
        name="Cursor, its own scheme",
        sends={
            "client_name": "Cursor",
            "redirect_uris": ["cursor://anysphere.cursor-mcp/oauth/callback"],
            **BOTH,
            "token_endpoint_auth_method": "none",
            "application_type": "web",
        },
        redirect_uri="cursor://anysphere.cursor-mcp/oauth/callback",
        shown="an app on this device ( cursor: )",
        source="All members but the name in an issue of better-auth of 2026-08-23.",
        unchecked="client_name.",
    ),
    Host(
        name="Cursor, earlier versions",
        sends={
            "client_name": "Cursor",
            "redirect_uris": ["cursor://anysphere.cursor-retrieval/oauth/callback"],
            **BOTH,
            "token_endpoint_auth_method": "none",
        },
        redirect_uri="cursor://anysphere.cursor-retrieval/oauth/callback",
        shown="an app on this device ( cursor: )",
        source="The redirect URI in the tests of several public repositories. Some have a path with the server's name "
        "between oauth and callback.",
        unchecked="All other members, and which versions had it.",
    ),
    Host(
        name="MCP Inspector",
        sends={
            "redirect_uris": ["http://localhost:6274/oauth/callback", "http://localhost:6274/oauth/callback/debug"],
            "token_endpoint_auth_method": "none",
            **BOTH,
            "client_name": "MCP Inspector",
            "client_uri": "https://github.com/modelcontextprotocol/inspector",
            "scope": "read write profile",
        },
        redirect_uri="http://localhost:6274/oauth/callback",
        shown="localhost:6274",
        source="The Inspector's source, client/src/lib/auth.ts at commit 006abfb8, read for this file. The scope is "
        "what the server's metadata lists.",
        unchecked="Newer versions.",
    ),
    Host(
        name="Codex, document",
        document_url="https://chatgpt.com/oauth/codex/client.json",
        sends={
            "client_id": "https://chatgpt.com/oauth/codex/client.json",
            "client_name": "Codex",
            "redirect_uris": ["http://127.0.0.1/callback", "http://localhost/callback"],
            **BOTH,
            "token_endpoint_auth_method": "none",
        },
        redirect_uri="http://127.0.0.1:43123/callback",
        shown="127.0.0.1:43123",
        source="client_id, a loopback address with a varying port, PKCE and resource: a public report on Codex "
        "0.154.0; the redirect URIs and the method in tables of three public repositories.",
        unchecked="client_name and the other members.",
    ),
    Host(
        name="Codex, registration",
        sends={
            "client_name": "Codex",
            "redirect_uris": ["http://127.0.0.1:63546/callback/6MFBM1In3Ey-"],
            **BOTH,
            "token_endpoint_auth_method": "none",
        },
        redirect_uri="http://127.0.0.1:63546/callback/6MFBM1In3Ey-",
        shown="127.0.0.1:63546",
        source="The redirect URI of Codex 0.147 in a public issue at OpenAI of 2026-08-14; earlier versions end it "
        "after callback.",
        unchecked="All other members.",
    ),
    Host(
        name="GitHub Copilot CLI",
        document_url="https://github.com/copilot/cli/client-metadata.json",
        sends={
            "client_id": "https://github.com/copilot/cli/client-metadata.json",
            "client_name": "GitHub Copilot CLI",
            "application_type": "native",
            "redirect_uris": ["http://127.0.0.1:33418/"],
            "token_endpoint_auth_method": "none",
        },
        redirect_uri="http://127.0.0.1:60005/",
        shown="127.0.0.1:60005",
        source="client_id, application_type, redirect_uris and the varying port in a public issue of 2026-09-09 on "
        "version 1.0.83.",
        unchecked="The other members, which the issue does not quote.",
    ),
    Host(
        name="a host that asks for too much",
        sends={
            "client_name": "A host",
            "redirect_uris": ["vscode:callback", "myhost://callback", "http://10.0.0.5/callback"],
            "grant_types": [CODE, "implicit", "client_credentials"],
            "response_types": ["code", "token"],
            "scope": "openid offline_access read",
            "token_endpoint_auth_method": "none",
        },
        redirect_uri="myhost://callback",
        shown="an app on this device ( myhost: )",
        left_out=("vscode:callback", "http://10.0.0.5/callback"),
        source="Made up.",
        unchecked="",
    ),
]
