"""What came of a run, as docs/conformance.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from infra.documents import DOCS
from tests.conformance import expected
from tests.conformance.outcome import FAILED, RESULTS, UNFINISHED, ModuleOutcome, PlanOutcome
from tests.conformance.plans import PLANS

PATH = DOCS / "conformance.md"
# ruff: noqa: E501 - rows of a table
_HEAD = """\
# Conformance

What the OpenID Foundation's conformance suite says about Lanyard. This is our own run of the suite and not a
certification. `make conformance` writes this page; do not edit it.

## Run it

The suite is a program of its own, at <https://gitlab.com/openid/conformance-suite>. Start it somewhere that can reach
this machine, then:

```sh
make conformance SUITE=https://localhost:8443
```

This starts `make run` in a temporary folder behind TLS, registers the applications that each plan needs, creates the
plans, and runs their modules one after another. It opens the addresses that the suite would have a person open, signs
in, answers the consent page, and uploads a picture of the page wherever the suite wants one to be looked at. Afterwards
the suite's logs and the pictures are in `.local/conformance/`.

The suite publishes keys of its applications and waits for logout tokens at its own address, and Lanyard calls public
addresses alone. So `make conformance` names the suite to `make run` in `REACHABLE_HOSTS`, as in
`REACHABLE_HOSTS=localhost:8443 make run`: Lanyard then calls these hosts, at these ports and with any certificate. Only
`make run` reads that variable. A deployment does not.

| variable | what it is |
|---|---|
| SUITE | where the suite is |
| SUITE_TOKEN | a token of the suite's API, if it asks people to sign in |
| URL | where the suite reaches this machine, such as `https://lanyard.example.com:9443`. By default a free port of `localhost`, for a suite on this machine. With another host, everybody who can reach it can use the demo accounts meanwhile |
| PLAN | only this plan, one of {plans}. Then this page is not written |

`make conformance` fails if a module failed or did not end, and if it could not run.

## Results

- **passed**: the suite found nothing.
- **warning**: the suite advises something that the standard does not require.
- **review**: a person has to look at the picture that was uploaded. The suite does not judge it.
- **failed**: Lanyard does not do what the plan wants.
- **skipped**: the suite says that the module does not apply to Lanyard.
- **unfinished**: the module did not end, or could not be run. That says nothing about Lanyard.

TLS is that of the server that `make conformance` puts in front of `make run`. A deployment has that of CloudFront or
API Gateway.
"""


def summary(results: Sequence[PlanOutcome]) -> Iterator[str]:
    for plan in results:
        counts = ", ".join(f"{plan.count(result)} {result}" for result in RESULTS if plan.count(result))
        yield f"{plan.title}: {f'not run. {plan.not_run}' if plan.not_run else counts}"


def has_failures(results: Sequence[PlanOutcome]) -> bool:
    return any(plan.count(FAILED) or plan.count(UNFINISHED) for plan in results)


def write(results: Sequence[PlanOutcome], version: str) -> None:
    PATH.write_text("\n".join(lines(results, version)) + "\n", encoding="utf-8")


def lines(results: Sequence[PlanOutcome], version: str) -> Iterator[str]:
    """The page. version: the suite's."""
    yield from _HEAD.replace("{plans}", ", ".join(f"`{plan.alias}`" for plan in PLANS)).splitlines()
    yield ""
    yield f"The suite's version was {version}."
    yield ""
    yield f"| plan | {' | '.join(RESULTS)} |"
    yield f"|---|{'--:|' * len(RESULTS)}"
    for plan in results:
        counts = [str(plan.count(result)) for result in RESULTS] if not plan.not_run else ["not run"] + [""] * 5
        yield f"| {plan.title} | {' | '.join(counts)} |"
    for plan in results:
        yield from _plan(plan)


def _plan(plan: PlanOutcome) -> Iterator[str]:
    variant = ", ".join(f"{name} {value}" for name, value in sorted(plan.variant.items()))
    yield from ("", f"### {plan.title}", "", f"`{plan.name}`{f': {variant}' if variant else ''}.", "")
    if plan.not_run:
        yield f"Not run. {plan.not_run}"
        return
    yield "| module | result | why |"
    yield "|---|---|---|"
    for module in plan.modules:
        yield f"| {module.name}{_differs(module, plan)} | {module.result} | {_why(module)} |"


def _differs(module: ModuleOutcome, plan: PlanOutcome) -> str:
    """What tells this module from others of the same name."""
    alike = [other.variant for other in plan.modules if other.name == module.name]
    telling = [name for name in sorted(module.variant) if len({variant.get(name) for variant in alike}) > 1]
    return f" ({', '.join(module.variant[name] for name in telling)})" if telling else ""


def _why(module: ModuleOutcome) -> str:
    ours = expected.WHY.get((module.name, module.result))
    said = " ".join([*([ours] if ours else []), *(f"“{reason}”" for reason in module.reasons)])
    return said.replace("|", "\\|").replace("<", "&lt;")
