"""A small Django site whose data the tests import: like that of pretix, or of any other site."""
