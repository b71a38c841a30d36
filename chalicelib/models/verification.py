"""Verification: an operator vouches for what an application shows to people.

It holds for the name, the home page, the logo and the redirect URIs as they were. The application keeps a digest of
them, so a change of any of them ends it, whoever makes it. The logo is copied here: a picture that its host can replace
at any time would vouch for nothing, and would tell that host who looks at it.
"""

from __future__ import annotations

import base64
import json

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.update import Action

from chalicelib import credentials
from chalicelib.models import store
from chalicelib.models.application import Application
from chalicelib.models.store.table import Item, Key, TableMeta, TableName

_SIGNATURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


class Logo(Item):
    """The copy of a verified application's logo. picture: base64. Without a TTL: it is deleted with the application."""

    class Meta(TableMeta):
        table_name = TableName("logos")

    client_id = UnicodeAttribute(hash_key=True)
    content_type = UnicodeAttribute()
    picture = UnicodeAttribute()

    @classmethod
    def key(cls, client_id: str) -> Key[Logo]:
        return Key(cls, client_id)

    @property
    def data_url(self) -> str:
        return f"data:{self.content_type};base64,{self.picture}"


def is_verified(application: Application) -> bool:
    """True if the operator verified the application as it is now."""
    return application.verified_digest is not None and application.verified_digest == _digest_of(application)


def logo_key(application: Application) -> Key[Logo] | None:
    """The key of the logo that people may see; None if there is none."""
    return Logo.key(application.client_id) if application.logo_uri and is_verified(application) else None


def content_type_of(picture: bytes) -> str | None:
    """By its first bytes, whatever its server called it; None for anything but PNG, JPEG and WebP."""
    if picture[:4] == b"RIFF" and picture[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _SIGNATURES.items() if picture.startswith(start)), None)


def verify(application: Application, picture: bytes | None) -> None:
    """Vouch for the application as it was read. picture: its logo, or None.

    Raises ValueError for a picture of another kind, and ConditionFailed if the application was deleted.
    """
    digest = Application.verified_digest.set(_digest_of(application))
    vouched: store.Change = store.Update(
        Application.key(application.client_id), [digest], Application.owner_id.exists()
    )
    if picture is None:
        store.write(vouched, store.Delete(Logo.key(application.client_id)))
        return
    kind = content_type_of(picture)
    if kind is None:
        raise ValueError("is not a PNG, JPEG or WebP picture")
    logo = Logo(client_id=application.client_id, content_type=kind, picture=base64.b64encode(picture).decode("ascii"))
    store.write(vouched, store.Put(logo))


def end(application: Application) -> None:
    """Take it back. Raises ConditionFailed if the application was deleted."""
    removed: list[Action] = [Application.verified_digest.remove()]
    store.write(
        store.Update(Application.key(application.client_id), removed, Application.owner_id.exists()),
        store.Delete(Logo.key(application.client_id)),
    )


def _digest_of(application: Application) -> str:
    shown = [application.name, application.client_uri, application.logo_uri, sorted(application.redirect_uris)]
    return credentials.digest(json.dumps(shown))
