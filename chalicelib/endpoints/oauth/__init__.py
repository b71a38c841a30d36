"""The endpoints that browsers and applications call on the way to a token (RFC 6749 §3)."""
