"""/scim/v2: the platform's server pushes people and organizers (RFC 7643, 7644). `provisioning` has the rules."""
