"""An app with the label and the user model of pretix."""
