"""Each fault does what its kind says, to the application and to the store."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chalicelib import credentials, limits
from chalicelib.models import organizer, store
from chalicelib.models.organizer import Organizer
from tests import stage
from tests.faults.gate import Gate
from tests.faults.kinds import HANGING, Kind, Plan, Span

pytestmark = pytest.mark.spec("docs/reliability.md")
DONE = {Kind.HUNG_AFTER, Kind.IN_PROGRESS, Kind.TRUNCATED, Kind.BAD_CHECKSUM, Kind.KILLED_AFTER}


def transaction(slug: str) -> None:
    put = store.Put(Organizer(slug=slug, name="New", created_at=0), Organizer.slug.does_not_exist())
    store.write(put, store.Check(Organizer.key(slug + "-other"), Organizer.slug.does_not_exist()))


def single(slug: str) -> None:
    store.write(store.Put(Organizer(slug=slug, name="New", created_at=0)))


CASES = [
    pytest.param(write, kind, id=f"{write.__name__}, {kind}")
    for write in (transaction, single)
    for kind in Kind
    if kind is not Kind.UNPROCESSED and (write is transaction or kind is not Kind.IN_PROGRESS)
]


@pytest.fixture
def slug(base_url: str) -> str:
    return f"org-{credentials.new_serial().lower()}"


def is_there(slug: str) -> bool:
    return organizer.get(slug) is not None


def arrive() -> None:
    if stage.PROXY.late:
        stage.PROXY.deliver_late()


@pytest.mark.parametrize(("write", "kind"), CASES)
def test_write_that_fails_on_every_try_is_reported_and_done_or_not_as_its_kind_says(
    slug: str, write: Callable[[str], None], kind: Kind
) -> None:
    gate = Gate(stage.PROXY, Plan(1, kind, Span.EVERY_TRY))
    with gate.stand(), pytest.raises(SystemExit if kind.kills else store.StoreUnavailable):
        write(slug)
    assert gate.struck == gate.calls
    assert (gate.waited_seconds >= limits.STORE_READ_SECONDS) or kind not in HANGING
    assert is_there(slug) is (kind in DONE)
    assert stage.PROXY.late == (len(gate.struck) if kind is Kind.LATE else 0)
    arrive()
    assert is_there(slug) is (kind in DONE or kind is Kind.LATE)


@pytest.mark.parametrize(("write", "kind"), [case for case in CASES if "killed" not in str(case.id)])
def test_write_that_fails_once_is_made_by_the_next_try(slug: str, write: Callable[[str], None], kind: Kind) -> None:
    gate = Gate(stage.PROXY, Plan(1, kind))
    with gate.stand():
        write(slug)
    assert (len(gate.struck), len(gate.calls)) == (1, 2)
    arrive()
    assert is_there(slug)


def test_unprocessed_part_of_a_batch_is_not_done(slug: str) -> None:
    single(slug)
    with Gate(stage.PROXY, Plan(1, Kind.UNPROCESSED, Span.EVERY_TRY)).stand(), pytest.raises(store.StoreUnavailable):
        store.delete_all([Organizer.key(slug)])
    assert is_there(slug)
    with Gate(stage.PROXY, Plan(1, Kind.UNPROCESSED)).stand():
        store.delete_all([Organizer.key(slug)])
    assert not is_there(slug)


_OF_WRITES = (Kind.IN_PROGRESS, Kind.CONFLICT, Kind.LATE, Kind.HUNG_AFTER)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in _OF_WRITES])
def test_failed_read_is_reported_and_never_taken_for_a_missing_item(slug: str, kind: Kind) -> None:
    single(slug)
    keys = [Organizer.key(slug), Organizer.key(slug + "-other")]
    gate = Gate(stage.PROXY, Plan(1, kind, Span.EVERY_TRY))
    with gate.stand(), pytest.raises(SystemExit if kind.kills else store.StoreUnavailable):
        store.read_all(keys)
    assert gate.happened


def test_call_that_the_plan_does_not_name_succeeds(slug: str) -> None:
    gate = Gate(stage.PROXY, Plan(2, Kind.RESET, Span.OUTAGE))
    with gate.stand():
        single(slug)
        with pytest.raises(store.StoreUnavailable):
            organizer.get(slug)
        with pytest.raises(store.StoreUnavailable):
            single(slug)
    assert len(gate.struck) == len(gate.calls) - 1
    assert is_there(slug)


def test_killed_process_makes_no_more_calls(slug: str) -> None:
    with Gate(stage.PROXY, Plan(1, Kind.KILLED_AFTER)).stand() as gate:
        with pytest.raises(SystemExit):
            single(slug)
        with pytest.raises(SystemExit):
            single(slug + "-other")
    assert len(gate.calls) == 1
    assert is_there(slug)
    assert not is_there(slug + "-other")
