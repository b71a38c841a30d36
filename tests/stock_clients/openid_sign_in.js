// openid-client in its default mode, as an OpenID Connect client: discovers, signs in, verifies the ID token with the
// published keys, reads UserInfo and refreshes. With given.form_post it takes the answer from the body of a POST.

import * as client from "openid-client";
import { given, openInBrowser, report } from "./conversation.js";

const options = { execute: [client.allowInsecureRequests] }; // http, as it is only on this machine
const authentication = given.client_secret ? client.ClientSecretPost(given.client_secret) : client.None();
const config = await client.discovery(new URL(given.issuer), given.client_id, undefined, authentication, options);
const verifier = client.randomPKCECodeVerifier();
const [state, nonce] = [client.randomState(), client.randomNonce()];
const address = client.buildAuthorizationUrl(config, {
  redirect_uri: given.redirect_uri,
  scope: "openid email profile",
  state,
  nonce,
  max_age: "3600",
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
});
const callback = await openInBrowser(address);
const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, maxAge: 3600, idTokenExpected: true };
client.enableNonRepudiationChecks(config); // the signature too, although the token came from the provider itself
const tokens = await client.authorizationCodeGrant(config, callback, checks);
const claims = tokens.claims();
const info = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token);
report({ claims, info, refreshed: refreshed.claims() });
