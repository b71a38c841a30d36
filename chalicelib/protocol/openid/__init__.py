"""OpenID Connect: what an application learns about the user who signs in (OpenID Connect Core 1.0)."""
