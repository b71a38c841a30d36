"""A Django site that people connect their Lanyard account to, with social-auth or with allauth."""
