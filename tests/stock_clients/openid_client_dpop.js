// openid-client with a DPoP handle: it makes the proofs and sends what needs a nonce again by itself.

import * as client from "openid-client";
import { given, openInBrowser, report } from "./conversation.js";

const options = { algorithm: "oauth2", execute: [client.allowInsecureRequests] }; // http, as it is only on this machine
const config = await client.discovery(
  new URL(given.issuer), given.client_id, undefined,
  given.client_secret ? client.ClientSecretPost(given.client_secret) : client.None(), options,
);
const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair(given.algorithm));
const verifier = client.randomPKCECodeVerifier();
const state = client.randomState();
const address = await client.buildAuthorizationUrlWithPAR(config, {
  redirect_uri: given.redirect_uri,
  scope: "read write",
  state,
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
}, { DPoP });
const callback = await openInBrowser(address);
const checks = { pkceCodeVerifier: verifier, expectedState: state };
const tokens = await client.authorizationCodeGrant(config, callback, checks, undefined, { DPoP });
const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP });
const me = await client.fetchProtectedResource(
  config, refreshed.access_token, new URL(`${given.issuer}/api/v1/me`), "GET", undefined, undefined, { DPoP },
);
const profile = await me.json();
await client.tokenRevocation(config, refreshed.refresh_token);
report({ tokens, refreshed, profile });
