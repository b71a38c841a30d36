// simple-oauth2: connects with PKCE, refreshes and revokes.

import { createHash, randomBytes } from "node:crypto";
import { AuthorizationCode } from "simple-oauth2";
import { given, openInBrowser, report } from "./conversation.js";

const client = new AuthorizationCode({
  client: { id: given.client_id, secret: given.client_secret ?? "" },
  auth: {
    tokenHost: given.issuer,
    tokenPath: "/api/v1/oauth/token",
    revokePath: "/api/v1/oauth/revoke_token",
    authorizePath: "/api/v1/oauth/authorize",
  },
  options: { authorizationMethod: given.client_secret ? "header" : "body" },
});

const verifier = randomBytes(32).toString("base64url");
const state = randomBytes(32).toString("base64url");
const address = client.authorizeURL({
  redirect_uri: given.redirect_uri,
  scope: ["read", "write"],
  state,
  code_challenge: createHash("sha256").update(verifier).digest("base64url"),
  code_challenge_method: "S256",
});
const callback = await openInBrowser(address);
if (callback.searchParams.get("state") !== state) throw new Error("The response has another state.");
if (callback.searchParams.get("iss") !== given.issuer) throw new Error("The response is from another issuer.");
const connected = await client.getToken({
  code: callback.searchParams.get("code"),
  redirect_uri: given.redirect_uri,
  code_verifier: verifier,
});
const refreshed = await connected.refresh();
const me = await fetch(`${given.issuer}/api/v1/me`, {
  headers: { authorization: `Bearer ${refreshed.token.access_token}` },
});
const profile = await me.json();
await refreshed.revokeAll();
report({ tokens: connected.token, refreshed: refreshed.token, profile });
