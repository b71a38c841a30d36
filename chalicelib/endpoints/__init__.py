"""HTTP. With app.py the only home of chalice. A view reads, asks and answers."""
