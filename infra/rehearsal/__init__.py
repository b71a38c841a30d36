"""`make rehearse`: the whole deployment on a local AWS, with the connect flow."""
