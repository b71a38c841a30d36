"""Applications of other people, as they could be: nothing here is deployed with Lanyard."""
