// better-auth with its generic OAuth plugin: signs in with PKCE and state, and refreshes.

import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { genericOAuth } from "better-auth/plugins";
import { given, openInBrowser, report, revoke } from "./conversation.js";

const origin = new URL(given.redirect_uri).origin;
let profile;
const store = { user: [], session: [], account: [], verification: [] };
const auth = betterAuth({
  baseURL: origin,
  secret: "a secret of this test, which is long enough for better-auth",
  database: memoryAdapter(store),
  telemetry: { enabled: false },
  plugins: [
    genericOAuth({
      config: [
        {
          providerId: "lanyard",
          clientId: given.client_id,
          clientSecret: given.client_secret,
          authorizationUrl: `${given.issuer}/api/v1/oauth/authorize`,
          tokenUrl: `${given.issuer}/api/v1/oauth/token`,
          scopes: ["read", "write"],
          pkce: true,
          getUserInfo: async ({ accessToken }) => {
            const me = await fetch(`${given.issuer}/api/v1/me`, { headers: { authorization: `Bearer ${accessToken}` } });
            profile = await me.json();
            return { id: profile.email, email: profile.email, name: profile.fullname, emailVerified: false };
          },
        },
      ],
    }),
  ],
});

const jar = new Map();

async function visit(path, body) {
  const headers = { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join("; "), origin };
  if (body) headers["content-type"] = "application/json";
  const sent = { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body) };
  const response = await auth.handler(new Request(origin + path, sent));
  for (const line of response.headers.getSetCookie()) {
    const [name, ...value] = line.split(";")[0].split("=");
    jar.set(name, value.join("="));
  }
  return response;
}

const started = await visit("/api/auth/sign-in/social", { provider: "lanyard", callbackURL: "/" });
if (!started.ok) throw new Error(`better-auth: ${started.status} ${await started.text()}`);
const callback = await openInBrowser((await started.json()).url);
const finished = await visit(callback.pathname + callback.search);
const account = store.account[0];
if (!account) throw new Error(`better-auth did not sign in: ${finished.status} ${finished.headers.get("location")}`);
const tokens = { access_token: account.accessToken, refresh_token: account.refreshToken, scope: account.scope.replace(",", " ") };
const answer = await visit("/api/auth/refresh-token", { accountId: account.id });
const { accessToken } = await answer.json();
if (!accessToken) throw new Error(`better-auth did not refresh: ${answer.status}`);
await revoke(tokens.refresh_token);
report({ tokens, refreshed: { access_token: accessToken }, profile });
