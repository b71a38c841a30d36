"""What `make conformance` does with the suite's answers, and what it writes about them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from tests.actors import Browser, ClientApp, Person
from tests.conformance import report, running
from tests.conformance.outcome import (
    FAILED,
    PASSED,
    RESULTS,
    REVIEW,
    SKIPPED,
    UNFINISHED,
    WARNING,
    ModuleOutcome,
    PlanOutcome,
    judged,
)
from tests.conformance.plans import PLANS, Plan
from tests.conformance.provider import Provider
from tests.conformance.stand_in import Replayed, StandIn
from tests.conformance.suite import Suite, SuiteProblem

PLAN = Plan("short", "short-test-plan", "A short plan", {"response_type": "code"}, "secrets")
FOUND = {"result": "WARNING", "msg": "Something is\n odd at https://here.test:1/x", "requirements": ["RFC6749-4.1.2"]}


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    made = StandIn()
    yield made
    made.stop()


class UnderTest:
    """The provider that the tests run anyway, as `make conformance` sees its own."""

    def __init__(self, john: Browser) -> None:
        self.url = john.base_url
        self._john = john

    def metadata(self) -> dict[str, Any]:
        return {"issuer": self.url}

    def configuration(self, plan: Plan, suite_url: str) -> dict[str, Any]:
        return {"alias": plan.alias}

    def browser(self, person: Person) -> Browser:
        made = Browser(self.url, self._john.person)
        made.http.adapters = self._john.http.adapters
        return made


def run(stand_in: StandIn, john: Browser, folder: Path, *, plan: Plan = PLAN, seconds: float = 60) -> PlanOutcome:
    provider = cast(Provider, UnderTest(john))
    said: list[str] = []
    found = running.run(plan, Suite(stand_in.url), provider, logs=folder, say=said.append, module_seconds=seconds)
    assert len(said) == len(found.modules)
    return found


def test_person_signs_in_allows_and_comes_back_with_a_code(john: Browser, stand_in: StandIn, tmp_path: Path) -> None:
    app = john.register_application("A shop", stand_in.callback("happy"))
    stand_in.tests["happy"] = Replayed([john.base_url + app.authorize_path()], "PASSED")
    found = run(stand_in, john, tmp_path)
    assert [(module.name, module.result) for module in found.modules] == [("happy", PASSED)]
    (answer,) = stand_in.tests["happy"].answers
    assert answer["state"] == "xyz"
    assert app.exchange(answer["code"]).status_code == 200
    assert stand_in.configuration == {"alias": "short"}
    assert (tmp_path / "short" / "happy.json").exists()


def test_person_denies_where_the_module_wants_that(john: Browser, stand_in: StandIn, tmp_path: Path) -> None:
    app = john.register_application("A shop", stand_in.callback("user-rejects"))
    stand_in.tests["user-rejects"] = Replayed([john.base_url + app.authorize_path()], "PASSED")
    assert run(stand_in, john, tmp_path).count(PASSED) == 1
    assert stand_in.tests["user-rejects"].answers[0]["error"] == "access_denied"


def test_person_only_looks_at_first_where_the_module_wants_that(
    john: Browser, stand_in: StandIn, tmp_path: Path
) -> None:
    name = "request-uri-prior-to-auth-completion-succeeds"
    app = john.register_application("A shop", stand_in.callback(name))
    url = john.base_url + app.authorize_path()
    stand_in.tests[name] = Replayed([url, url], "PASSED")
    assert run(stand_in, john, tmp_path).count(PASSED) == 1
    assert stand_in.tests[name].visited == [url, url]
    assert len(stand_in.tests[name].answers) == 1


def test_error_page_is_shown_as_a_picture_and_left_for_a_person(
    john: Browser, stand_in: StandIn, tmp_path: Path
) -> None:
    wrong = ClientApp(john.base_url, "nobody", "", stand_in.callback("error"))
    stand_in.tests["error"] = Replayed([john.base_url + wrong.authorize_path()], "REVIEW", wants_picture=True)
    found = run(stand_in, john, tmp_path)
    assert found.count(REVIEW) == 1
    assert stand_in.tests["error"].pictures[0].startswith("data:image/png;base64,iVBORw0KGgo")
    assert (tmp_path / "short" / "error.png").stat().st_size > 60
    assert not report.has_failures([found])


def test_module_that_does_not_end_is_unfinished_and_cancelled(john: Browser, stand_in: StandIn, tmp_path: Path) -> None:
    stand_in.tests["endless"] = Replayed([], None)
    stand_in.tests["short"] = Replayed([john.base_url + "/no-such-page"], None)
    found = run(stand_in, john, tmp_path, seconds=0.1)
    assert [module.result for module in found.modules] == [UNFINISHED, UNFINISHED]
    assert found.modules[0].reasons == ("It did not end within 0.1 seconds.",)
    assert stand_in.tests["endless"].is_cancelled
    assert report.has_failures([found])


def test_plan_is_not_run_if_the_provider_lacks_what_it_is_about(
    john: Browser, stand_in: StandIn, tmp_path: Path
) -> None:
    plan = next(plan for plan in PLANS if plan.alias == "backchannel")
    found = run(stand_in, john, tmp_path, plan=plan)
    assert found.modules == ()
    missing = "OpenID Connect and no RP-initiated logout and no back-channel logout"
    assert found.not_run == f"This version of Lanyard has no {missing}."
    assert stand_in.configuration == {}
    page = "\n".join(report.lines([found], "1"))
    assert "| OpenID Connect: Back-Channel Logout OP | not run |  |  |  |  |  |" in page
    assert f"Not run. {found.not_run}" in page


def test_browser_brings_nothing_to_anybody_but_the_suite(john: Browser, stand_in: StandIn, tmp_path: Path) -> None:
    app = john.register_application("A shop", "https://other.example.com/callback")
    stand_in.tests["elsewhere"] = Replayed([john.base_url + app.authorize_path()], "PASSED")
    (module,) = run(stand_in, john, tmp_path).modules
    assert module.result == UNFINISHED
    assert module.reasons == ("The browser could not go on: it was sent to other.example.com",)
    assert stand_in.tests["elsewhere"].is_cancelled


def test_suite_that_cannot_be_reached_is_a_problem_in_one_line(stand_in: StandIn) -> None:
    assert Suite(stand_in.url).version() == "5.2.4 (revision 12f2a4d)"
    stand_in.stop()
    with pytest.raises(SuiteProblem, match=r"^The suite at http://127.0.0.1:\d+ does not answer: ConnectionError$"):
        Suite(stand_in.url).version()


@pytest.mark.parametrize(
    ("information", "result", "reasons"),
    [
        ({"status": "FINISHED", "result": "PASSED"}, PASSED, ()),
        (
            {"status": "FINISHED", "result": "WARNING"},
            WARNING,
            ("Something is odd at https://lanyard.example.com/x (RFC6749-4.1.2)",),
        ),
        ({"status": "FINISHED", "result": "SKIPPED"}, SKIPPED, ("Not for us.",)),
        ({"status": "INTERRUPTED", "result": "FAILED"}, FAILED, ("It broke.",)),
        ({"status": "INTERRUPTED", "result": "PASSED"}, UNFINISHED, ("The suite interrupted it.",)),
        ({"status": "FINISHED", "result": "UNKNOWN"}, UNFINISHED, ()),
        ({"status": "FINISHED", "result": None}, UNFINISHED, ()),
    ],
)
def test_only_what_the_suite_says_of_a_finished_module_counts(
    information: dict[str, Any], result: str, reasons: tuple[str, ...]
) -> None:
    log: list[dict[str, Any]] = [
        FOUND,
        FOUND,
        {"result": "FAILURE", "msg": "It broke."},
        {"result": "SKIPPED", "msg": "Not for us."},
        {"result": "SUCCESS", "msg": "Well done."},
    ]
    found = judged("one", {}, information, log, {"https://here.test:1": "https://lanyard.example.com"})
    assert (found.result, tuple(found.reasons)) == (result, reasons)


def test_document_counts_each_result_and_tells_modules_of_one_name_apart() -> None:
    modules = (
        ModuleOutcome("same", {"response_mode": "query", "response_type": "code"}, PASSED),
        ModuleOutcome("same", {"response_mode": "form_post", "response_type": "code"}, FAILED, ("a | b <c>",)),
    )
    page = list(report.lines([PlanOutcome("A plan", "a-plan", {"b": "2", "a": "1"}, modules)], "5"))
    assert "| A plan | 1 | 0 | 0 | 1 | 0 | 0 |" in page
    assert "`a-plan`: a 1, b 2." in page
    assert "| same (query) | passed |  |" in page
    assert "| same (form_post) | failed | “a \\| b &lt;c>” |" in page
    assert page[page.index("`a-plan`: a 1, b 2.") + 2] == "| module | result | why |"
    assert report.has_failures([PlanOutcome("A plan", "a-plan", {}, modules)])


def test_document_has_the_counts_of_its_own_rows_and_each_plan_once() -> None:
    text = report.PATH.read_text(encoding="utf-8")
    summary, *plans = text.split("\n### ")
    assert [plan.splitlines()[0] for plan in plans] == [plan.title for plan in PLANS]
    for plan in plans:
        title = plan.splitlines()[0]
        rows = [
            line.split(" | ")[1] for line in plan.splitlines() if line.startswith("| ") and "| result |" not in line
        ]
        counted = " | ".join(str(rows.count(result)) for result in RESULTS) if rows else "not run |  |  |  |  | "
        assert f"| {title} | {counted} |" in summary
        assert bool(rows) == ("Not run." not in plan)
