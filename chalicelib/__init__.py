"""Lanyard, a serverless OAuth 2 provider. docs/architecture.md shows how its parts fit together."""
