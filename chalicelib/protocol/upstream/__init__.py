"""OpenID Connect as a client: people sign in at an identity provider that the operator chose."""
