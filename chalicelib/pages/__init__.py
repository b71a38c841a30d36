"""HTML. The only importer of jinja2. Imports nothing else of ours and does not know requests."""
