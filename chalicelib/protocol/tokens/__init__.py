"""What becomes of issued tokens: used at an API, described, revoked."""
