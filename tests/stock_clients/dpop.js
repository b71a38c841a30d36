// The npm package dpop makes the key and the proofs; fetch does the rest: a code that is bound to the key, tokens, a
// refresh, the API. A request without the server's nonce is sent again with it, once.

import * as dpop from "dpop";
import { given, openInBrowser, report, revoke } from "./conversation.js";

const metadata = await (await fetch(`${given.issuer}/.well-known/oauth-authorization-server`)).json();
const algorithm = metadata.dpop_signing_alg_values_supported.find((name) => name === given.algorithm);
const key = await dpop.generateKeyPair(algorithm);
const secret = given.client_secret ? { client_secret: given.client_secret } : {};
let nonce;

async function token(form, isRepeat = false) {
  const url = metadata.token_endpoint;
  const headers = { DPoP: await dpop.generateProof(key, url, "POST", nonce) };
  const body = new URLSearchParams({ client_id: given.client_id, ...secret, ...form });
  const answer = await fetch(url, { method: "POST", headers, body });
  nonce = answer.headers.get("dpop-nonce") ?? nonce;
  const found = await answer.json();
  if (found.error === "use_dpop_nonce" && !isRepeat) return token(form, true);
  if (!answer.ok) throw new Error(JSON.stringify(found));
  return found;
}

const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode("v".repeat(43)));
const address = new URL(metadata.authorization_endpoint);
address.search = new URLSearchParams({
  client_id: given.client_id,
  response_type: "code",
  redirect_uri: given.redirect_uri,
  scope: "read write",
  state: "xyz",
  code_challenge: Buffer.from(digest).toString("base64url"),
  code_challenge_method: "S256",
  dpop_jkt: await dpop.calculateThumbprint(key.publicKey),
});
const callback = await openInBrowser(address);
const code = { grant_type: "authorization_code", code: callback.searchParams.get("code") };
const tokens = await token({ ...code, redirect_uri: given.redirect_uri, code_verifier: "v".repeat(43) });
const refreshed = await token({ grant_type: "refresh_token", refresh_token: tokens.refresh_token });
const url = `${given.issuer}/api/v1/me`;
const proof = await dpop.generateProof(key, url, "GET", undefined, refreshed.access_token);
const headers = { Authorization: `DPoP ${refreshed.access_token}`, DPoP: proof };
const profile = await (await fetch(url, { headers })).json();
await revoke(refreshed.refresh_token);
report({ tokens, refreshed, profile });
