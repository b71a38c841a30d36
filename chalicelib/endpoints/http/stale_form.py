"""Stale forms: forms that cannot be accepted as sent, because their page is out of date or the session has ended.

Nothing that a stale form asks for is done. Its page is shown again, filled in with what was typed as far as that is
safe, and somebody has to submit it again. If the session has ended, the sign-in page carries what was typed in hidden
fields, so that none of it is stored.

What was typed comes back into a signed-in user's form only if the browser says that a page of ours sent it
(Sec-Fetch-Site), or else another site could fill in a form for the user; and only if that page was shown to that user.
A route names the fields that may come back. Passwords and secrets are never among them.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlencode

from chalicelib import credentials, limits
from chalicelib.endpoints.http.refusal import StaleForm
from chalicelib.endpoints.http.request import Request
from chalicelib.protocol.rules.request_parameters import Parameters

CSRF_FIELD = "csrf_token"
_CARRIED = "typed."


def check(sent: str | None, expected: str, *, is_visitors: bool = False, is_owners: bool = False) -> None:
    """Raises StaleForm unless `sent` is the expected CSRF token. "" never is. The flags are those of StaleForm."""
    if not is_same(sent, expected):
        raise StaleForm(is_visitors=is_visitors, is_owners=is_owners)


def is_same(sent: str | None, expected: str) -> bool:
    """True if `sent` is the expected CSRF token."""
    return bool(expected) and credentials.is_same(sent or "", expected)


def typed(request: Request, stale: StaleForm, names: Iterable[str]) -> Parameters:
    """The fields to fill in when the form is shown again."""
    if not stale.is_visitors and not (stale.is_owners and request.is_from_our_page):
        return {}
    return _entered(request.form, names)


def to_carry(request: Request, names: Iterable[str], next_path: str) -> Parameters:
    """The hidden fields with which the sign-in page carries a form whose sender is no longer signed in.

    Empty if nothing was typed, if the form did not come from our page, or if it is too long to be sent along.
    next_path: where to go after the sign-in; it is sent along as well.
    """
    entered = _entered(request.form, names) if request.method == "POST" and request.is_from_our_page else {}
    if not entered:
        return {}
    found = {_CARRIED + name: values for name, values in _entered(request.form, [CSRF_FIELD, *entered]).items()}
    length = len(urlencode({"next": next_path, **found}, doseq=True))
    return found if length <= limits.CARRIED_FORM_LIMIT_BYTES else {}


def carried(request: Request) -> Parameters:
    """The hidden fields of a sign-in form that carries another form; empty if it carries none."""
    if not request.is_from_our_page:
        return {}
    return _entered(request.form, (name for name in request.form if name.startswith(_CARRIED)))


def unpacked(fields: Parameters) -> Parameters:
    """The carried form's fields, under their own names."""
    return {name.removeprefix(_CARRIED): values for name, values in fields.items()}


def _entered(form: Parameters, names: Iterable[str]) -> dict[str, list[str]]:
    """The nonempty values of the fields in `names`. A field can have several: checkboxes share a name."""
    found = {name: [value for value in form.get(name, ()) if value] for name in names}
    return {name: values for name, values in found.items() if values}
