"""A ticket box office that connects with Lanyard. See README.md."""
