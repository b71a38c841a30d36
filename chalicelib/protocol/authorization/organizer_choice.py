"""The organizers on a consent page, and which of them are ticked.

The page lists all of a user's organizers. If there are more than MEMBERSHIPS_ON_USER_LIMIT, their names take too many
reads and the page would be too long. Then it lists a part of them, a search reads a part of the names, and the page
says so and offers to go on. Ticks are kept from one part to the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib import limits
from chalicelib.models import organizer, store, user_organizers, verification
from chalicelib.models.application import Application
from chalicelib.models.organizer import Organizer
from chalicelib.models.store.table import Key
from chalicelib.models.user import User
from chalicelib.models.verification import Logo
from chalicelib.protocol.authorization.consents import ChoiceProblem, check_count
from chalicelib.protocol.rules import request_parameters
from chalicelib.protocol.rules import scopes as scope_rules
from chalicelib.protocol.rules.request_parameters import Parameters

SHOWN, FOLLOWING = "organizers_shown", "organizers_following"  # form fields; see `Part`
MORE = "more"  # the decision to see the next part
_AT_ONCE = 100  # names in one round trip


@dataclass(frozen=True)
class Part:
    """The part of very many organizers that the page lists.

    shown: where it begins, as the form sends it back. following: where the next part begins, in the same form; "" if
    this is the last one. first, last: the numbers of the organizers whose names were read, from 1 on.
    """

    shown: str
    following: str
    first: int
    last: int


@dataclass(frozen=True)
class Choice:
    """The organizers on a consent page.

    listed: those that match the search, or all of them; of very many, those in the part. kept: ticked ones that are not
    listed; they stay visible, so that nothing is allowed unseen. ticked: slugs. find: the search text. count: the
    number of the user's organizers. is_long: the page has a search field. problem: why "Select all" did not tick all;
    "" if it did. part: None if the page is about all of them.
    """

    listed: list[Organizer]
    kept: list[Organizer]
    ticked: frozenset[str]
    find: str
    count: int
    is_long: bool
    problem: str = ""
    part: Part | None = None

    @property
    def has_all_ticked(self) -> bool:
        return all(organizer.slug in self.ticked for organizer in self.listed)


def shown(
    application: Application, user: User, scopes: Iterable[str], form: Parameters | None
) -> tuple[User | None, Logo | None, Choice]:
    """The application's owner and its verified logo, if it has them, and the user's organizers, in one round trip per
    hundred. form: as posted; None for a new page, on which a single organizer is ticked."""
    slugs = sorted(user_organizers.of(user)) if scope_rules.need_organizers(scopes) else []
    has_all = len(slugs) <= limits.MEMBERSHIPS_ON_USER_LIMIT
    keys: list[Key[Any]] = [Organizer.key(slug) for slug in slugs] if has_all else []
    if application.owner_id and not application.registered_itself:
        keys.append(User.key(application.owner_id))
    if logo_key := verification.logo_key(application):
        keys.append(logo_key)
    found = [item for item in store.read_all(keys) if item is not None]
    logo = next((item for item in found if isinstance(item, Logo)), None)
    owner = next((item for item in found if isinstance(item, User)), None)
    organizers = [item for item in found if isinstance(item, Organizer)]
    return owner, logo, _of_all(organizer.by_name(organizers), form) if has_all else _of_part(slugs, form)


def _of_all(organizers: Sequence[Organizer], form: Parameters | None) -> Choice:
    is_long = len(organizers) >= limits.ORGANIZERS_FILTERED_FROM
    find = _find(form) if is_long else ""
    listed = [found for found in organizers if organizer.is_named_like(found.name, find)]
    slugs, listed_slugs = ({found.slug for found in some} for some in (organizers, listed))
    ticked, problem = _ticked(form, slugs, listed_slugs)
    if form is None and len(organizers) == 1:
        ticked = slugs
    kept = [found for found in organizers if found.slug in ticked and found.slug not in listed_slugs]
    return Choice(listed, kept, frozenset(ticked), find, len(organizers), is_long, problem)


def _of_part(slugs: Sequence[str], form: Parameters | None) -> Choice:
    """slugs: of all the user's organizers, in order."""
    find = _find(form)
    # Slugs are known without a read. So the search finds those first, and then the names.
    order = sorted(slugs, key=lambda slug: (find.casefold() not in slug, slug))
    start = _start(form, find, len(order))
    listed, last = _named_like(find, order, start)
    listed_slugs = {found.slug for found in listed}
    ticked, problem = _ticked(form, set(slugs), listed_slugs)
    kept = organizer.by_name(organizer.get_all(ticked - listed_slugs))
    following = f"{last} {find}" if last < len(order) else ""
    part = Part(f"{start} {find}", following, start + 1, last)
    return Choice(organizer.by_name(listed), kept, frozenset(ticked), find, len(slugs), True, problem, part)


def _named_like(find: str, order: Sequence[str], start: int) -> tuple[list[Organizer], int]:
    """The organizers from `start` on with the text in their names or slugs, and the number after the last one read."""
    listed: list[Organizer] = []
    last = start
    enough = min(len(order), start + limits.ORGANIZERS_SEARCHED_AT_ONCE)
    while last < enough and len(listed) < limits.ORGANIZERS_LISTED_AT_ONCE:
        read = organizer.get_all(order[last : last + _AT_ONCE])
        listed += [one for one in read if find.casefold() in one.slug or organizer.is_named_like(one.name, find)]
        last = min(last + _AT_ONCE, len(order))
    return listed, last


def _find(form: Parameters | None) -> str:
    return (request_parameters.single(form or {}, "find") or "").strip()[: limits.NAME_LIMIT_CHARACTERS]


def _start(form: Parameters | None, find: str, count: int) -> int:
    """How many organizers come before the part: none if the search is a new one."""
    decision = request_parameters.single(form or {}, "decision")
    if decision == "filter":
        return 0
    sent = request_parameters.single(form or {}, FOLLOWING if decision == MORE else SHOWN) or ""
    number, _, found = sent.partition(" ")
    if found != find or not (number.isascii() and number.isdigit() and len(number) < 7):
        return 0
    return min(int(number), count - 1)


def _ticked(form: Parameters | None, slugs: set[str], listed: set[str]) -> tuple[set[str], str]:
    """The ticked slugs, and why "Select all" did not tick all that are listed; "" if it did."""
    ticked = set((form or {}).get("organizers", ())) & slugs
    match request_parameters.single(form or {}, "decision"):
        case "select_all":
            return _select_all(ticked, listed)
        case "select_none":
            return set(), ""
    return ticked, ""


def _select_all(ticked: set[str], listed: set[str]) -> tuple[set[str], str]:
    try:
        check_count(ticked | listed)
    except ChoiceProblem as error:
        return ticked, error.message
    return ticked | listed, ""
