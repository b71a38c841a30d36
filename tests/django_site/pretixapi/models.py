"""Applications as pretix has them: django-oauth-toolkit's, with fields of its own.

The names and types of the fields are those of pretix's src/pretix/api/models.py, looked up in November 2026.
"""

from __future__ import annotations

from django.db import models
from oauth2_provider.generators import generate_client_id, generate_client_secret
from oauth2_provider.models import AbstractApplication


class OAuthApplication(AbstractApplication):
    name = models.CharField(max_length=255, blank=False)
    redirect_uris = models.TextField(blank=False)
    client_id = models.CharField(max_length=100, unique=True, default=generate_client_id, db_index=True)
    client_secret = models.CharField(max_length=255, blank=False, default=generate_client_secret, db_index=True)
    active = models.BooleanField(default=True)

    class Meta(AbstractApplication.Meta):
        app_label = "pretixapi"
