// The npm package oidc-provider as an identity provider to try Lanyard with: docs/sign-in.md. Its development pages let
// anybody log in, under any name.
//
//   node openid_provider.js PORT REDIRECT_URI SECRET
import Provider from "oidc-provider";

const [port, redirectUri, secret] = process.argv.slice(2);
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id: "lanyard", client_secret: secret, redirect_uris: [redirectUri] }],
  claims: { openid: ["sub", "groups"], email: ["email", "email_verified"], profile: ["name", "locale", "zoneinfo"] },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({
      sub: id,
      email: `${id}@stock.example`,
      email_verified: true,
      name: `Somebody called ${id}`,
      locale: "en-GB",
      zoneinfo: "Europe/London",
      groups: ["big team", "another"],
    }),
  }),
});
provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
