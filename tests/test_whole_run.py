"""The check at the end of a test run finds what it looks for."""

from __future__ import annotations

from infra.deployment import policy
from tests.store_proxy import Call
from tests.whole_run import WholeRun

EVERYTHING = {
    function: {(action, name) for action, names in actions.items() for name in names}
    for function, actions in policy.FUNCTIONS.items()
}


def complaints(run: WholeRun, *, has_failed: bool = False) -> list[str]:
    return list(run.complaints(has_failed=has_failed))


def conditional(operation: str, table: str, **names: str) -> Call:
    return Call(operation, (table,), {"ConditionExpression": "#a = :a", "ExpressionAttributeNames": names})


def test_run_that_calls_what_the_policy_allows_has_no_complaints() -> None:
    run = WholeRun(is_whole=True)
    run.see(EVERYTHING, ())
    assert complaints(run) == []


def test_action_that_aws_would_refuse_is_reported() -> None:
    run = WholeRun()
    run.see({"api": {("Scan", "grants")}}, ())
    (said,) = complaints(run)
    assert said.startswith("Scan on grants is not allowed to api")


def test_action_that_nothing_calls_is_reported_only_after_a_whole_run() -> None:
    part, whole = WholeRun(), WholeRun(is_whole=True)
    for run in (part, whole):
        run.see({**EVERYTHING, "authorizer": set()}, ())
    assert complaints(part) == complaints(whole, has_failed=True) == []
    assert {said.partition(" is never called by ")[2].partition(";")[0] for said in complaints(whole)} == {"authorizer"}


def test_conditional_write_outside_a_transaction_is_reported() -> None:
    run = WholeRun()
    put = conditional("PutItem", "test-users")
    run.see({}, [put, conditional("UpdateItem", "test-users", a="fullname"), Call("PutItem", ("test-users",), {})])
    assert len(complaints(run)) == 2


def test_aside_or_restored_item_may_be_a_single_conditional_write() -> None:
    run = WholeRun()
    put_back = Call("PutItem", ("test-users",), {"ConditionExpression": "attribute_not_exists(#key)"})
    run.see({}, [conditional("UpdateItem", "test-throttles", a="tries"), put_back])
    assert complaints(run) == []


def test_calls_seen_by_several_processes_add_up() -> None:
    run = WholeRun()
    for function in EVERYTHING:
        process = WholeRun(is_whole=True)
        process.see({function: EVERYTHING[function]}, [conditional("DeleteItem", "test-users")])
        run.add(process.as_message())
    assert run.is_whole
    assert len(complaints(run)) == len(EVERYTHING) == len(run.single)
