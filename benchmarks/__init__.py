"""What a request costs: round trips to the store, its capacity units, and the import time of a cold start."""
