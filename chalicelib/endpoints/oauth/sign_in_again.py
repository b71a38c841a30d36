"""Leads to the sign-in page before a request goes on, once: `prompt=login`, `prompt=select_account`, `max_age`, and
another user than the one that the request names.

The address to come back to says when the user was asked. The request goes on in a session that began since then, so it
never asks in a circle, and going back to the sign-in page or opening the address elsewhere skips nothing and loses
nothing. Whoever can change that address could leave `prompt` out of it as well. An application that minds pushes its
request: then the session must have begun since the request was pushed, whatever the address says. With OpenID Connect,
the ID token also says when the session began.
"""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import quote

from chalicelib import clock
from chalicelib.endpoints.http.browser_session import SignedIn
from chalicelib.protocol.authorization.authorization_request import AuthorizationRequest
from chalicelib.protocol.rules import openid_parameters, prompts, request_parameters

ASKED_AT = "asked_at"  # seconds since 1970, in our own addresses; no parameter of the protocol
_ASKING = frozenset((prompts.LOGIN, prompts.SELECT_ACCOUNT))
_MOMENT = re.compile(r"\d{1,10}", re.ASCII)


def as_asked(asked: AuthorizationRequest, parameters: request_parameters.Parameters) -> AuthorizationRequest:
    """The request with the moment that its address names, if it is one that asks."""
    moment = request_parameters.single(parameters, ASKED_AT) or ""
    return _with_moment(asked, moment) if _may_ask(asked) and _MOMENT.fullmatch(moment) else asked


def asked_now(asked: AuthorizationRequest) -> AuthorizationRequest:
    """The request as it goes on after the sign-in that it leads to now."""
    return _with_moment(asked, str(clock.now())) if _may_ask(asked) else asked


def stamped(parameters: request_parameters.Parameters) -> request_parameters.Parameters:
    """The same for a request that cannot be checked yet."""
    known = request_parameters.known(parameters, openid_parameters.of_authorization(parameters))
    may_ask = bool(prompts.read(known) & _ASKING) or bool(openid_parameters.ASKING & set(known))
    return {**parameters, ASKED_AT: [str(clock.now())]} if may_ask else parameters


def is_due(asked: AuthorizationRequest, browser: SignedIn) -> bool:
    moment = asked.parameters.get(ASKED_AT)
    since = int(asked.pushed.created_at) if asked.pushed else int(moment) if moment else None
    if asked.openid and asked.openid.is_outdated(browser.authentication, since):
        return True
    if since is not None and browser.began_at >= since:
        return False
    if asked.openid and not asked.openid.is_for(browser.user.user_id, asked.application):
        return True
    # Who was asked to choose may also choose the account that is signed in.
    return prompts.LOGIN in asked.prompts or (prompts.SELECT_ACCOUNT in asked.prompts and moment is None)


def path(asked: AuthorizationRequest, address: str) -> str:
    """The path of the sign-in page. address: the path that the request goes on at."""
    is_again = prompts.LOGIN in asked.prompts or (asked.openid is not None and not asked.prompts & _ASKING)
    shown = "again" if is_again else "switch"
    return f"/login?{shown}=1&next={quote(address, safe='')}"


def _may_ask(asked: AuthorizationRequest) -> bool:
    names_somebody = asked.openid is not None and (asked.openid.max_age is not None or asked.openid.subject is not None)
    return bool(asked.prompts & _ASKING) or names_somebody


def _with_moment(asked: AuthorizationRequest, moment: str) -> AuthorizationRequest:
    return replace(asked, parameters={**asked.parameters, ASKED_AT: moment})
