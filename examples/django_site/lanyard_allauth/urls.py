"""/accounts/lanyard/login/ and /accounts/lanyard/login/callback/."""

from __future__ import annotations

from allauth.socialaccount.providers.oauth2.urls import default_urlpatterns

from examples.django_site.lanyard_allauth.provider import LanyardProvider

urlpatterns = default_urlpatterns(LanyardProvider)
