"""The end of an application: a tombstone keeps its id from being used again."""

from __future__ import annotations

from chalicelib.models import application, ended_tokens, ownership, store
from chalicelib.models.application import Application
from chalicelib.models.user import User
from chalicelib.models.verification import Logo


def delete(client_id: str) -> None:
    """Delete an application. Its tokens end too: a token is valid only while its application is active.

    A tombstone stays, with the id and nothing that says what the application was or whose. So an id is never used
    again, and nothing that people allowed one application can lead to another. The owner may register another
    application.
    """
    found = application.get(client_id)
    if found is None:
        return
    tombstone = Application(
        client_id=found.client_id,
        name="",
        client_type=found.client_type,
        redirect_uris=[],
        active=False,
        created_at=found.created_at,
    )
    buried = store.Put(tombstone, Application.owner_id == found.owner_id)
    fewer = store.Update(User.key(found.owner_id), [User.application_count.add(-1)], User.application_count > 0)
    more: list[store.Change] = [store.Delete(Logo.key(found.client_id))] if found.verified_digest else []
    more += ended_tokens.all_with(ended_tokens.handle_of_application(found.client_id))
    try:
        store.write(*([buried] if found.registered_itself else [buried, fewer]), *more)
    except store.ConditionFailed as error:
        if buried not in error.failed:  # the owner is gone, or the application was never counted for them
            store.write(buried, *more)
    ownership.forget(found)


def forget(client_id: str) -> None:
    """Delete an application without a tombstone. Only for one that nobody but the operator has ever connected."""
    store.write(store.Delete(Application.key(client_id)))
