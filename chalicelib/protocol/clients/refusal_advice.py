"""What a developer can do about a refused request, by its error and endpoint."""

from __future__ import annotations

from chalicelib.messages import Message
from chalicelib.models.recent_request import RecentRequest
from chalicelib.protocol.rules import grant_types, paths

_INVALID_GRANT = {
    grant_types.AUTHORIZATION_CODE: Message(
        "Exchange each code once, right after the redirect, with the redirect URL and the code verifier of its request."
        " Then send the user to the authorization endpoint again."
    ),
    grant_types.REFRESH_TOKEN: Message(
        "The connection has ended, or an older refresh token was sent. Store each new refresh token before you use it,"
        " and share it between processes. Then ask the user to connect again."
    ),
}
_BY_ERROR = {
    "invalid_client": Message(
        "Compare the client ID and the secret or key that your program uses with this application’s, and check that it"
        " is not disabled. After a change of the secret, update every server."
    ),
    "invalid_grant": Message("Start the connection again, and use each code once and in time."),
    "invalid_redirect_uri": Message(
        "Register the redirect URL of the request in the settings, exactly as your program sends it: scheme, port, path"
        " and final slash included."
    ),
    "invalid_scope": Message("Request only scopes that the metadata lists and the user allowed."),
    "invalid_target": Message("Send one resource, spelled as its own metadata spells it, or none."),
    "unauthorized_client": Message(
        "Do as the message says. The settings have what you can allow; the operator allows the rest."
    ),
    "unsupported_grant_type": Message("Use one of the grant types that the metadata lists."),
    "unsupported_response_type": Message("Send response_type=code."),
    "request_not_supported": Message("Send each parameter by itself, without a request object."),
    "invalid_dpop_proof": Message(
        "Make a new proof for each request, with the key that the tokens are bound to. A library for DPoP does all of"
        " it."
    ),
    "expired_token": Message("The user took too long. Start again and show a new code."),
    "temporarily_unavailable": Message("Send fewer requests, and wait as long as Retry-After says."),
}
_OTHER = Message("Change the request as the message says.")


def advice(line: RecentRequest) -> Message:
    """One or two sentences to follow the error's own description."""
    if line.endpoint == paths.TOKEN and line.error == "invalid_grant" and line.grant_type in _INVALID_GRANT:
        return _INVALID_GRANT[line.grant_type]
    return _BY_ERROR.get(line.error, _OTHER)
