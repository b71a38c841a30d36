"""What a request has to be like, each rule for itself. Nothing here reads the store."""
