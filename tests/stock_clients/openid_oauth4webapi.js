// oauth4webapi as an OpenID Connect client: discovers, signs in, verifies the ID token's signature, reads UserInfo.

import * as oauth from "oauth4webapi";
import { given, openInBrowser, report } from "./conversation.js";

const insecure = { [oauth.allowInsecureRequests]: true }; // http, as it is only on this machine
const issuer = new URL(given.issuer);
const client = { client_id: given.client_id };
const authentication = given.client_secret ? oauth.ClientSecretBasic(given.client_secret) : oauth.None();
const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure));
const verifier = oauth.generateRandomCodeVerifier();
const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
const address = new URL(server.authorization_endpoint);
address.search = new URLSearchParams({
  client_id: given.client_id,
  response_type: "code",
  redirect_uri: given.redirect_uri,
  scope: "openid email profile",
  state,
  nonce,
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
});
const callback = await openInBrowser(address);
const answer = oauth.validateAuthResponse(server, client, callback, state);
const exchange = await oauth.authorizationCodeGrantRequest(
  server, client, authentication, answer, given.redirect_uri, verifier, insecure,
);
const tokens = await oauth.processAuthorizationCodeResponse(server, client, exchange, {
  expectedNonce: nonce, requireIdToken: true,
});
await oauth.validateApplicationLevelSignature(server, exchange, insecure);
const claims = oauth.getValidatedIdTokenClaims(tokens);
const asking = await oauth.userInfoRequest(server, client, tokens.access_token, insecure);
const info = await oauth.processUserInfoResponse(server, client, claims.sub, asking);
const refreshing = await oauth.refreshTokenGrantRequest(server, client, authentication, tokens.refresh_token, insecure);
const refreshed = oauth.getValidatedIdTokenClaims(await oauth.processRefreshTokenResponse(server, client, refreshing));
report({ claims, info, refreshed });
