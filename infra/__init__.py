"""What runs and deploys Lanyard; nothing here is in the zip."""
