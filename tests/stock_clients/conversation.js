// Between a script here and the test that runs it: one JSON value a line.
// The test is the user's browser: it is told an address to open, and tells where the browser was sent in the end.

import { createInterface } from "node:readline/promises";

export const given = JSON.parse(process.argv[2]);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

export async function openInBrowser(address) {
  console.log(JSON.stringify({ open: String(address) }));
  return new URL((await lines.next()).value);
}

export function report(result) {
  console.log(JSON.stringify({ result }));
  process.exit(0);
}

/** What a client library cannot do itself: a form that the application sends, with its secret in the form. */
export async function post(path, form) {
  const secret = given.client_secret ? { client_secret: given.client_secret } : {};
  const body = new URLSearchParams({ client_id: given.client_id, ...secret, ...form });
  const answer = await fetch(given.issuer + path, { method: "POST", body });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

export const revoke = (token) => post("/api/v1/oauth/revoke_token", { token });
