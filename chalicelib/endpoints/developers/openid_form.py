"""The part of an application's form that is about signing people in: shown and read only on a stage that signs.

On any other stage, what is stored stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace

from chalicelib import limits
from chalicelib.endpoints import http
from chalicelib.keys import signing
from chalicelib.messages import Message
from chalicelib.models.application import CLASSIC, Application, Profile
from chalicelib.protocol.clients import sectors
from chalicelib.protocol.clients.quotas import TooManyRequestsError
from chalicelib.protocol.rules import answer_algorithms
from chalicelib.protocol.rules.request_parameters import Parameters, single

FIELDS = ("id_token_alg", "userinfo_signed", "default_max_age", "pairwise", "sector_identifier_uri")
_SECONDS = re.compile(r"\d{1,9}", re.ASCII)
Problems = dict[str, list[Message]]


@dataclass(frozen=True)
class OpenIDFields:
    """The fields as filled in.

    id_token_alg: "" for the provider's choice. default_max_age: in seconds, as typed; "" for none. is_pairwise: the
    application knows users by the identifiers of its sector. stored: what the form does not change, as it is stored.
    """

    id_token_alg: str = ""
    userinfo_signed: bool = False
    default_max_age: str = ""
    is_pairwise: bool = False
    sector_identifier_uri: str = ""
    stored: Profile = CLASSIC

    @property
    def are_offered(self) -> bool:
        return signing.is_on()

    @property
    def are_set(self) -> bool:
        return self != OpenIDFields(stored=self.stored)

    @property
    def algorithms(self) -> tuple[str, ...]:
        """What may be chosen. What is stored stays, although the stage may not sign with it any more."""
        return tuple(dict.fromkeys((*signing.readable_algorithms(), *filter(None, [self.stored.id_token_alg]))))

    @property
    def sector(self) -> str | None:
        return self.stored.sector

    def added_to(self, profile: Profile) -> Profile:
        """The profile with these properties, without those that cannot be. Its sector is the stored one: see
        `with_sector`."""
        return replace(
            profile,
            id_token_alg=self.id_token_alg or None,
            userinfo_signed=self.userinfo_signed,
            userinfo_alg=self.stored.userinfo_alg if self.userinfo_signed else None,
            default_max_age=int(self.default_max_age) if _SECONDS.fullmatch(self.default_max_age) else None,
            sector=self.stored.sector,
            sector_key=self.stored.sector_key,
            sector_identifier_uri=self.stored.sector_identifier_uri,
        )


def as_stored(found: Application) -> OpenIDFields:
    return OpenIDFields(
        id_token_alg=found.id_token_alg or "",
        userinfo_signed=bool(found.userinfo_signed),
        default_max_age="" if found.default_max_age is None else str(found.default_max_age),
        is_pairwise=found.sector is not None,
        sector_identifier_uri=found.sector_identifier_uri or "",
        stored=Profile(
            id_token_alg=found.id_token_alg,
            userinfo_alg=found.userinfo_alg,
            sector=found.sector,
            sector_key=found.sector_key,
            sector_identifier_uri=found.sector_identifier_uri,
        ),
    )


def read(form: Parameters, present: Application | None, problems: Problems, *, is_fapi: bool) -> OpenIDFields:
    """What the form says; what is wrong with it goes into `problems`. present: the application that is edited."""
    known = as_stored(present) if present else OpenIDFields()
    if not known.are_offered:
        return known
    found = replace(
        known,
        id_token_alg=single(form, "id_token_alg") or "",
        userinfo_signed=single(form, "userinfo_signed") == "on",
        default_max_age=(single(form, "default_max_age") or "").strip(),
        is_pairwise=single(form, "pairwise") == "on",
        sector_identifier_uri=(single(form, "sector_identifier_uri") or "").strip(),
    )
    if found.id_token_alg not in ("", *found.algorithms):
        raise http.Refusal(400, "invalid_request", Message("There is no such algorithm."))
    if is_fapi and found.id_token_alg not in ("", *answer_algorithms.FAPI):
        text = Message("The FAPI 2.0 Security Profile does not allow %(algorithm)s.", algorithm=found.id_token_alg)
        problems["id_token_alg"] = [text]
    if found.default_max_age and not _SECONDS.fullmatch(found.default_max_age):
        problems["default_max_age"] = [
            Message("Enter a whole number of seconds, at most %(limit)s.", limit=limits.MAX_AGE_LIMIT_SECONDS)
        ]
    if found.sector_identifier_uri and not found.is_pairwise:
        problems["sector_identifier_uri"] = [
            Message("It is for pairwise identifiers. Switch them on, or leave it empty.")
        ]
    return found


def with_sector(
    found: OpenIDFields,
    redirect_uris: Collection[str],
    present: Application | None,
    problems: Problems,
    *,
    developer_id: str,
) -> OpenIDFields:
    """The same fields, with the sector that the application gets or keeps. May fetch a document. developer_id: the user
    who is held responsible for that. Problems go into `problems`. Raises StoreUnavailable."""
    if not found.is_pairwise:
        return replace(found, stored=replace(found.stored, sector=None, sector_key=None, sector_identifier_uri=None))
    uri = found.sector_identifier_uri or None
    try:
        with sectors.counted(developer_id):
            if present is not None and present.sector is not None:
                stored = sectors.kept(found.stored, redirect_uris, uri, present)
            else:
                stored = sectors.chosen(found.stored, redirect_uris, uri)
    except sectors.SectorProblem as error:
        problems["sector_identifier_uri"] = [error.message]
    except TooManyRequestsError:
        problems["sector_identifier_uri"] = [
            Message("Too many documents were fetched for you recently. Try again later.")
        ]
    else:
        return replace(found, stored=stored)
    return found
