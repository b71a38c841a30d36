"""The grant types: what an application can exchange for tokens, one file per grant type (RFC 6749 §4, §6)."""
