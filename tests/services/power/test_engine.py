import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.domain.power import Bmc, PowerAction, PowerKind, PowerReading, PowerSettings, PowerState
from fibrix.errors import PowerError
from fibrix.services.power.engine import Schedule, needed
from fibrix.types import MachineId

MIDDLE = 0.5  # of chance: no jitter


def bmc(name: str, address: str = "10.0.0.1") -> Bmc:
    return Bmc(machine=MachineId(name), settings=PowerSettings(address=address))


def schedule(*machines: Bmc, now: float = 0.0) -> Schedule:
    made = Schedule(interval_s=15, dead_interval_s=120)
    made.follow({machine.machine: machine for machine in machines}, now=now)
    return made


A, B = bmc("a"), bmc("b")


def test_everybody_is_due_at_the_start_and_nobody_twice() -> None:
    plan = schedule(A, B)
    assert plan.due(now=0) == [A, B]
    assert plan.due(now=1000) == []
    assert plan.next_at() is None


def test_one_that_was_read_is_due_after_the_interval() -> None:
    plan = schedule(A)
    plan.due(now=0)
    plan.ended(A, readable=True, now=1, chance=MIDDLE)
    assert plan.next_at() == 16
    assert plan.due(now=15.9) == []
    assert plan.due(now=16) == [A]


def test_the_dead_are_asked_more_seldom_each_time_but_never_forgotten() -> None:
    plan = schedule(A)
    waits = []
    for _ in range(6):
        plan.ended(A, readable=False, now=0, chance=MIDDLE)
        waits.append(plan.next_at())
    assert waits == [30, 60, 120, 120, 120, 120]
    plan.ended(A, readable=True, now=0, chance=MIDDLE)
    assert plan.next_at() == 15


def test_only_the_turn_from_readable_to_not_and_back_is_news() -> None:
    plan = schedule(A)
    news = [plan.ended(A, readable=readable, now=0, chance=MIDDLE) for readable in (True, False, False, True, True)]
    assert news == [False, True, False, True, False]


def test_after_an_action_its_effect_is_looked_for_soon_and_then_less_and_less_soon() -> None:
    plan = schedule(A)
    plan.acted(A, now=0)
    waits = [plan.next_at()]
    for _ in range(6):
        plan.ended(A, readable=True, now=0, chance=MIDDLE)
        waits.append(plan.next_at())
    assert waits == [0.5, 1, 2, 4, 8, 15, 15]


@given(st.floats(0, 1, exclude_max=True))
def test_chance_spreads_a_wait_by_a_tenth_to_either_side(chance: float) -> None:
    plan = schedule(A)
    plan.ended(A, readable=True, now=100, chance=chance)
    at = plan.next_at()
    assert at is not None
    assert 113.5 <= at <= 116.5


def test_who_leaves_the_snapshot_is_forgotten_and_who_comes_is_due_at_once() -> None:
    plan = schedule(A)
    plan.due(now=0)
    plan.follow({B.machine: B}, now=5)
    assert plan.due(now=5) == [B]
    plan.ended(A, readable=False, now=6, chance=MIDDLE)
    plan.skipped(A, now=6)
    plan.acted(A, now=6)
    assert plan.next_at() is None


def test_another_bmc_of_a_machine_is_asked_at_once_and_the_old_one_s_answer_counts_for_nothing() -> None:
    plan = schedule(A)
    plan.due(now=0)
    other = bmc("a", "10.0.0.2")
    plan.follow({A.machine: other}, now=5)
    assert not plan.ended(A, readable=False, now=6, chance=MIDDLE)
    assert plan.due(now=6) == [other]


def test_a_snapshot_that_changes_nothing_changes_nothing() -> None:
    plan = schedule(A)
    plan.ended(A, readable=True, now=0, chance=MIDDLE)
    plan.follow({A.machine: bmc("a")}, now=5)
    assert plan.next_at() == 15


def test_a_turn_that_was_skipped_comes_again_and_says_nothing_of_health() -> None:
    plan = schedule(A)
    plan.ended(A, readable=False, now=0, chance=MIDDLE)
    plan.due(now=30)
    plan.skipped(A, now=30)
    assert plan.next_at() == 45
    assert plan.ended(A, readable=True, now=45, chance=MIDDLE)


ON, OFF, UNKNOWN = PowerState.ON, PowerState.OFF, PowerState.UNKNOWN


@pytest.mark.parametrize(
    ("kind", "action", "state", "expected"),
    [
        (PowerKind.IPMI, PowerAction.ON, ON, False),
        (PowerKind.IPMI, PowerAction.ON, OFF, True),
        (PowerKind.IPMI, PowerAction.OFF, ON, True),
        (PowerKind.IPMI, PowerAction.OFF, OFF, False),
        (PowerKind.IPMI, PowerAction.SOFT_OFF, ON, True),
        (PowerKind.IPMI, PowerAction.SOFT_OFF, OFF, False),
        (PowerKind.IPMI, PowerAction.CYCLE, ON, True),
        (PowerKind.WOL, PowerAction.ON, UNKNOWN, True),
        (PowerKind.WOL, PowerAction.ON, ON, True),
        (PowerKind.MANUAL, PowerAction.ON, UNKNOWN, True),
        (PowerKind.MANUAL, PowerAction.OFF, UNKNOWN, True),
        (PowerKind.MANUAL, PowerAction.ON, ON, False),
    ],
)
def test_an_action_is_sent_only_when_it_changes_something(
    kind: PowerKind, action: PowerAction, state: PowerState, *, expected: bool
) -> None:
    assert needed(kind, action, PowerReading(state=state, detail="")) is expected


@pytest.mark.parametrize("action", PowerAction)
def test_nothing_is_done_blindly(action: PowerAction) -> None:
    with pytest.raises(PowerError, match=f"{action.value}: not without knowing whether the machine is on: why"):
        needed(PowerKind.IPMI, action, PowerReading(state=UNKNOWN, detail="why"))


@pytest.mark.parametrize("kind", [PowerKind.IPMI, PowerKind.MANUAL])
def test_a_machine_that_is_off_is_not_cycled(kind: PowerKind) -> None:
    with pytest.raises(PowerError, match="the machine is off: power it on instead"):
        needed(kind, PowerAction.CYCLE, PowerReading(state=OFF, detail=""))
