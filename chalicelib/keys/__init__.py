"""The server's own keys."""
