"""An app with the label and the application model of pretix."""
