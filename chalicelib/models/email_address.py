"""EmailAddress: which user an e-mail address belongs to. Its key is what makes an address unique."""

from __future__ import annotations

from pynamodb.attributes import UnicodeAttribute

from chalicelib import settings
from chalicelib.models.store.table import Item, Key, TableMeta, TableName


class EmailAddress(Item):
    class Meta(TableMeta):
        table_name = TableName("email_addresses")

    email = UnicodeAttribute(hash_key=True)
    user_id = UnicodeAttribute()

    @classmethod
    def key(cls, email: str) -> Key[EmailAddress]:
        return Key(cls, normalize(email))


def normalize(email: str) -> str:
    """The form in which two spellings of an address are the same one.

    Nobody's, "-", for what is none and what DynamoDB refuses as a key, which is asked for and counted as any other.
    """
    spelled = email.strip().lower()
    return spelled if 0 < len(spelled) <= settings.EMAIL_LIMIT_CHARACTERS else "-"
