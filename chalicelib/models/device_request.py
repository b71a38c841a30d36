"""DeviceRequest: a device asks for access, and a user allows it in a browser elsewhere (RFC 8628).

Its id is derived from the user code, and the device code contains it. So the user, who knows the one code, and the
device, which has the other, find the same item by its key.
"""

from __future__ import annotations

from collections.abc import Iterable

from pynamodb.attributes import UnicodeAttribute, UnicodeSetAttribute
from pynamodb.expressions.condition import Condition

from chalicelib import clock, limits, settings
from chalicelib.models import store
from chalicelib.models.access_token import AccessToken
from chalicelib.models.application import Application
from chalicelib.models.consent import Consent, remember
from chalicelib.models.exchange import store_claimed
from chalicelib.models.grant import Grant
from chalicelib.models.store.table import EpochSeconds, Item, Key, TableMeta, TableName, TimeToLive, Whole

PENDING, APPROVED, DENIED, USED = "pending", "approved", "denied", "used"


class DeviceRequest(Item):
    class Meta(TableMeta):
        table_name = TableName("device_requests")

    request_id = UnicodeAttribute(hash_key=True)
    device_digest = UnicodeAttribute()
    client_id = UnicodeAttribute()
    scope = UnicodeAttribute()
    resource = UnicodeAttribute(null=True)
    state = UnicodeAttribute()
    user_id = UnicodeAttribute(null=True)
    organizers = UnicodeSetAttribute(null=True)
    consent_id = UnicodeAttribute(null=True)
    grant_id = UnicodeAttribute(null=True)
    interval_seconds = Whole()
    polled_at = EpochSeconds(null=True)
    created_at = EpochSeconds(default=0)  # 0 if stored by a version that did not record it
    expires_at = EpochSeconds()
    forget_at = TimeToLive()

    @classmethod
    def key(cls, request_id: str) -> Key[DeviceRequest]:
        return Key(cls, request_id)

    @property
    def is_expired(self) -> bool:
        # NOT_BEFORE is applied here, not through `issued_at_name`, so that the device is told that it expired (§3.5).
        return self.expires_at <= clock.now() or self.created_at < settings.SETTINGS.not_before

    @property
    def is_open(self) -> bool:
        """True if the request is still waiting for a user."""
        return self.state == PENDING and not self.is_expired

    @property
    def is_allowed(self) -> bool:
        """True if a user allowed the request, whether or not the device has fetched its tokens."""
        return self.state in (APPROVED, USED)

    def was_answered_by(self, user_id: str) -> bool:
        return bool(self.state != PENDING and self.user_id == user_id)


def start(request: DeviceRequest) -> None:
    """Store a new request. Raises ConditionFailed if its user code is in use."""
    is_free = DeviceRequest.request_id.does_not_exist() | (DeviceRequest.expires_at <= clock.now())
    store.write(store.Put(request, is_free))


def approve(
    request: DeviceRequest, consent: Consent, scope: str, organizers: Iterable[str], *, known: Consent | None
) -> None:
    """Bind the request to the user who allowed it, and remember what they allowed.

    scope: what is left of it, as stored.
    Raises ConditionFailed if it was answered or has expired, or if the consent is no longer as read as `known`.
    """
    actions = [
        DeviceRequest.state.set(APPROVED),
        DeviceRequest.user_id.set(consent.user_id),
        DeviceRequest.consent_id.set(consent.consent_id),
        DeviceRequest.scope.set(scope),
    ]
    if organizers:
        actions.append(DeviceRequest.organizers.set(set(organizers)))
    store.write(
        store.Update(DeviceRequest.key(request.request_id), [*actions], _is_open()),
        remember(consent, known=known),
    )


def deny(request: DeviceRequest, user_id: str) -> None:
    """Raises ConditionFailed if the request was answered or has expired."""
    actions = [DeviceRequest.state.set(DENIED), DeviceRequest.user_id.set(user_id)]
    store.change(DeviceRequest.key(request.request_id), [*actions], _is_open())


def note_poll(request: DeviceRequest) -> bool:
    """Record a poll by the device. False if it came too soon: from then on the device must wait longer (§3.5)."""
    now, key = clock.now(), DeviceRequest.key(request.request_id)
    in_time = DeviceRequest.polled_at.does_not_exist() | (DeviceRequest.polled_at <= now - request.interval_seconds)
    try:
        store.change(key, [DeviceRequest.polled_at.set(now)], DeviceRequest.request_id.exists() & in_time)
    except store.ConditionFailed:
        slower = DeviceRequest.interval_seconds.add(limits.DEVICE_SLOWER_SECONDS)
        store.change(key, [DeviceRequest.polled_at.set(now), slower], DeviceRequest.request_id.exists())
        return False
    return True


def exchange(request: DeviceRequest, grant: Grant, access_token: AccessToken, application: Application) -> None:
    """Claim an approved request and store what it is exchanged for, in one transaction.

    application: the request's. Raises ConditionFailed if another request came first, the consent was ended or the user
    was disabled. After StoreUnavailable the request may have been claimed, or may still be.
    """
    claim = store.Update(
        DeviceRequest.key(request.request_id),
        [DeviceRequest.state.set(USED), DeviceRequest.grant_id.set(grant.grant_id)],
        (DeviceRequest.state == APPROVED) & (DeviceRequest.device_digest == request.device_digest),
    )
    store_claimed(claim, grant, access_token, application)


def _is_open() -> Condition:
    is_open: Condition = (DeviceRequest.state == PENDING) & (DeviceRequest.expires_at > clock.now())
    return is_open
