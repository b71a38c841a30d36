"""The few functions that every model reads and writes with.

Reads are strongly consistent. Several reads are one BatchGetItem. Several writes are one transaction, and so is a
single write with a condition. `calling` retries a call that conflicted with another write; `connection` retries one
that failed temporarily. A failed condition raises `ConditionFailed`; an unavailable store, `StoreUnavailable`.
"""

from chalicelib.models.store.calling import ConditionFailed as ConditionFailed
from chalicelib.models.store.changes import Change as Change
from chalicelib.models.store.changes import Check as Check
from chalicelib.models.store.changes import Delete as Delete
from chalicelib.models.store.changes import Put as Put
from chalicelib.models.store.changes import Update as Update
from chalicelib.models.store.connection import doubts as doubts
from chalicelib.models.store.failures import StoreUnavailable as StoreUnavailable
from chalicelib.models.store.reading import latest as latest
from chalicelib.models.store.reading import newest_first as newest_first
from chalicelib.models.store.reading import query as query
from chalicelib.models.store.reading import read as read
from chalicelib.models.store.reading import read_all as read_all
from chalicelib.models.store.reading import scan as scan
from chalicelib.models.store.reading import scan_count as scan_count
from chalicelib.models.store.reading import scan_page as scan_page
from chalicelib.models.store.writing import aside as aside
from chalicelib.models.store.writing import change as change
from chalicelib.models.store.writing import count as count
from chalicelib.models.store.writing import delete_all as delete_all
from chalicelib.models.store.writing import take as take
from chalicelib.models.store.writing import write as write
