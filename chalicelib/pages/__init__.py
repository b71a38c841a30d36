"""HTML. The only home of jinja2; imports nothing of ours and knows no request."""
