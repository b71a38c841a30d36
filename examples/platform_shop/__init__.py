"""A ticket shop with its own log-in, whose people use it to sign in to Lanyard. See README.md."""
