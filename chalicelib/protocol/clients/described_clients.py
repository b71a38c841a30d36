"""Clients that describe themselves in a document: fetched when a signed-in user arrives, and kept as long as it allows.

A document is used without another fetch as long as its HTTP headers say, within our limits. Then one request asks its
host whether it has changed, and others go on with what is stored. If the host cannot be reached, a document that was
fetched within DOCUMENT_STALE_SECONDS stays in use. A few well-known hosts refuse servers in data centers: for their
documents, Lanyard has copies. An answer that shows that the document is gone or wrong ends all of that.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from oauthlib.oauth2 import OAuth2Error

from chalicelib import clock, deadline, limits, logs, outbound
from chalicelib.messages import Message
from chalicelib.models import application, document_fetch, metadata_document_client, store, throttle
from chalicelib.models.application import Application
from chalicelib.models.metadata_document_client import Version
from chalicelib.models.user import User
from chalicelib.protocol.clients import known_documents, metadata_documents
from chalicelib.protocol.clients.client_metadata import ClientMetadata
from chalicelib.protocol.errors import NotThisApplication
from chalicelib.protocol.rules import http_caching

_WAIT_SECONDS = 0.5


def current(client_id: str, known: Application | None, user: User) -> Application:
    """The application at this URL, as its document describes it now. known: the application as stored, or None.

    Raises NotThisApplication with the reason if its document cannot be fetched or used, and StoreUnavailable if there
    was no time for it.
    """
    while known is None or not _is_settled(known):
        underway = document_fetch.find(application.stored_id(client_id))
        if underway is None:
            try:
                return _fetch(client_id, known, user)
            except document_fetch.BeingFetched:
                continue
        if known is not None and metadata_document_client.is_usable(known):
            logs.note(document="stale")
            return known
        if underway.failure is not None:
            return _do_without(client_id, None, underway.failure)
        if not deadline.pause(_WAIT_SECONDS):
            raise store.StoreUnavailable("DocumentBeingFetched")
        known = application.get(client_id)
    return known


def _is_settled(known: Application) -> bool:
    return bool(not known.active or known.is_deleted or metadata_document_client.is_fresh(known))


def _fetch(client_id: str, known: Application | None, user: User) -> Application:
    """Fetch the document, as the only one who does. Raises BeingFetched."""
    claimed = document_fetch.claim(application.stored_id(client_id))
    try:
        with _counted(user):  # once, also for a document whose keys are in another file at its host
            found = _ask(client_id, known)
    except outbound.Unreachable as error:
        failure = f"{error}."
        document_fetch.fail(claimed, failure)
        return _do_without(client_id, known, failure)
    except BaseException:
        document_fetch.finish(claimed)
        raise
    document_fetch.finish(claimed)
    return found


def _ask(client_id: str, known: Application | None) -> Application:
    """Raises Unreachable, NotThisApplication, StoreUnavailable."""
    try:
        answer = outbound.get(client_id, validators=_validators(known))
        fresh_seconds = http_caching.fresh_seconds(answer.headers, now=clock.now())
        if answer.is_unchanged:
            logs.note(document="unchanged")
            return _stored(lambda: metadata_document_client.renew(client_id, fresh_seconds))
        document = metadata_documents.parse(answer.body)
        found = metadata_documents.read(document, client_id)
    except outbound.Unreachable:
        raise
    except outbound.FetchError as error:
        raise _unusable(f"{error}.") from error
    except OAuth2Error as error:
        raise _unusable(error.description) from error
    except deadline.DeadlineExceeded as error:
        raise store.StoreUnavailable(type(error).__name__) from error
    logs.note(document="fetched")
    if known_documents.differs(client_id, document):
        logs.note(warning="a document differs from the copy that Lanyard has of it", document_url=client_id)
    etag, modified = (_validator(answer.headers.get(name)) for name in ("etag", "last-modified"))
    return _keep(client_id, found, Version(fresh_seconds, etag, modified))


def _do_without(client_id: str, known: Application | None, failure: str) -> Application:
    """The application as it was, or as Lanyard's copy says: its host cannot be reached. Raises NotThisApplication."""
    if known is not None and metadata_document_client.is_usable(known):
        logs.note(document="stale")
        return known
    copy = known_documents.find(client_id)
    if copy is None:
        raise _unusable(failure)
    logs.note(document="copy")
    try:
        found = metadata_documents.read(copy.document, client_id)
    except OAuth2Error as error:  # for example because this service has the same name
        raise _unusable(error.description) from error
    return _keep(client_id, found, Version(copied_on=copy.copied_on))


def _validators(known: Application | None) -> dict[str, str]:
    """What asks whether the document has changed. Not if its keys may be in another file, which may have changed."""
    if known is None or known.jwks:
        return {}
    sent = {"If-None-Match": known.document_etag, "If-Modified-Since": known.document_modified}
    return {name: value for name, value in sent.items() if value}


def _validator(value: str | None) -> str | None:
    """A validator that can be sent back as it came."""
    is_one = (
        value and len(value) <= limits.DOCUMENT_VALIDATOR_LIMIT_CHARACTERS and value.isascii() and value.isprintable()
    )
    return value if is_one else None


def _keep(client_id: str, found: ClientMetadata, version: Version) -> Application:
    return _stored(
        lambda: metadata_document_client.keep(
            client_id,
            name=found.name,
            redirect_uris=found.redirect_uris,
            profile=found.profile,
            about=found.about,
            version=version,
        )
    )


def _stored(store_it: Any) -> Application:
    try:
        kept: Application = store_it()
    except store.ConditionFailed as error:
        raise NotThisApplication("client", Message("This application was disabled.")) from error
    return kept


def _unusable(problem: str) -> NotThisApplication:
    return NotThisApplication(
        "client", Message("The document at client_id cannot be used: %(problem)s", problem=problem)
    )


@contextmanager
def _counted(user: User) -> Iterator[None]:
    """Raises NotThisApplication. A failed fetch counts; a document that the store could not keep does not."""
    limit = throttle.Limit(throttle.named("metadata documents", user.user_id), limits.DOCUMENT_FETCHES_PER_USER)
    try:
        with throttle.trying([limit], window_seconds=limits.DOCUMENT_WINDOW_SECONDS):
            yield
    except throttle.TooManyTries as error:
        logs.note(security_event="metadata documents throttled")
        raise NotThisApplication(
            "client", Message("Too many documents were fetched for you recently. Try again later.")
        ) from error
