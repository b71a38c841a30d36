// openid-client in its OAuth mode: connects from metadata with PKCE, calls the API, refreshes and revokes.

import * as client from "openid-client";
import { given, openInBrowser, report } from "./conversation.js";

const options = { algorithm: "oauth2", execute: [client.allowInsecureRequests] }; // http, as it is only on this machine
const issuer = new URL(given.issuer);
const config = given.register
  ? await client.dynamicClientRegistration(
      issuer, { client_name: "openid-client", redirect_uris: [given.redirect_uri], ...given.register },
      given.register.token_endpoint_auth_method === "client_secret_basic" ? client.ClientSecretBasic() : undefined, options,
    )
  : await client.discovery(
      issuer, given.client_id, undefined, given.client_secret ? client.ClientSecretPost(given.client_secret) : client.None(), options,
    );

const verifier = client.randomPKCECodeVerifier();
const state = client.randomState();
const address = client.buildAuthorizationUrl(config, {
  redirect_uri: given.redirect_uri,
  scope: "read write",
  state,
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
});
const callback = await openInBrowser(address);
const tokens = await client.authorizationCodeGrant(config, callback, { pkceCodeVerifier: verifier, expectedState: state });
const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token);
const me = await client.fetchProtectedResource(
  config, refreshed.access_token, new URL(`${given.issuer}/api/v1/me`), "GET",
);
const profile = await me.json();
await client.tokenRevocation(config, refreshed.refresh_token);
report({ tokens, refreshed, profile, client_id: config.clientMetadata().client_id });
