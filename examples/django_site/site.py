"""The site. `python -m examples.django_site.site` serves it on http://127.0.0.1:8080/.

LANYARD_URL, LANYARD_CLIENT_ID and LANYARD_CLIENT_SECRET name the provider and the application, which needs the redirect
URLs http://127.0.0.1:8080/complete/lanyard/ (social-auth) and http://127.0.0.1:8080/accounts/lanyard/login/callback/
(allauth).
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any
from wsgiref.simple_server import make_server

import django
from django.conf import settings

CLIENT_ID, CLIENT_SECRET = os.environ["LANYARD_CLIENT_ID"], os.environ["LANYARD_CLIENT_SECRET"]
_DATABASE = Path(tempfile.mkdtemp(prefix="django-site-")) / "db.sqlite3"

settings.configure(
    DEBUG=True,
    SECRET_KEY=os.urandom(32).hex(),
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": _DATABASE}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "social_django",
        "allauth",
        "allauth.account",
        "allauth.socialaccount",
        "examples.django_site.lanyard_allauth",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "allauth.account.middleware.AccountMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
        }
    ],
    AUTHENTICATION_BACKENDS=[
        "examples.django_site.lanyard_social.LanyardOAuth2",
        "allauth.account.auth_backends.AuthenticationBackend",
    ],
    LOGIN_REDIRECT_URL="/",
    # social-auth
    SOCIAL_AUTH_LANYARD_KEY=CLIENT_ID,
    SOCIAL_AUTH_LANYARD_SECRET=CLIENT_SECRET,
    # allauth
    ACCOUNT_EMAIL_VERIFICATION="none",
    SOCIALACCOUNT_LOGIN_ON_GET=True,
    SOCIALACCOUNT_STORE_TOKENS=True,
    SOCIALACCOUNT_PROVIDERS={
        "lanyard": {
            "APPS": [{"client_id": CLIENT_ID, "secret": CLIENT_SECRET}],
            "OAUTH_PKCE_ENABLED": True,
        }
    },
)
django.setup()

from django.contrib.auth import logout  # noqa: E402 - Django's models need its settings
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpRequest, JsonResponse  # noqa: E402
from django.urls import include, path  # noqa: E402
from social_django.utils import load_strategy  # noqa: E402


def home(request: HttpRequest) -> JsonResponse:
    """Who is signed in, and with what."""
    user: Any = request.user
    if not user.is_authenticated:
        return JsonResponse({"email": None})
    return JsonResponse(
        {
            "email": user.email,
            "social_auth": [social.extra_data for social in user.social_auth.all()],
            "allauth": [account.extra_data for account in user.socialaccount_set.all()],
        }
    )


def refresh(request: HttpRequest) -> JsonResponse:
    """Refresh social-auth's token."""
    user: Any = request.user
    social = user.social_auth.get(provider="lanyard")
    social.refresh_token(load_strategy())
    return JsonResponse(social.extra_data)


def disconnect(request: HttpRequest) -> JsonResponse:
    """Revoke social-auth's refresh token, and delete the account here."""
    user: Any = request.user
    social = user.social_auth.get(provider="lanyard")
    backend = social.get_backend_instance(load_strategy())
    backend.revoke_token(social.extra_data["refresh_token"], social.uid)
    logout(request)
    user.delete()
    return JsonResponse({"disconnected": True})


urlpatterns = [
    path("", home),
    path("refresh", refresh),
    path("disconnect", disconnect),
    path("", include("social_django.urls", namespace="social")),
    path("accounts/", include("allauth.urls")),
]


def main() -> None:
    call_command("migrate", verbosity=0)
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8080
    with make_server("127.0.0.1", port, get_wsgi_application()) as server:
        print(f"http://127.0.0.1:{port}/", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
