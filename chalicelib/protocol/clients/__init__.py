"""Applications: how they register, describe themselves and authenticate (RFC 6749 §2)."""
