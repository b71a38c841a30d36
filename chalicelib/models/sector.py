"""Sector: the applications that know a user by the same pairwise identifier, and the key that makes it (OpenID Connect
Core §8.1).

The key is random and stays forever: it is no server key, which would change every identifier when it is rotated. It is
copied to each application of the sector, so that no request reads it. What is left of a sector after its last
application is its name and its key, so that people are known to the next one as before.
"""

from __future__ import annotations

from pynamodb.attributes import UnicodeAttribute

from chalicelib import clock, credentials
from chalicelib.models import store
from chalicelib.models.store.table import EpochSeconds, Item, Key, TableMeta, TableName


class Sector(Item):
    class Meta(TableMeta):
        table_name = TableName("sectors")

    name = UnicodeAttribute(hash_key=True)
    pairwise_key = UnicodeAttribute()
    created_at = EpochSeconds()

    @classmethod
    def key(cls, name: str) -> Key[Sector]:
        return Key(cls, name)


def key_of(name: str) -> str:
    """The sector's key, made when somebody asks for it first. name: a host in lower case."""
    known = store.read(Sector.key(name))[0]
    if known is None:
        made = Sector(name=name, pairwise_key=credentials.new_secret(), created_at=clock.now())
        try:
            store.write(store.Put(made, Sector.name.does_not_exist()))
        except store.ConditionFailed:  # somebody else asked at the same time
            known = store.read(Sector.key(name))[0]
            assert known is not None, "a sector is never deleted"
        else:
            known = made
    return str(known.pairwise_key)
