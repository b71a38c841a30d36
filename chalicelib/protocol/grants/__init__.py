"""The grants: what an application may exchange for tokens, one file for each (RFC 6749 §4, §6)."""
