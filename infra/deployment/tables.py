"""The tables, created from the models. On AWS, CloudFormation creates them from infra/tables.yaml."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chalicelib.models.access_token import AccessToken
from chalicelib.models.application import Application
from chalicelib.models.authorization_code import AuthorizationCode
from chalicelib.models.consent import Consent
from chalicelib.models.device_request import DeviceRequest
from chalicelib.models.document_fetch import DocumentFetch
from chalicelib.models.email_address import EmailAddress
from chalicelib.models.ended_tokens import EndedTokens
from chalicelib.models.grant import Grant
from chalicelib.models.linked_identity import LinkedIdentity
from chalicelib.models.mail_link import MailLink
from chalicelib.models.membership import Membership
from chalicelib.models.operator_event import OperatorEvent
from chalicelib.models.organizer import Organizer
from chalicelib.models.organizer_external_id import OrganizerExternalId
from chalicelib.models.ownership import Invitation
from chalicelib.models.pushed_request import PushedRequest
from chalicelib.models.recent_request import RecentRequest
from chalicelib.models.registration_form import RegistrationForm
from chalicelib.models.sector import Sector
from chalicelib.models.security_event import SecurityEvent
from chalicelib.models.session import Session
from chalicelib.models.sign_in_request import SignInRequest
from chalicelib.models.store.table import Item
from chalicelib.models.throttle import Throttle
from chalicelib.models.used_assertion import UsedAssertion
from chalicelib.models.user import User
from chalicelib.models.verification import Logo

MODELS: tuple[type[Item], ...] = (
    User,
    EmailAddress,
    LinkedIdentity,
    Organizer,
    OrganizerExternalId,
    Membership,
    Application,
    Sector,
    RegistrationForm,
    AuthorizationCode,
    Consent,
    Grant,
    AccessToken,
    Session,
    SecurityEvent,
    MailLink,
    Throttle,
    UsedAssertion,
    PushedRequest,
    DeviceRequest,
    OperatorEvent,
    RecentRequest,
    Logo,
    DocumentFetch,
    Invitation,
    SignInRequest,
    EndedTokens,
)


def create_all(models: Sequence[type[Item]] = MODELS) -> Iterator[str]:
    """Create missing tables, on demand and with their TTLs. Yields the name of each table created."""
    for model in models:
        if not model.exists():
            model.create_table(wait=True)
            yield model.table()


def describe_all() -> Iterator[dict[str, object]]:
    """Each table's name, status in the store, and the model's keys, indexes and TTL attribute."""
    for model in MODELS:
        name = model.table()
        schema = model.schema()
        yield {
            "table": name,
            "status": model.describe_table()["TableStatus"] if model.exists() else "MISSING",
            "keys": [key["AttributeName"] for key in sorted(schema["key_schema"], key=lambda key: key["KeyType"])],
            "indexes": sorted(index["index_name"] for index in schema["global_secondary_indexes"]),
            "ttl": model.ttl_name(),
        }
