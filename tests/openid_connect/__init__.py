"""Lanyard as an OpenID provider."""
