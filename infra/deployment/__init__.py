"""Packaging and deployment: templates, policies, tables, gateway responses."""
