"""`manage.py applications import`: applications that another system registered. Their developers change nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import click

from chalicelib.keys import server_key
from chalicelib.models import imported_application, store
from chalicelib.models.application import Application
from chalicelib.models.email_address import EmailAddress, normalize
from chalicelib.models.user import User
from infra.commands import Change, Operator, clear_errors, fail, importing, progress
from infra.commands.users import find_user
from infra.imports import applications, people, records, report
from infra.imports.applications import ImportedApplication
from infra.imports.owners import People
from infra.imports.records import FileProblem, Record, RecordProblem
from infra.imports.report import Outcome, Report

NO_ACCOUNT = "has an owner without an account here; import the users first, or name an owner with --owner"


@click.command("import", cls=Change)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--owner", metavar="EMAIL", help="Who gets the applications whose owner has no account here.")
@click.option(
    "--application-model",
    metavar="LABEL",
    help=f"Django's model of applications, such as shop.client, beside {' and '.join(applications.DJANGO_MODELS)}.",
)
@click.option(
    "--user-model",
    metavar="LABEL",
    help=f"Django's model of people, such as shop.account, beside {' and '.join(people.DJANGO_MODELS)}.",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    help="A new file: a JSON line for each record that was left out or changed, or whose client id was there already.",
)
@click.pass_obj
def applications_import(
    operator: Operator,
    file: Path,
    owner: str | None,
    application_model: str | None,
    user_model: str | None,
    report: Path | None,
) -> None:
    """Import the applications of another system, with their client ids and secrets.

    FILE has a JSON object a line, or is what Django's dumpdata wrote: docs/platform/import.md. Import the users first:
    an application goes to the account with its owner's address. One that is there already stays as it is, so an
    interrupted import goes on when you run it again.
    """
    source = Source(
        file,
        models=(*applications.DJANGO_MODELS, *([application_model.lower()] if application_model else [])),
        people_models=(*people.DJANGO_MODELS, *([user_model.lower()] if user_model else [])),
    )
    fallback = find_user(owner) if owner else None
    try:
        with clear_errors(cut_off="The import is not finished. Run it again to go on."):
            run(operator, source, fallback=fallback, report_path=report)
    except FileProblem as error:
        fail(str(error))


@dataclass
class Source:
    """A file with applications. models, people_models: Django's labels, lowercase. people: those in the file, once it
    was checked."""

    path: Path
    models: Sequence[str] = applications.DJANGO_MODELS
    people_models: Sequence[str] = people.DJANGO_MODELS
    people: People = field(default_factory=People)

    def check(self) -> int:
        """Read the people, and return the number of applications. Raises FileProblem if none can be imported."""
        total, needs_key = 0, False
        for record in records.read(self.path):
            if record.model in self.people_models:
                self.people.note(record)
            elif self._has_application(record):
                total += 1
                needs_key = needs_key or _is_public(record)
        if not total:
            known = ", ".join(self.models)
            raise FileProblem(
                f"{self.path} has no applications. Django's models for them: {known}; see --application-model."
            )
        if needs_key and not server_key.is_set():
            raise FileProblem(f"{self.path} has public applications. {server_key.MISSING} Set it, then import.")
        return total

    def applications(self) -> Iterator[Record]:
        return filter(self._has_application, records.read(self.path))

    def _has_application(self, record: Record) -> bool:
        return record.model is None or record.model in self.models


def run(operator: Operator, source: Source, *, fallback: User | None = None, report_path: Path | None = None) -> None:
    """Import the file, or with --dry-run only check it. Raises FileProblem, StoreUnavailable.

    fallback: who gets the applications whose owner cannot be found; None to leave those out.
    """
    with report.writing(report_path) as noted:
        total, importer = source.check(), _Importer(source.people, fallback, noted, is_dry=operator.is_dry)
        if not operator.is_dry:
            operator.record(detail=f"{total} records")
        with progress(total, "Checking" if operator.is_dry else "Importing") as step:
            for batch in importing.batches(source.applications()):
                importer.take(batch)
                for _ in batch:
                    step()
    importing.conclude(operator, noted, "applications")


def _is_public(record: Record) -> bool:
    try:
        return applications.read(record).profile.is_public
    except RecordProblem:
        return False


@dataclass
class _Found:
    """A record that can be read. owner: who gets the application; None if nobody does, because of the `problem`."""

    record: Record
    application: ImportedApplication
    owner: User | None = None
    problem: str = NO_ACCOUNT


class _Importer:
    def __init__(self, of_dump: People, fallback: User | None, noted: Report, *, is_dry: bool) -> None:
        self._people = of_dump
        self._fallback = fallback
        self._noted = noted
        self._is_dry = is_dry
        self._seen: set[str] = set()

    def take(self, batch: list[Record]) -> None:
        """Import these records, or find out what would become of them. Raises StoreUnavailable."""
        readable = list(self._readable(batch))
        self._find_owners(readable)
        chosen = list(self._new(readable))
        problems = [None] * len(chosen) if self._is_dry else _add_all(chosen)
        for one, problem in zip(chosen, problems, strict=True):
            if problem:
                self._leave_out(one.record, problem)
            else:
                self._noted.note(Outcome.IMPORTED, one.record.where, *one.application.changed)

    def _leave_out(self, record: Record, reason: object) -> None:
        self._noted.note(Outcome.LEFT_OUT, record.where, f"{reason}.")

    def _readable(self, batch: list[Record]) -> Iterator[_Found]:
        for record in batch:
            try:
                found = applications.read(record)
                if found.client_id in self._seen:
                    raise RecordProblem("has the same client id as an earlier record")
            except RecordProblem as problem:
                self._leave_out(record, problem)
                continue
            self._seen.add(found.client_id)
            yield _Found(record, found)

    def _find_owners(self, given: list[_Found]) -> None:
        addresses: dict[int, str] = {}
        for place, one in enumerate(given):
            try:
                addresses[place] = normalize(one.application.owner or self._people.email_of(one.application.owner_key))
            except RecordProblem as problem:
                one.problem = str(problem)
        users = _users(set(addresses.values()))
        for place, one in enumerate(given):
            one.owner = users.get(addresses.get(place, ""))

    def _new(self, given: list[_Found]) -> Iterator[_Found]:
        """Those whose client ids are free, and that have an owner."""
        known = store.read_all([Application.key(one.application.client_id) for one in given])
        for one, there in zip(given, known, strict=True):
            if there is not None and (there.is_deleted or there.public_id != one.application.client_id):
                self._leave_out(one.record, "has the client id of an application that was deleted here")
            elif there is not None:
                others = one.owner is not None and not there.is_owned_by(str(one.owner.user_id))
                self._noted.note(
                    Outcome.THERE, one.record.where, *(["It belongs to somebody else here."] if others else [])
                )
            elif one.owner is not None:
                yield one
            elif self._fallback is not None:
                one.owner = self._fallback
                one.application.changed.append("Its owner has no account here, so it goes to --owner.")
                yield one
            else:
                self._leave_out(one.record, one.problem)


def _users(addresses: set[str]) -> dict[str, User]:
    """The users with these addresses, as the store compares them."""
    usable = [address for address in sorted(addresses) if address.isprintable()]  # no surrogate, which has no UTF-8
    known = [found for found in store.read_all([EmailAddress.key(address) for address in usable]) if found]
    users = store.read_all([User.key(found.user_id) for found in known])
    return {found.email: one for found, one in zip(known, users, strict=True) if one}


def _add_all(chosen: list[_Found]) -> list[str | None]:
    """Store the applications. Returns for each of them why that is impossible. Raises StoreUnavailable.

    Those of one owner are stored one after the other: all of them add to the owner's count.
    """
    owned: dict[str, list[int]] = {}
    for place, one in enumerate(chosen):
        assert one.owner is not None
        owned.setdefault(str(one.owner.user_id), []).append(place)
    with ThreadPoolExecutor(importing.WRITERS) as pool:
        stored = pool.map(lambda places: [(place, _add(chosen[place])) for place in places], owned.values())
        problems = dict(pair for pairs in stored for pair in pairs)
    return [problems[place] for place in range(len(chosen))]


def _add(one: _Found) -> str | None:
    """Store the application. Returns why that is impossible. Raises StoreUnavailable."""
    assert one.owner is not None
    found = one.application
    made = imported_application.made(
        found.client_id,
        owner_id=str(one.owner.user_id),
        name=found.name,
        redirect_uris=found.redirect_uris,
        profile=found.profile,
        secret=found.secret,
        active=found.active,
    )
    try:
        imported_application.add(made, one.owner)
    except store.ConditionFailed:
        return "has a client id that was just taken"
    except imported_application.OwnerGone:
        return "has an owner who was just erased"
    return None
