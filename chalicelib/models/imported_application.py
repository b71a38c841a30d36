"""An application that another system registered, with the client id and the secret that its developer knows."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.models import application, registration_form, store
from chalicelib.models.application import Application, Profile
from chalicelib.models.store.attempts import attempts
from chalicelib.models.user import User


def made(
    foreign_id: str,
    *,
    owner_id: str,
    name: str,
    redirect_uris: Sequence[str],
    profile: Profile,
    secret: str | None,
    active: bool = True,
) -> Application:
    """An application, not yet stored.

    foreign_id: its client id, which must not look like one of ours. secret: the digest of its client secret, or another
    system's hash of it (`hashed_secrets`); None if it has none.
    """
    new, _ = application.made(
        application.stored_id(foreign_id), owner_id=owner_id, name=name, redirect_uris=redirect_uris, profile=profile
    )
    new.foreign_id = foreign_id
    new.secret_digest, new.secret_made_at = secret, None
    new.active = active
    return new


def add(new: Application, owner: User) -> None:
    """Store it and count it for its owner, whatever number they have.

    Raises ConditionFailed if the client id is taken, and OwnerGone.
    """
    put = store.Put(new, Application.client_id.does_not_exist())
    for _ in attempts():  # the owner's count may change at the same moment
        try:
            store.write(put, registration_form.count_one_more(owner, None))
        except store.ConditionFailed as error:
            if put in error.failed:
                raise
            found = store.read(User.key(owner.user_id))[0]
            if found is None:
                raise OwnerGone from error
            owner = found
        else:
            return
    raise store.StoreUnavailable("the owner changed again and again")


class OwnerGone(Exception):
    """The owner was erased in the meantime."""
