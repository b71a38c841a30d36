// Auth.js: signs in with PKCE and state. It checks the issuer of the response, so it has to know it.

import { Auth } from "@auth/core";
import { given, openInBrowser, post, report, revoke } from "./conversation.js";

const origin = new URL(given.redirect_uri).origin;
let connected;
const config = {
  trustHost: true,
  secret: "a secret of this test",
  basePath: "/auth",
  logger: { error: (error) => { throw error; } },
  providers: [
    {
      id: "lanyard",
      name: "Lanyard",
      type: "oauth",
      issuer: given.issuer,
      authorization: { url: `${given.issuer}/api/v1/oauth/authorize`, params: { scope: "read write" } },
      token: `${given.issuer}/api/v1/oauth/token`,
      userinfo: `${given.issuer}/api/v1/me`,
      clientId: given.client_id,
      clientSecret: given.client_secret,
      checks: ["pkce", "state"],
      profile: (profile) => ({ id: profile.email, name: profile.fullname, email: profile.email }),
    },
  ],
  callbacks: {
    jwt({ token, account, profile }) {
      if (account) connected = { account, profile };
      return token;
    },
  },
};

const jar = new Map();

async function visit(path, body) {
  const headers = { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join("; ") };
  const request = new Request(origin + path, { method: body ? "POST" : "GET", headers, body, redirect: "manual" });
  const response = await Auth(request, config);
  for (const line of response.headers.getSetCookie()) {
    const [name, ...value] = line.split(";")[0].split("=");
    jar.set(name, value.join("="));
  }
  return response;
}

const { csrfToken } = await (await visit("/auth/csrf")).json();
const started = await visit("/auth/signin/lanyard", new URLSearchParams({ csrfToken }));
const callback = await openInBrowser(started.headers.get("location"));
const finished = await visit(callback.pathname + callback.search);
if (!connected) throw new Error(`Auth.js did not sign in: ${finished.headers.get("location")}`);
const tokens = connected.account;
const refreshed = await post("/api/v1/oauth/token", { grant_type: "refresh_token", refresh_token: tokens.refresh_token });
await revoke(tokens.refresh_token);
report({ tokens, refreshed, profile: connected.profile });
