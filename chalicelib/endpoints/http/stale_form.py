"""A form that cannot be taken as it was sent, since its page is out of date or its sender's session has ended.

Nothing that it asks for is done. Its page is shown again, with what was typed where that can do no harm, and somebody
has to press its button again. Where the session has ended, the sign-in page carries what was typed as hidden fields, so
that nothing of it is stored anywhere.

What was typed comes back into a signed-in user's form only if the browser says that the form was sent by a page of
ours (Sec-Fetch-Site), or another site could fill in a form for them; and only if that page was theirs. A route names
the fields that may come back. No password and no secret is among them.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from urllib.parse import urlencode

from chalicelib import settings
from chalicelib.endpoints.http.refusal import StaleForm
from chalicelib.endpoints.http.request import Request
from chalicelib.protocol.rules.request_parameters import Parameters

CSRF_FIELD = "csrf_token"
_CARRIED = "typed."


def check(sent: str | None, expected: str, *, is_visitors: bool = False, is_owners: bool = False) -> None:
    """Raises StaleForm unless `sent` is the CSRF token that is expected; "" is never one. For the rest see there."""
    if not is_same(sent, expected):
        raise StaleForm(is_visitors=is_visitors, is_owners=is_owners)


def is_same(sent: str | None, expected: str) -> bool:
    """Is it the CSRF token that is expected?"""
    return bool(expected) and hmac.compare_digest((sent or "").encode(), expected.encode())


def typed(request: Request, stale: StaleForm, names: Iterable[str]) -> Parameters:
    """What may stand in the form when it is shown again."""
    if not stale.is_visitors and not (stale.is_owners and request.is_from_our_page):
        return {}
    return _entered(request.form, names)


def to_carry(request: Request, names: Iterable[str], next_path: str) -> Parameters:
    """Of a form whose sender is not signed in any more, the hidden fields with which the sign-in page carries it.

    Empty where nothing was typed, and where it must not or cannot come back: its page was not ours, or it is too long
    to be sent along. next_path: where it goes after the sign-in, which is sent along as well.
    """
    entered = _entered(request.form, names) if request.method == "POST" and request.is_from_our_page else {}
    if not entered:
        return {}
    found = {_CARRIED + name: values for name, values in _entered(request.form, [CSRF_FIELD, *entered]).items()}
    length = len(urlencode({"next": next_path, **found}, doseq=True))
    return found if length <= settings.CARRIED_FORM_LIMIT_BYTES else {}


def carried(request: Request) -> Parameters:
    """The hidden fields of a sign-in form that carries another form; none where it carries none."""
    if not request.is_from_our_page:
        return {}
    return _entered(request.form, (name for name in request.form if name.startswith(_CARRIED)))


def unpacked(fields: Parameters) -> Parameters:
    """The form that `carried` found, under its own names."""
    return {name.removeprefix(_CARRIED): values for name, values in fields.items()}


def _entered(form: Parameters, names: Iterable[str]) -> dict[str, list[str]]:
    """Those of `names` that are not empty, with all their values: boxes that are ticked share a name."""
    found = {name: [value for value in form.get(name, ()) if value] for name in names}
    return {name: values for name, values in found.items() if values}
