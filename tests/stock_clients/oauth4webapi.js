// oauth4webapi: connects from metadata with PKCE, calls the API, refreshes and revokes.

import * as oauth from "oauth4webapi";
import { given, openInBrowser, report } from "./conversation.js";

const insecure = { [oauth.allowInsecureRequests]: true }; // http, as it is only on this machine
const issuer = new URL(given.issuer);
const client = { client_id: given.client_id };
const authentication = given.client_secret ? oauth.ClientSecretBasic(given.client_secret) : oauth.None();

const resource = await oauth.processResourceDiscoveryResponse(issuer, await oauth.resourceDiscoveryRequest(issuer, insecure));
const found = await oauth.discoveryRequest(new URL(resource.authorization_servers[0]), { algorithm: "oauth2", ...insecure });
const server = await oauth.processDiscoveryResponse(issuer, found);

const verifier = oauth.generateRandomCodeVerifier();
const state = oauth.generateRandomState();
const parameters = {
  client_id: given.client_id,
  response_type: "code",
  redirect_uri: given.redirect_uri,
  scope: "read write",
  state,
  resource: given.issuer,
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
};
const pushing = await oauth.pushedAuthorizationRequest(server, client, authentication, parameters, insecure);
const pushed = await oauth.processPushedAuthorizationResponse(server, client, pushing);
const address = new URL(server.authorization_endpoint);
address.searchParams.set("client_id", given.client_id);
address.searchParams.set("request_uri", pushed.request_uri);

const callback = await openInBrowser(address);
const answer = oauth.validateAuthResponse(server, client, callback, state); // checks iss, too
const exchange = await oauth.authorizationCodeGrantRequest(
  server, client, authentication, answer, given.redirect_uri, verifier, insecure,
);
const tokens = await oauth.processAuthorizationCodeResponse(server, client, exchange);

const refreshing = await oauth.refreshTokenGrantRequest(server, client, authentication, tokens.refresh_token, insecure);
const refreshed = await oauth.processRefreshTokenResponse(server, client, refreshing);
const me = await oauth.protectedResourceRequest(
  refreshed.access_token, "GET", new URL(`${given.issuer}/api/v1/me`), undefined, null, insecure,
);
const profile = await me.json();

let active = null;
if (given.client_secret) {
  const introspecting = await oauth.introspectionRequest(server, client, authentication, refreshed.access_token, insecure);
  active = (await oauth.processIntrospectionResponse(server, client, introspecting)).active;
}
await oauth.processRevocationResponse(
  await oauth.revocationRequest(server, client, authentication, refreshed.refresh_token, insecure),
);
report({ tokens, refreshed, profile, active });
