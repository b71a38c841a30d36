"""DocumentFetch: a fetch of a client's metadata document, in progress or failed a moment ago.

Whoever puts the item fetches; everybody else uses what is stored, or waits. A process that dies leaves its item, which
counts only until the time that a fetch can take has passed.
"""

from __future__ import annotations

import math

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib import clock, credentials, limits
from chalicelib.models import store
from chalicelib.models.store.table import EpochSeconds, Item, Key, TableMeta, TableName, TimeToLive


class BeingFetched(Exception):
    """Somebody else has begun to fetch the document."""


class DocumentFetch(Item):
    class Meta(TableMeta):
        table_name = TableName("document_fetches")

    client_id = UnicodeAttribute(hash_key=True)
    claim_id = UnicodeAttribute()
    until = EpochSeconds()
    failure = UnicodeAttribute(null=True)
    expires_at = TimeToLive()

    @classmethod
    def key(cls, client_id: str) -> Key[DocumentFetch]:
        return Key(cls, client_id)


def find(client_id: str) -> DocumentFetch | None:
    """The fetch that is in progress, or that failed a moment ago: then it has a `failure`. client_id: as stored."""
    found = store.read(DocumentFetch.key(client_id))[0]
    return found if found is not None and clock.now() < found.until else None


def claim(client_id: str) -> DocumentFetch:
    """Begin a fetch. Raises BeingFetched for all but one of those who begin at once, and StoreUnavailable."""
    now = clock.now()
    made = DocumentFetch(
        client_id=client_id,
        claim_id=credentials.new_id(),
        until=now + math.ceil(limits.REQUEST_SECONDS),
        expires_at=now + limits.DOCUMENT_FETCH_KEPT_SECONDS,
    )
    try:
        store.write(store.Put(made, DocumentFetch.client_id.does_not_exist() | (DocumentFetch.until <= now)))
    except store.ConditionFailed as error:
        raise BeingFetched from error
    return made


def finish(claimed: DocumentFetch) -> None:
    """The document was fetched and stored, or is not there: the next request decides anew. Never raises."""
    with store.aside(aside_of="document fetch"):
        store.change(claimed.own_key, [DocumentFetch.until.set(clock.now())], _is_own(claimed))


def fail(claimed: DocumentFetch, failure: str) -> None:
    """The host could not be reached: for a moment, nobody tries again. failure: why, in a sentence. Never raises."""
    until = clock.now() + limits.DOCUMENT_FAILED_SECONDS
    with store.aside(aside_of="document fetch"):
        actions: list[Action] = [DocumentFetch.failure.set(failure), DocumentFetch.until.set(until)]
        store.change(claimed.own_key, actions, _is_own(claimed))


def _is_own(claimed: DocumentFetch) -> Condition:
    condition: Condition = DocumentFetch.claim_id == claimed.claim_id
    return condition
