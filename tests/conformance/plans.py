"""The plans that are run: the suite's name of each, its variants, and what a provider needs to be judged by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

FAPI = "fapi"  # two applications with keys, each held to the FAPI 2.0 Security Profile
SECRETS = "secrets"  # two applications with a secret for HTTP Basic, and one that sends it in the form
REGISTERS = "registers"  # the suite registers its applications itself


@dataclass(frozen=True)
class Plan:
    """alias: a part of the addresses that the suite gets answers at. name: the suite's. title: for people. variant: as
    the suite spells it. clients: FAPI, SECRETS or REGISTERS. scope: what FAPI's applications ask for. needs: the
    members that the provider's metadata must have, or the plan is not run; each with what is missing without it."""

    alias: str
    name: str
    title: str
    variant: Mapping[str, str]
    clients: str
    scope: str = ""
    needs: Mapping[str, str] = field(default_factory=dict)


_OPENID = {"userinfo_endpoint": "OpenID Connect"}
_DISCOVERY = {"server_metadata": "discovery"}
_FAPI = {
    "client_auth_type": "private_key_jwt",
    "sender_constrain": "dpop",
    "authorization_request_type": "simple",
    "fapi_profile": "plain_fapi",
}
_CODE = {"response_type": "code", "client_registration": "dynamic_client"}
_END_SESSION = {**_OPENID, "end_session_endpoint": "RP-initiated logout"}

PLANS = (
    Plan(
        "fapi-oauth",
        "fapi2-security-profile-final-test-plan",
        "FAPI 2.0 Security Profile, without OpenID Connect",
        {**_FAPI, "openid": "plain_oauth"},
        FAPI,
        scope="read profile",
    ),
    Plan(
        "fapi-openid",
        "fapi2-security-profile-final-test-plan",
        "FAPI 2.0 Security Profile, with OpenID Connect",
        {**_FAPI, "openid": "openid_connect"},
        FAPI,
        scope="openid profile",
        needs=_OPENID,
    ),
    Plan(
        "basic",
        "oidcc-basic-certification-test-plan",
        "OpenID Connect: Basic OP",
        {**_DISCOVERY, "client_registration": "static_client"},
        SECRETS,
        needs=_OPENID,
    ),
    Plan("config", "oidcc-config-certification-test-plan", "OpenID Connect: Config OP", {}, SECRETS, needs=_OPENID),
    Plan(
        "formpost",
        "oidcc-formpost-basic-certification-test-plan",
        "OpenID Connect: Form Post OP, Basic",
        {**_DISCOVERY, "client_registration": "static_client"},
        SECRETS,
        needs=_OPENID,
    ),
    Plan(
        "dynamic",
        "oidcc-dynamic-certification-test-plan",
        "OpenID Connect: Dynamic OP",
        {"response_type": "code"},
        REGISTERS,
        needs={**_OPENID, "registration_endpoint": "dynamic client registration"},
    ),
    Plan(
        "logout",
        "oidcc-rp-initiated-logout-certification-test-plan",
        "OpenID Connect: RP-Initiated Logout OP",
        _CODE,
        REGISTERS,
        needs=_END_SESSION,
    ),
    Plan(
        "backchannel",
        "oidcc-backchannel-rp-initiated-logout-certification-test-plan",
        "OpenID Connect: Back-Channel Logout OP",
        _CODE,
        REGISTERS,
        needs={**_END_SESSION, "backchannel_logout_supported": "back-channel logout"},
    ),
)
