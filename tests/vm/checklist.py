"""The checklist: steps with a name, run in order, each with what it proved and how long it took."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tests.vm.rig import Rig
from tests.vm.shell import RigError


class Outcome(StrEnum):
    """How a step ended."""

    PROVED = "proved"
    FAILED = "FAILED"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        name: What `--from` and `--only` call it.
        goal: What it shows, in one line.
        act: Does it, and returns what was seen, a sentence each; raises `RigError` or `AssertionError` when it is not so.
        needed: Later steps make no sense without it.
    """

    name: str
    goal: str
    act: Callable[[Rig], list[str]]
    needed: bool = False


@dataclass(frozen=True)
class Result:
    """One line of the table."""

    step: Step
    outcome: Outcome
    seconds: float = 0.0
    seen: tuple[str, ...] = ()


def chosen(steps: Sequence[Step], *, begin: str = "", only: Sequence[str] = ()) -> list[Step]:
    """The steps to run.

    Raises:
        RigError: a name is none of a step.
    """
    names = [step.name for step in steps]
    for name in (*only, *([begin] if begin else [])):
        if name not in names:
            raise RigError(f"there is no step {name!r}; there are: {', '.join(names)}")
    if only:
        return [step for step in steps if step.name in only]
    return list(steps[names.index(begin) :] if begin else steps)


def run_steps(steps: Sequence[Step], rig: Rig, *, on_failure: Callable[[Step], None]) -> list[Result]:
    """Run them in order; a failed one does not keep the next from being tried, unless it is `needed`."""
    results: list[Result] = []
    for number, step in enumerate(steps, start=1):
        print(f"[{number}/{len(steps)}] {step.name}: {step.goal}", flush=True)
        began_s = time.monotonic()
        try:
            seen = step.act(rig)
            outcome = Outcome.PROVED
        except Exception as error:  # noqa: BLE001 — whatever a step stumbles over, the next is tried and the table is printed
            told = isinstance(error, RigError | AssertionError) and str(error)
            words = "\n".join([str(error), *getattr(error, "__notes__", [])]) if told else "".join(traceback.format_exception(error))
            seen, outcome = [words], Outcome.FAILED
            on_failure(step)
        seconds = time.monotonic() - began_s
        for sentence in seen:
            print("      " + sentence.replace("\n", "\n      "), flush=True)
        print(f"      {outcome} in {seconds:.0f} s", flush=True)
        results.append(Result(step, outcome, seconds, tuple(seen)))
        if outcome is Outcome.FAILED and step.needed:
            results += [Result(later, Outcome.NOT_RUN) for later in steps[number:]]
            break
    return results


def table(results: Sequence[Result]) -> str:
    """The summary."""
    width = max((len(result.step.name) for result in results), default=0)
    lines = [f"{result.outcome:<8} {result.step.name:<{width}} {result.seconds:>5.0f} s  {result.step.goal}" for result in results]
    well = all(result.outcome is Outcome.PROVED for result in results)
    total_s = sum(result.seconds for result in results)
    lines.append(f"{sum(result.outcome is Outcome.PROVED for result in results)} of {len(results)} steps proved in {total_s / 60:.1f} min")
    return "\n".join([*lines, "GREEN" if well and results else "RED"])
