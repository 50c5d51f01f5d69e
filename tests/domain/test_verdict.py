"""What script runs add up to."""

from msgspec.structs import replace

from fibrix.domain.machine import RunStatus, ScriptRun
from fibrix.domain.state import State
from fibrix.domain.trigger import Trigger
from fibrix.domain.verdict import present, verdict
from fibrix.types import MachineId, RunId


def run(position: int, status: RunStatus, state: State = State.TESTING, script: str = "disk-read") -> ScriptRun:
    return ScriptRun(
        id=RunId(f"r{position}{status.value}"),
        machine=MachineId("m1"),
        script=script,
        state=state,
        position=position,
        status=status,
        reason="" if status is RunStatus.PASSED else "exit status 1",
    )


def test_tests_go_on_after_a_failure_and_fail_in_the_end() -> None:
    failed, pending = run(1, RunStatus.FAILED), run(2, RunStatus.PENDING)
    assert verdict(State.TESTING, [failed, pending]) is None
    found = verdict(State.TESTING, [failed, run(2, RunStatus.PASSED)])
    assert found == (Trigger.FAILED, "disk-read failed: exit status 1")


def test_elsewhere_the_first_failure_ends_it() -> None:
    runs = [run(1, RunStatus.TIMED_OUT, State.DEPLOYING), run(2, RunStatus.PENDING, State.DEPLOYING)]
    found = verdict(State.DEPLOYING, runs)
    assert found is not None
    assert found[0] is Trigger.FAILED


def test_all_passed_is_a_success() -> None:
    found = verdict(State.TESTING, [run(1, RunStatus.PASSED, script="memory-test"), run(2, RunStatus.PASSED)])
    assert found == (Trigger.SUCCEEDED, "memory-test, disk-read passed")


def test_no_runs_decide_nothing() -> None:
    assert verdict(State.TESTING, []) is None


def test_only_the_runs_of_the_present_visit_to_a_state_count() -> None:
    old = [run(1, RunStatus.FAILED), run(2, RunStatus.PASSED)]
    new = [replace(run(1, RunStatus.PASSED), id=RunId("r9")), run(2, RunStatus.RUNNING)]
    other = run(1, RunStatus.PASSED, State.RELEASING)
    assert present(State.TESTING, [*old, other, *new]) == new
