// Plays the phone around examples/mobile/connection.js.

import { allowInsecureRequests, Connection } from "../../examples/mobile/connection.js";
import { given, openInBrowser, report } from "./conversation.js";

let secret = "";
const connection = new Connection({
  issuer: given.issuer,
  clientId: given.client_id,
  redirectUri: given.redirect_uri,
  scope: "read",
  openSession: async (address) => (await openInBrowser(address)).href,
  keychain: { get: async () => secret, set: async (text) => { secret = text; } },
  options: { [allowInsecureRequests]: true },
});

await connection.connect();
const first = await connection.tokens();
await Promise.all([connection.refresh(), connection.refresh()]);
const refreshed = await connection.tokens();
await connection.keychain.set(JSON.stringify({ ...refreshed, access_token: first.access_token })); // as after a day
const organizers = await (await connection.fetch("/api/v1/organizers/")).json();
const last = await connection.tokens();
await connection.disconnect();
report({ tokens: first, refreshed, last, organizers, isConnected: secret !== "" });
