"""OAuth's rules, between the endpoints and the models. The only importer of oauthlib and joserfc."""
