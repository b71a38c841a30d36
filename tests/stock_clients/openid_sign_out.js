// openid-client signs a person in and then asks to sign them out: it builds the address of the end_session_endpoint.

import * as client from "openid-client";
import { given, openInBrowser, report } from "./conversation.js";

const options = { execute: [client.allowInsecureRequests] }; // http, as it is only on this machine
const authentication = client.ClientSecretPost(given.client_secret);
const config = await client.discovery(new URL(given.issuer), given.client_id, undefined, authentication, options);
const verifier = client.randomPKCECodeVerifier();
const callback = await openInBrowser(
  client.buildAuthorizationUrl(config, {
    redirect_uri: given.redirect_uri,
    scope: "openid",
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
  }),
);
const tokens = await client.authorizationCodeGrant(config, callback, { pkceCodeVerifier: verifier, idTokenExpected: true });
const state = client.randomState();
const address = client.buildEndSessionUrl(config, {
  id_token_hint: tokens.id_token,
  post_logout_redirect_uri: given.post_logout_redirect_uri,
  state,
});
const back = await openInBrowser(address);
report({ back: back.href.split("?")[0], is_same: back.searchParams.get("state") === state });
