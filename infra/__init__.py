"""Tools that run, test and deploy Lanyard. Nothing here is in the deployment package."""
