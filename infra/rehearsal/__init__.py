"""`make rehearse`: the whole deployment on a local AWS, and the connect flow through it."""
