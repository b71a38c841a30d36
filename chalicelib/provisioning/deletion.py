"""DELETE of a user: everything about them goes, at once, and nothing of theirs works any more.

The order is that of `manage.py users erase`: the account is disabled first, which ends sign-in, sessions and tokens.
It goes last, so that an interrupted request can be repeated. Ending what other users allowed an application takes too
long for a request, so an application that only this person owned is disabled and waits for the operator.
"""

from __future__ import annotations

from chalicelib import logs
from chalicelib.accounts import leaving
from chalicelib.models import application_edit, provisioned_user, session, store, user_erasure
from chalicelib.models.access_token import AccessToken
from chalicelib.models.consent import Consent
from chalicelib.models.grant import Grant
from chalicelib.models.registration_form import RegistrationForm
from chalicelib.models.security_event import SecurityEvent
from chalicelib.models.session import Session
from chalicelib.models.store.table import Item
from chalicelib.models.user import User

KEYED_BY_USER: tuple[type[Item], ...] = (Session, Consent, Grant, RegistrationForm, SecurityEvent)


def delete(of: User) -> None:
    """Erase the user. Raises ConditionFailed if they have changed or were erased since they were read, StoreUnavailable
    if there was not enough time: repeat it."""
    user_id = str(of.user_id)
    provisioned_user.disable(of)
    disabled = 0
    for client_id in leaving.registered_by(of):
        if not leaving.hand_over(client_id):
            disabled += _disable(client_id)
    for client_id in sorted(of.shared):
        leaving.leave(client_id, user_id)
    for model in KEYED_BY_USER:
        items = list(store.query(model, user_id, ended_too=True))
        tokens = [AccessToken.key(item.grant_id) for item in items if isinstance(item, Grant)]
        session.tell(item for item in items if isinstance(item, Session))
        store.delete_all([*(item.own_key for item in items), *tokens])
    if disabled:
        logs.note(applications_disabled=disabled)
    user_erasure.erase(of)


def _disable(client_id: str) -> int:
    try:
        application_edit.disable(client_id)
    except store.ConditionFailed:
        return 0  # was deleted in the meantime
    return 1
