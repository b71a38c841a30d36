"""Rules for accounts, shared by pages and commands."""
