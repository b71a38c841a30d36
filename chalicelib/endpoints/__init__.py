"""HTTP. With app.py, the only importer of chalice. A view reads a request, calls the layers below and responds."""
