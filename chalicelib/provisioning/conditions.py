"""If-Match and If-None-Match (RFC 7644 §3.14, RFC 9110 §13.1). Versions are weak, and are compared weakly."""

from __future__ import annotations

from chalicelib.provisioning.messages import Call, ScimRefusal


def check(call: Call, version: str) -> None:
    """Raises ScimRefusal if the request is for another version than this one."""
    if call.if_match is not None and not _names(call.if_match, version):
        raise ScimRefusal(412, None, "The resource has changed since the version that If-Match names. Read it again.")


def is_known(call: Call, version: str) -> bool:
    """True if the caller has this version already."""
    return call.if_none_match is not None and _names(call.if_none_match, version)


def _names(header: str, version: str) -> bool:
    tags = [tag.strip().removeprefix("W/") for tag in header.split(",")]
    return tags == ["*"] or version.removeprefix("W/") in tags
