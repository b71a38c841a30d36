// MCP's TypeScript SDK as a host: discovers, registers or names its document, connects, calls a tool, refreshes.

import { randomUUID } from "node:crypto";
import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { given, openInBrowser, report } from "./conversation.js";

/** What a host keeps for one server and one user. */
class Provider {
  asked = [];
  states = [];
  saved = [];
  redirectUrl = given.redirect_uri;
  clientMetadataUrl = given.document;
  clientMetadata = {
    client_name: "A host in TypeScript",
    redirect_uris: [given.redirect_uri],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: "none",
  };

  state = () => this.states[this.states.push(randomUUID()) - 1];
  clientInformation = () => this.client;
  saveClientInformation = (client) => void (this.client = client);
  tokens = () => this.saved.at(-1);
  saveTokens = (tokens) => void this.saved.push(tokens);
  invalidateCredentials = (which) => void (which === "tokens" && this.saved.push(undefined));
  redirectToAuthorization = (address) => void this.asked.push(address);
  saveCodeVerifier = (verifier) => void (this.verifier = verifier);
  codeVerifier = () => this.verifier;
}

const provider = new Provider();

/** The result of the server's only tool. Asks the user if the SDK wants that. */
async function organizers() {
  const connect = async () => {
    const transport = new StreamableHTTPClientTransport(new URL(given.server), { authProvider: provider });
    const client = new Client({ name: "host", version: "1" });
    try {
      await client.connect(transport);
    } catch (error) {
      if (!(error instanceof UnauthorizedError)) throw error;
      const answer = (await openInBrowser(provider.asked.at(-1))).searchParams;
      if (answer.get("state") !== provider.states.at(-1)) throw new Error("another state");
      await transport.finishAuth(answer.get("code"));
      return null;
    }
    return client;
  };
  const client = (await connect()) ?? (await connect());
  const { structuredContent } = await client.callTool({ name: "organizers", arguments: {} });
  await client.close();
  return structuredContent;
}

const first = await organizers();
provider.saved.push({ ...provider.tokens(), access_token: "lyat_expired" });
const second = await organizers();
const askedBefore = provider.asked.length;
const refreshed = provider.saved.length === 3;

const form = { token: provider.tokens().refresh_token, client_id: provider.client.client_id };
await fetch(`${given.issuer}/api/v1/oauth/revoke_token`, { method: "POST", body: new URLSearchParams(form) });
const third = await organizers();
report({
  first,
  second,
  third,
  refreshed,
  askedBefore,
  asked: provider.asked.map(String),
  client_id: provider.client.client_id,
});
