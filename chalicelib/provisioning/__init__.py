"""Provisioning: the rules of SCIM 2.0 (RFC 7643, 7644), by which the platform's server manages people and organizers.

The only importer of scim2-models. It takes a second to import, so views import this package when the first SCIM request
arrives, and no other request pays for it.
"""
