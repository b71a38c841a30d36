"""The applications: how they register, describe themselves and prove who they are (RFC 6749 §2)."""
