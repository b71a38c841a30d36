"""Issued tokens: using them at an API, introspecting them and revoking them."""
