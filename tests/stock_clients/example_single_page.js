// Plays the browser around examples/single_page/lanyard.js.

import { Connection } from "../../examples/single_page/lanyard.js";
import { given, openInBrowser, report } from "./conversation.js";

const kept = new Map();
const storage = {
  getItem: (name) => kept.get(name) ?? null,
  setItem: (name, value) => kept.set(name, value),
  removeItem: (name) => kept.delete(name),
};
const connection = new Connection({
  issuer: given.issuer, clientId: given.client_id, redirectUri: given.redirect_uri, scope: "read", storage,
});
const tokens = () => JSON.parse(kept.get("lanyard tokens"));

const callback = await openInBrowser(await connection.begin());
const forged = new URL(callback);
forged.searchParams.set("state", "another");
const refused = await connection.finish(forged.href).then(() => false, () => true);
await connection.finish((await openInBrowser(await connection.begin())).href);
const first = tokens();
await Promise.all([connection.refresh(), connection.refresh()]);
const refreshed = tokens();
kept.set("lanyard tokens", JSON.stringify({ ...refreshed, access_token: first.access_token })); // as after a day
const organizers = await (await connection.fetch("/api/v1/organizers/")).json();
const last = tokens();
await connection.disconnect();
report({ refused, tokens: first, refreshed, last, organizers, isConnected: connection.isConnected });
