"""Storage: one PynamoDB model per table and one file per model, with the model's named operations.

The only importer of pynamodb. `docs/storage.md` describes every item.
"""
