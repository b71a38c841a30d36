"""What tokens give access to: Lanyard's own resources, and the Lambda authorizer of other APIs."""
