"""OrganizerExternalId: the organizer that the platform's server calls so (`externalId` in SCIM). Its key makes the
external id unique. Not `linked_identities`, whose items belong to users and are erased with them.
"""

from __future__ import annotations

from pynamodb.attributes import UnicodeAttribute

from chalicelib.models import store
from chalicelib.models.store.table import Item, Key, TableMeta, TableName


class OrganizerExternalId(Item):
    class Meta(TableMeta):
        table_name = TableName("organizer_external_ids")

    external_id = UnicodeAttribute(hash_key=True)
    slug = UnicodeAttribute()

    @classmethod
    def key(cls, external_id: str) -> Key[OrganizerExternalId]:
        return Key(cls, external_id)


def claim(external_id: str, slug: str) -> store.Put:
    """The change that gives the external id to an organizer, unless it is another one's."""
    is_free = OrganizerExternalId.external_id.does_not_exist() | (OrganizerExternalId.slug == slug)
    return store.Put(OrganizerExternalId(external_id=external_id, slug=slug), is_free)


def free(external_id: str, slug: str) -> store.Delete:
    """The change that undoes `claim`."""
    is_theirs = OrganizerExternalId.external_id.does_not_exist() | (OrganizerExternalId.slug == slug)
    return store.Delete(OrganizerExternalId.key(external_id), is_theirs)
