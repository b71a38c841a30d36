// passport with passport-oauth2: signs in with PKCE and state. It refreshes as passport-oauth2-refresh does.

import { promisify } from "node:util";
import passport from "passport";
import OAuth2Strategy from "passport-oauth2";
import { given, openInBrowser, report, revoke } from "./conversation.js";

const strategy = new OAuth2Strategy(
  {
    authorizationURL: `${given.issuer}/api/v1/oauth/authorize`,
    tokenURL: `${given.issuer}/api/v1/oauth/token`,
    clientID: given.client_id,
    clientSecret: given.client_secret ?? "",
    callbackURL: given.redirect_uri,
    scope: ["read", "write"],
    pkce: true,
    state: true,
  },
  (accessToken, refreshToken, params, profile, done) => done(null, { ...params, refresh_token: refreshToken }),
);
strategy.userProfile = (accessToken, done) => {
  strategy._oauth2.get(`${given.issuer}/api/v1/me`, accessToken, (error, body) => done(error, body && JSON.parse(body)));
};
strategy._oauth2.useAuthorizationHeaderforGET(true);
passport.use("lanyard", strategy);

const session = {};

function authenticate(query) {
  return new Promise((resolve, reject) => {
    const request = { method: "GET", url: "/", headers: {}, query, session };
    const response = { setHeader() {}, end() { resolve({ location: this.location }); } };
    response.setHeader = (name, value) => { if (name === "Location") response.location = value; };
    passport.authenticate("lanyard", (error, user, info) => (error || !user ? reject(error ?? info) : resolve({ user })))(
      request, response, reject,
    );
  });
}

const { location } = await authenticate({});
const callback = await openInBrowser(location);
const { user: tokens } = await authenticate(Object.fromEntries(callback.searchParams));
const refreshed = await new Promise((resolve, reject) => {
  strategy._oauth2.getOAuthAccessToken(tokens.refresh_token, { grant_type: "refresh_token" }, (error, access, refresh, all) =>
    error ? reject(error) : resolve({ ...all, refresh_token: refresh }),
  );
});
const profile = await promisify(strategy.userProfile)(refreshed.access_token);
await revoke(refreshed.refresh_token);
report({ tokens, refreshed, profile });
