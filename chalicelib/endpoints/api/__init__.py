"""What tokens open: Lanyard's own resources, and the Lambda authorizer of other APIs."""
