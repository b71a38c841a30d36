"""The keys that the server itself holds."""
