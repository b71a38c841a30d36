"""Reads what other systems export, for `manage.py users import` and `applications import`.

One file for each kind of thing, one for the files.
"""
