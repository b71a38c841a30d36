"""Storage: one PynamoDB model a table, one file a model, with the operations that are named on it.

The only home of pynamodb. `docs/storage.md` describes every item.
"""
