// Connects a page in a browser to Lanyard, with PKCE and rotating refresh tokens. No library, no build step.

const PENDING = "lanyard pending";
const TOKENS = "lanyard tokens";

export class Connection {
  /** storage: where the tokens are kept. sessionStorage is cleared when the tab closes. */
  constructor({ issuer, clientId, scope, redirectUri, storage = sessionStorage }) {
    Object.assign(this, { issuer, clientId, scope, redirectUri, storage });
  }

  get isConnected() {
    return this.storage.getItem(TOKENS) !== null;
  }

  /** Start to connect. Returns the address to send the browser to. */
  async begin() {
    const { authorization_endpoint } = await this.#discover();
    const pending = { state: random(), verifier: random() };
    this.storage.setItem(PENDING, JSON.stringify(pending));
    const address = new URL(authorization_endpoint);
    address.search = new URLSearchParams({
      response_type: "code",
      client_id: this.clientId,
      redirect_uri: this.redirectUri,
      scope: this.scope,
      state: pending.state,
      code_challenge: await challengeOf(pending.verifier),
      code_challenge_method: "S256",
    });
    return address.href;
  }

  /** Finish connecting. address: where the browser came back. Throws if it has an error or does not match. */
  async finish(address) {
    const answer = new URL(address).searchParams;
    const pending = JSON.parse(this.storage.getItem(PENDING) ?? "{}");
    this.storage.removeItem(PENDING); // valid for one response
    if (!pending.state || answer.get("state") !== pending.state || answer.get("iss") !== this.issuer) {
      throw new Error("The response does not match the request. Connect again.");
    }
    if (!answer.has("code")) {
      throw new Error(answer.get("error_description") ?? answer.get("error"));
    }
    await this.#askToken({
      grant_type: "authorization_code",
      code: answer.get("code"),
      redirect_uri: this.redirectUri,
      code_verifier: pending.verifier,
    });
  }

  /** fetch() with the access token. Refreshes once if the token is refused. */
  async fetch(path, options = {}) {
    const answer = await this.#call(path, options);
    if (answer.status !== 401) {
      return answer;
    }
    await this.refresh();
    return this.#call(path, options);
  }

  /** One refresh at a time: each refresh token works once, and several calls may be refused together. */
  refresh() {
    this.refreshing ??= this.#askToken({ grant_type: "refresh_token", refresh_token: this.#tokens().refresh_token }).finally(
      () => (this.refreshing = null),
    );
    return this.refreshing;
  }

  /** Revoke the tokens at Lanyard, then forget them. */
  async disconnect() {
    const { revocation_endpoint } = await this.#discover();
    await post(revocation_endpoint, { client_id: this.clientId, token: this.#tokens().refresh_token });
    this.storage.removeItem(TOKENS);
  }

  async #discover() {
    const found = await (await fetch(`${this.issuer}/.well-known/oauth-authorization-server`)).json();
    if (found.issuer !== this.issuer) {
      throw new Error(`${this.issuer} names another issuer: ${found.issuer}.`);
    }
    return found;
  }

  async #askToken(form) {
    const { token_endpoint } = await this.#discover();
    const answer = await post(token_endpoint, { client_id: this.clientId, ...form });
    const body = await answer.json();
    if (!answer.ok) {
      if (body.error === "invalid_grant") {
        this.storage.removeItem(TOKENS); // access was revoked, or the token was used twice: ask the user again
      }
      throw new Error(body.error_description ?? body.error);
    }
    this.storage.setItem(TOKENS, JSON.stringify(body));
  }

  #call(path, options) {
    const headers = { ...options.headers, authorization: `Bearer ${this.#tokens().access_token}` };
    return fetch(`${this.issuer}${path}`, { ...options, headers });
  }

  #tokens() {
    return JSON.parse(this.storage.getItem(TOKENS) ?? "{}");
  }
}

function post(address, form) {
  return fetch(address, { method: "POST", body: new URLSearchParams(form) });
}

function random() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

async function challengeOf(verifier) {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}
