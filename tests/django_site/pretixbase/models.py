"""Users with the fields of pretix's `pretixbase.User` that say who somebody is.

The names and types of the fields are those of pretix's src/pretix/base/models/auth.py, looked up in November 2026.
"""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.db import models


class User(AbstractBaseUser):
    USERNAME_FIELD = "email"

    email = models.EmailField(unique=True, null=True, blank=True)
    fullname = models.CharField(max_length=255, blank=True, null=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    date_joined = models.DateTimeField(auto_now_add=True)
    locale = models.CharField(max_length=50, default="en")
    timezone = models.CharField(max_length=100, default="UTC")
    require_2fa = models.BooleanField(default=False)

    class Meta:
        app_label = "pretixbase"
