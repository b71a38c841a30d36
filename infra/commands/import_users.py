"""`manage.py users import`: accounts that another system has, with the passwords that their owners know."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from chalicelib import settings
from chalicelib.imported_passwords import HashCost
from chalicelib.models import store, user
from chalicelib.models.email_address import EmailAddress
from chalicelib.models.organizer import Organizer
from infra.commands import importing
from infra.commands.operator import Operator
from infra.commands.output import progress
from infra.imports import people, records, report
from infra.imports.people import ImportedPerson
from infra.imports.records import FileProblem, Record, RecordProblem
from infra.imports.report import Outcome, Report


def run(operator: Operator, path: Path, *, models: tuple[str, ...], report_path: Path | None) -> None:
    """Import the file, or with --dry-run only check it. Raises FileProblem, StoreUnavailable.

    An account whose address is there already stays as it is, so the command can be repeated: it goes on where it was
    interrupted. models: the Django models whose records are people.
    """
    with report.writing(report_path) as noted:
        total, seen = _check(path, models), set[str]()
        if not operator.is_dry:
            operator.record(detail=f"{total} records")
        with progress(total, "Checking" if operator.is_dry else "Importing") as step:
            for batch in importing.batches(_people_of(path, models)):
                _take(batch, seen, noted, is_dry=operator.is_dry)
                for _ in batch:
                    step()
    importing.conclude(operator, noted, "users")


def _check(path: Path, models: tuple[str, ...]) -> int:
    """The number of people in the file. Ends the command if their passwords cost more than the stage is prepared for:
    until then, the time of a failed sign-in would say whether an address has an account."""
    total, needed = 0, dict[str, HashCost]()
    for record in _people_of(path, models):
        total += 1
        try:
            cost = people.read(record).cost
        except RecordProblem:
            continue
        if cost and (cost.format not in needed or not needed[cost.format].covers(cost)):
            needed[cost.format] = cost
    if not total:
        raise FileProblem(f"{path} has no people. Django's models for them: {', '.join(models)}; see --user-model.")
    prepared = {cost.format: cost for cost in settings.SETTINGS.imported_passwords}
    if any(format_ not in prepared or not prepared[format_].covers(cost) for format_, cost in needed.items()):
        costs = " ".join(str(cost) for cost in {**prepared, **needed}.values())
        raise FileProblem(f'Set IMPORTED_PASSWORDS="{costs}" for the stage and deploy it, then import.')
    return total


def _people_of(path: Path, models: tuple[str, ...]) -> Iterator[Record]:
    return (record for record in records.read(path) if record.model is None or record.model in models)


def _take(batch: list[Record], seen: set[str], noted: Report, *, is_dry: bool) -> None:
    """Import these records, or find out what would become of them. seen: the addresses of earlier records."""
    found: dict[str, tuple[Record, ImportedPerson]] = {}
    for record in batch:
        try:
            person = people.read(record)
        except RecordProblem as error:
            noted.note(Outcome.LEFT_OUT, record.where, f"{error}.")
            continue
        if person.address in seen:
            noted.note(Outcome.LEFT_OUT, record.where, "has the same email address as an earlier record.")
            continue
        seen.add(person.address)
        found[person.address] = record, person
    known = store.read_all([EmailAddress.key(address) for address in found])
    for (record, _), there in zip(list(found.values()), known, strict=True):
        if there:
            noted.note(Outcome.THERE, record.where)
            del found[there.email]
    problems = [None] * len(found) if is_dry else _add_all([person for _, person in found.values()])
    for (record, person), problem in zip(found.values(), problems, strict=True):
        if problem:
            noted.note(Outcome.LEFT_OUT, record.where, problem)
        else:
            noted.note(Outcome.IMPORTED, record.where, *person.changed)


def _add_all(chosen: list[ImportedPerson]) -> list[str | None]:
    """Store the accounts. Returns for each of them why that is impossible. Raises StoreUnavailable.

    Those with organizers are stored one after the other: transactions that check the same organizer would conflict.
    """
    alone = [person for person in chosen if not person.made.memberships]
    with ThreadPoolExecutor(importing.WRITERS) as pool:
        stored = dict(zip(map(id, alone), pool.map(_add, alone), strict=True))
    return [stored[id(person)] if id(person) in stored else _add(person) for person in chosen]


def _add(person: ImportedPerson) -> str | None:
    """Store the account. Returns why that is impossible. Raises StoreUnavailable."""
    try:
        user.add(person.made)
    except store.ConditionFailed as error:
        slugs = [
            change.key.hash_key
            for change in error.failed
            if isinstance(change, store.Update) and change.key.model is Organizer
        ]
        return f"belongs to organizers that do not exist: {', '.join(map(str, slugs))}." if slugs else "was just made."
    return None
