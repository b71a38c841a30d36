"""A small Django site whose data the tests import: Django's own users, and users like those of pretix."""
