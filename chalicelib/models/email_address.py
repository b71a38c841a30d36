"""EmailAddress: the user that an email address belongs to. Its key makes the address unique."""

from __future__ import annotations

from pynamodb.attributes import UnicodeAttribute

from chalicelib import limits
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
    """An address in the form under which it is stored and compared.

    Returns "-" for an empty or too long address, which DynamoDB refuses as a key. No account has "-"; it is looked up
    and counted like any other.
    """
    spelled = email.strip().lower()
    return spelled if 0 < len(spelled) <= limits.EMAIL_LIMIT_CHARACTERS else "-"
