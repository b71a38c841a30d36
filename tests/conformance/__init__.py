"""`make conformance`: the OpenID Foundation's conformance suite, run against `make run` behind TLS.

The suite is somebody else's program, at the address in SUITE; nothing of it is in this project.
"""
