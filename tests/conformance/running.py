"""Runs a plan: its modules one after another, each with its own browser, until each ends or its time is up."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.conformance import outcome, picture
from tests.conformance.outcome import ModuleOutcome, PlanOutcome
from tests.conformance.plans import Plan
from tests.conformance.provider import DENIER, PERSON, Provider, ProviderProblem
from tests.conformance.suite import Module, Suite
from tests.conformance.walk import Walk

# The longest module waits until a pushed request has expired, which is ten minutes at most.
MODULE_SECONDS = 780
_POLL_SECONDS = 0.5
# If the suite wants a picture and the walk has led back to it, a module that goes on by itself does so within this
# time. It needs no picture then, which a person would have to look at.
_PICTURE_SECONDS = 10
_ENDED = ("FINISHED", "INTERRUPTED")
_ROTATE_KEYS = "oidcc-server-rotate-keys"
Say = Callable[[str], None]


class NotPlayed(Exception):
    """The module could not be run to its end. The message is a sentence for the document."""


def run(
    plan: Plan, suite: Suite, provider: Provider, *, logs: Path, say: Say, module_seconds: float = MODULE_SECONDS
) -> PlanOutcome:
    """logs: a folder for the suite's logs and the pictures, by plan and module. say: is told of each module that ended.

    Raises SuiteProblem, ProviderProblem.
    """
    known = provider.metadata()
    if missing := _missing(plan.needs, known):
        return PlanOutcome(plan.title, plan.name, plan.variant, not_run=f"This version of Lanyard has no {missing}.")
    plan_id, modules = suite.create_plan(plan.name, plan.variant, provider.configuration(plan, suite.url))
    found = []
    for module in modules:
        test_id = suite.create_test(plan_id, module)
        try:
            _play(module, test_id, suite, provider, pictures=logs / plan.alias, seconds=module_seconds)
            reason = ""
        except NotPlayed as error:
            suite.cancel(test_id)
            reason = str(error)
        log = suite.log(test_id)
        _keep(log, module, logs / plan.alias)
        names = {provider.url: "https://lanyard.example.com", suite.url: "https://suite.example.com"}
        ended = outcome.judged(module.name, module.variant, suite.information(test_id), log, names)
        found.append(ModuleOutcome(module.name, module.variant, outcome.UNFINISHED, (reason,)) if reason else ended)
        say(f"{found[-1].result:10} {plan.alias}: {module.name}")
    return PlanOutcome(plan.title, plan.name, plan.variant, tuple(found))


def _missing(members: Mapping[str, str], known: Mapping[str, object]) -> str:
    return " and no ".join(dict.fromkeys(what for member, what in members.items() if not known.get(member)))


def _play(module: Module, test_id: str, suite: Suite, provider: Provider, *, pictures: Path, seconds: float) -> None:
    """Do what the module asks a person for, until it ends. Raises NotPlayed."""
    denies = "user-rejects" in module.name
    only_looks = module.name.endswith("-prior-to-auth-completion-succeeds")
    walk = Walk(provider.browser(DENIER if denies else PERSON), suite, denies=denies, only_looks=only_looks)
    walked = time.monotonic()
    deadline = walked + seconds
    is_started = False
    while (status := suite.information(test_id)["status"]) not in _ENDED:
        if time.monotonic() > deadline:
            raise NotPlayed(f"It did not end within {seconds:g} seconds.")
        if status == "CONFIGURED" and module.name == _ROTATE_KEYS and not is_started:
            _rotate_keys(provider)
            suite.start(test_id)
            is_started = True
        elif status == "WAITING" and _visit(suite, test_id, walk):
            walked = time.monotonic()
        elif status == "WAITING" and (walk.has_stopped or time.monotonic() > walked + _PICTURE_SECONDS):
            _show(suite, test_id, walk, provider.url, keep_at=pictures / f"{module.name}.png")
        time.sleep(_POLL_SECONDS)


def _rotate_keys(provider: Provider) -> None:
    try:
        provider.rotate_keys()
    except ProviderProblem as error:
        raise NotPlayed(f"The keys could not be rotated: {error}") from error


def _visit(suite: Suite, test_id: str, walk: Walk) -> bool:
    """Open what is to be opened. False if there was nothing."""
    visits = suite.visits(test_id)
    for visit in visits:
        suite.say_visited(test_id, visit)
        try:
            walk.open(visit)
        except AssertionError as error:  # a page that the walk does not know
            raise NotPlayed(f"The browser could not go on: {error}") from error
    return bool(visits)


def _show(suite: Suite, test_id: str, walk: Walk, url: str, *, keep_at: Path) -> None:
    """Upload the pictures that the suite asks for, if the person saw a page."""
    page = walk.page_to_show
    wanted = [entry["upload"] for entry in suite.log(test_id) if entry.get("upload")]
    if page is None:
        return
    for placeholder in wanted:
        taken = picture.of(page, url)
        keep_at.parent.mkdir(parents=True, exist_ok=True)
        keep_at.write_bytes(taken)
        image = base64.b64encode(taken).decode()
        suite.upload_picture(test_id, placeholder, f"data:image/png;base64,{image}")


def _keep(log: Sequence[Mapping[str, object]], module: Module, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{module.name}.json").write_text(json.dumps(log, indent=1), encoding="utf-8")
