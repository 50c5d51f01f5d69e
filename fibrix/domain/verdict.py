"""What the script runs of a state add up to."""

from collections.abc import Sequence

from fibrix.domain.machine import RunStatus, ScriptRun
from fibrix.domain.state import State
from fibrix.domain.trigger import Trigger

ENDED = frozenset({RunStatus.PASSED, RunStatus.FAILED, RunStatus.TIMED_OUT, RunStatus.ABORTED})
"""Statuses that no longer change."""


def verdict(state: State, runs: Sequence[ScriptRun]) -> tuple[Trigger, str] | None:
    """Decide on the runs of the present visit to a state: the trigger and its reason, or None while it goes on.

    Tests all run, so that the operator sees everything that is wrong at once; elsewhere the first failure ends it.
    """
    failed = [r for r in runs if r.status in ENDED and r.status is not RunStatus.PASSED]
    pending = [r for r in runs if r.status not in ENDED]
    if failed and (state is not State.TESTING or not pending):
        return Trigger.FAILED, "; ".join(f"{r.script} {r.status.value}: {r.reason}" for r in failed)
    if pending or not runs:
        return None
    return Trigger.SUCCEEDED, ", ".join(r.script for r in runs) + " passed"


def present(state: State, runs: Sequence[ScriptRun]) -> list[ScriptRun]:
    """Pick the runs of the present visit to a state: the last batch, counted back to the run at position 1."""
    batch: list[ScriptRun] = []
    for run in reversed([r for r in runs if r.state is state]):
        batch.insert(0, run)
        if run.position == 1:
            break
    return batch
