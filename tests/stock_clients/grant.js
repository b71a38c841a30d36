// grant: signs in with PKCE and state. It has no refresh and no revocation: both are plain requests.

import Grant from "grant";
import { given, openInBrowser, post, report, revoke } from "./conversation.js";

const grant = Grant.node({
  config: {
    defaults: { origin: "http://127.0.0.1:8080", transport: "state", state: true, pkce: true, response: ["tokens", "raw"] },
    lanyard: {
      oauth: 2,
      authorize_url: `${given.issuer}/api/v1/oauth/authorize`,
      access_url: `${given.issuer}/api/v1/oauth/token`,
      profile_url: `${given.issuer}/api/v1/me`,
      response: ["tokens", "raw", "profile"],
      key: given.client_id,
      secret: given.client_secret,
      scope: ["read", "write"],
      scope_delimiter: " ",
      redirect_uri: given.redirect_uri,
    },
  },
  session: { secret: "a secret of this test" },
});

let cookie = "";

function visit(url) {
  return new Promise((resolve, reject) => {
    const sent = { headersSent: false };
    sent.setHeader = (name, value) => {
      if (name.toLowerCase() === "set-cookie") cookie = [value].flat().map((one) => one.split(";")[0]).join("; ");
      if (name.toLowerCase() === "location") sent.location = value;
    };
    sent.end = () => resolve({ location: sent.location });
    grant({ method: "GET", url, headers: { host: "127.0.0.1:8080", cookie } }, sent).then(
      (result) => result.redirect || resolve(result),
      reject,
    );
  });
}

const { location } = await visit("/connect/lanyard");
const callback = await openInBrowser(location);
const { response } = await visit(`/connect/lanyard/callback${callback.search}`);
const tokens = response.raw;
const refreshed = await post("/api/v1/oauth/token", { grant_type: "refresh_token", refresh_token: response.refresh_token });
await revoke(response.refresh_token);
report({ tokens, refreshed, profile: response.profile });
