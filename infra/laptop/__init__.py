"""What runs it on a laptop: MiniStack, the local server, demo data, the application of `make demo`."""
