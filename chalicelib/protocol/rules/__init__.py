"""The rules for requests, each on its own. Nothing here reads the store."""
