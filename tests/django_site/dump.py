"""Fills a fresh database with the people in a file and dumps it: `python -m tests.django_site.dump MODEL PEOPLE OUT`.

MODEL: `auth.user` or `pretixbase.user`. PEOPLE: a JSON list of fields, each with the password in the clear and the name
of the hasher. OUT: what `manage.py dumpdata` writes, indented or not by its ending: .json or .jsonl.
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


def main(model: str, people: Path, out: Path) -> None:
    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "tests.django_site.pretixbase"],
        PASSWORD_HASHERS=[f"django.contrib.auth.hashers.{name}PasswordHasher" for name in HASHERS],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
    )
    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)
    _fill(model, json.loads(people.read_text(encoding="utf-8")))
    call_command("dumpdata", model, output=str(out), format=out.suffix[1:], verbosity=0)


def _fill(model: str, people: list[dict[str, Any]]) -> None:
    from django.apps import apps
    from django.contrib.auth.hashers import make_password

    for person in people:
        hasher = person.pop("hasher", "pbkdf2_sha256")
        made = apps.get_model(model)(**person)
        made.password = make_password(person.get("password"), hasher=hasher)
        made.save()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
