"""What an application asks of a user, in a browser or on a device, and what the user answers (RFC 6749 §4.1.1)."""
