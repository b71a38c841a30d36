"""What packages and deploys it: templates, policies, tables, the gateway's own answers."""
