"""Fills a fresh database of a Django site and dumps it: `python -m tests.django_site.dump SITE RECORDS OUT`.

SITE: `pretix`, or `toolkit` for a site with Django's own users and django-oauth-toolkit's applications. RECORDS: a JSON
object with `people` and `applications`, each a list of fields. A person's password is in the clear, and so is a client
secret; `hasher` names what hashes it. An application's `user` is the email address of its owner. OUT: what `manage.py
dumpdata` writes, indented or not by its ending: .json or .jsonl.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command

HASHERS = ("PBKDF2", "Argon2", "BCryptSHA256", "BCrypt", "MD5")
# The models of people and of applications, as Django's settings spell them.
SITES = {
    "pretix": ("pretixbase.User", "pretixapi.OAuthApplication"),
    "toolkit": ("auth.User", "oauth2_provider.Application"),
}


def main(site: str, records: Path, out: Path) -> None:
    people, applications = SITES[site]
    own = [f"tests.django_site.{name}" for name in ("pretixbase", "pretixapi")]
    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "oauth2_provider", *own],
        MIGRATION_MODULES=dict.fromkeys(("contenttypes", "auth", "oauth2_provider")),
        AUTH_USER_MODEL=people,
        OAUTH2_PROVIDER_APPLICATION_MODEL=applications,
        PASSWORD_HASHERS=[f"django.contrib.auth.hashers.{name}PasswordHasher" for name in HASHERS],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
    )
    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)
    _fill(people, applications, json.loads(records.read_text(encoding="utf-8")))
    call_command("dumpdata", people, applications, output=str(out), format=out.suffix[1:], verbosity=0)


def _fill(people: str, applications: str, records: dict[str, list[dict[str, Any]]]) -> None:
    from django.apps import apps
    from django.contrib.auth.hashers import make_password

    owners = {}
    for person in records["people"]:
        hasher = person.pop("hasher", "pbkdf2_sha256")
        made = apps.get_model(people)(**person)
        made.password = make_password(person.get("password"), hasher=hasher)
        made.save()
        owners[made.email] = made
    for application in records["applications"]:
        if hasher := application.pop("hasher", None):
            application["client_secret"] = make_password(application["client_secret"], hasher=hasher)
        owner = owners.get(application.pop("user", None))
        apps.get_model(applications).objects.create(user=owner, **application)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
