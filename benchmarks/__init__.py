"""Measures what a request costs: round trips to the store, capacity units, and the import time of a cold start."""
