"""Runs Lanyard on a laptop: MiniStack, the local server, demo data, and the application of `make demo`."""
