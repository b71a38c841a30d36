// Connects a mobile app to Lanyard, with oauth4webapi: for React Native, Capacitor and similar. In native iOS and Android
// code, AppAuth does the same. The caller passes in the platform's parts:
//
//   openSession(address, redirectUri)  opens the system's browser session (ASWebAuthenticationSession, Custom Tabs) and
//                                      returns the address at which it ended
//   keychain.get(), keychain.set(text) read and write the system's keychain or key store

import * as oauth from "oauth4webapi";

export { allowInsecureRequests } from "oauth4webapi"; // for options: lets a provider on this machine use http

export class Connection {
  constructor({ issuer, clientId, redirectUri, scope, openSession, keychain, options = {} }) {
    Object.assign(this, { issuer: new URL(issuer), redirectUri, scope, openSession, keychain, options });
    this.client = { client_id: clientId };
  }

  /** Ask the user in the system's browser, then get the tokens and keep them. */
  async connect() {
    const server = await this.#discover();
    const verifier = oauth.generateRandomCodeVerifier();
    const state = oauth.generateRandomState();
    const address = new URL(server.authorization_endpoint);
    address.search = new URLSearchParams({
      response_type: "code",
      client_id: this.client.client_id,
      redirect_uri: this.redirectUri,
      scope: this.scope,
      state,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
    });
    const end = new URL(await this.openSession(address.href, this.redirectUri));
    const answer = oauth.validateAuthResponse(server, this.client, end, state); // also checks iss
    const exchange = await oauth.authorizationCodeGrantRequest(
      server, this.client, oauth.None(), answer, this.redirectUri, verifier, this.options,
    );
    await this.#keep(await oauth.processAuthorizationCodeResponse(server, this.client, exchange));
  }

  /** Call the API. Refreshes once if the token is refused, as it is after a day. */
  async fetch(path) {
    const call = async () =>
      fetch(new URL(path, this.issuer), { headers: { authorization: `Bearer ${(await this.tokens()).access_token}` } });
    const answer = await call();
    if (answer.status !== 401) {
      return answer;
    }
    await this.refresh();
    return call();
  }

  /** Get new tokens and keep them. One refresh at a time: each refresh token works once. */
  refresh() {
    this.refreshing ??= this.#refresh().finally(() => (this.refreshing = null));
    return this.refreshing;
  }

  /** Revoke the tokens at Lanyard, then forget them. */
  async disconnect() {
    const { refresh_token } = await this.tokens();
    const answer = await oauth.revocationRequest(
      await this.#discover(), this.client, oauth.None(), refresh_token, this.options,
    );
    await oauth.processRevocationResponse(answer);
    await this.keychain.set("");
  }

  async tokens() {
    return JSON.parse((await this.keychain.get()) || "{}");
  }

  async #refresh() {
    const server = await this.#discover();
    const { refresh_token } = await this.tokens();
    const answer = await oauth.refreshTokenGrantRequest(server, this.client, oauth.None(), refresh_token, this.options);
    await this.#keep(await oauth.processRefreshTokenResponse(server, this.client, answer));
  }

  #keep(tokens) {
    return this.keychain.set(JSON.stringify(tokens));
  }

  async #discover() {
    const answer = await oauth.discoveryRequest(this.issuer, { algorithm: "oauth2", ...this.options });
    return oauth.processDiscoveryResponse(this.issuer, answer);
  }
}
