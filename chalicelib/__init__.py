"""Lanyard, a serverless OAuth 2 provider. The picture of the parts is in docs/architecture.md."""
