// The MCP TypeScript SDK reads the metadata under OpenID's name, which it accepts only from an OpenID provider.

import { OpenIdProviderDiscoveryMetadataSchema } from "@modelcontextprotocol/sdk/shared/auth.js";
import { given, report } from "./conversation.js";

const answer = await fetch(`${given.issuer}/.well-known/openid-configuration`);
report(OpenIdProviderDiscoveryMetadataSchema.parse(await answer.json()));
