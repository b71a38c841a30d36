"""A small Django site whose data the tests import: people and applications, like those of pretix or of any other site."""
