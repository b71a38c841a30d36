"""A ticket box office that connects with Lanyard; see README.md."""
