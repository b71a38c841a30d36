"""Access tokens that an API checks by itself, and the list of those that ended early."""
