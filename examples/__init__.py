"""Sample applications and APIs that use Lanyard. Nothing here is deployed with it."""
