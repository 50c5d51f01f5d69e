"""Operations over the lifecycle table: each path out of a passing state ends one exactly once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fibrix.domain.enter import content, enter
from fibrix.domain.lifecycle import OWN, TRANSITIONS, step
from fibrix.domain.machine import Machine
from fibrix.domain.operation import LONG, Asked, Operation, OperationState, begun, gone_on, key_of, running_key
from fibrix.domain.state import PASSING, State
from fibrix.domain.trigger import Trigger
from fibrix.errors import ConflictError
from fibrix.types import BootId, OperationId, TenantId, UserId
from tests.domain.build import T0, deployment, machine

ASKED = Asked(user=UserId("u000000001"), request="r1")
OUT = [(s, t) for s in State if s in PASSING for t in TRANSITIONS[s]]


def taken(before: Machine, trigger: Trigger, reason: str = "so") -> Machine:
    edge = step(before.state, trigger, content(before))
    return enter(before, edge, reason=reason, now=T0, limit_s=60, boot=BootId("b000000001"))


def running() -> Operation:
    made = begun(
        OperationId("o000000001"),
        Trigger.COMMISSION,
        machine(State.NEW),
        machine(State.COMMISSIONING),
        asked=ASKED,
        now=T0,
    )
    assert made is not None
    return made


def test_long_work_is_what_a_person_asks_for_and_a_machine_works_on() -> None:
    assert {t.value for t in LONG} == {
        "commission",
        "test",
        "deploy",
        "release",
        "erase",
        "enter-rescue",
        "exit-rescue",
    }


def test_an_operation_knows_who_asked_and_whose_machine_it_was() -> None:
    before = replace(machine(State.DEPLOYED), tenant=TenantId("t000000001"), deployment=deployment(reported=True))
    after = taken(before, Trigger.RELEASE, "the customer is gone")
    made = begun(OperationId("o1"), Trigger.RELEASE, before, after, asked=ASKED, now=T0)
    assert made is not None
    assert (made.kind, made.user, made.request, made.tenant) == ("release", ASKED.user, "r1", "t000000001")
    assert (made.state, made.detail, made.ended_at) == (OperationState.RUNNING, "the customer is gone", None)


def test_what_has_nothing_to_work_on_has_ended_when_it_begins() -> None:
    before = machine(State.ALLOCATED)
    made = begun(OperationId("o1"), Trigger.RELEASE, before, taken(before, Trigger.RELEASE), asked=ASKED, now=T0)
    assert made is not None
    assert (made.state, made.ended_at) == (OperationState.SUCCEEDED, T0)


@pytest.mark.parametrize(("state", "trigger"), OUT, ids=lambda v: v.value)
def test_every_way_out_of_a_passing_state_ends_it_and_a_way_on_does_not(state: State, trigger: Trigger) -> None:
    after = taken(machine(state), trigger, "because")
    then = gone_on(running(), trigger, after, now=T0)
    assert then.running == (after.state in PASSING)
    assert (then.ended_at is None) == then.running
    assert "because" in then.detail
    assert then.revision == 2
    wanted = {
        Trigger.SUCCEEDED: OperationState.RUNNING if then.running else OperationState.SUCCEEDED,
        Trigger.FAILED: OperationState.FAILED,
        Trigger.TIMED_OUT: OperationState.FAILED,
    }
    assert then.state is wanted.get(trigger, OperationState.CANCELLED)


def test_what_a_person_asks_for_in_between_is_named() -> None:
    then = gone_on(running(), Trigger.MARK_BROKEN, taken(machine(State.TESTING), Trigger.MARK_BROKEN, "fan"), now=T0)
    assert (then.state, then.detail) == (OperationState.CANCELLED, "mark-broken: fan")


def test_a_running_one_has_the_key_of_its_machine_and_one_that_ended_its_own() -> None:
    one = running()
    assert key_of(one) == running_key(one.machine)
    ended = gone_on(one, Trigger.FAILED, machine(State.FAILED_COMMISSIONING), now=T0)
    assert key_of(ended) == ended.id


@given(triggers=st.lists(st.sampled_from(list(Trigger)), max_size=40), reports=st.booleans())
def test_a_machine_that_works_has_one_running_operation_and_one_that_rests_has_none(
    *, triggers: list[Trigger], reports: bool
) -> None:
    present, operations = machine(State.NEW), list[Operation]()
    for number, trigger in enumerate(triggers):
        before = present
        if trigger is Trigger.DEPLOY:
            before = replace(before, deployment=deployment(reported=reports))
        try:
            present = taken(before, trigger)
        except ConflictError:
            continue
        operations = [gone_on(o, trigger, present, now=T0) if o.running else o for o in operations]
        made = begun(OperationId(f"o{number}"), trigger, before, present, asked=ASKED, now=T0)
        operations += [made] if made else []
        at_work = [o for o in operations if o.running]
        assert len(at_work) == (present.state in PASSING), (trigger, present.state)
        assert all(o.machine == present.id for o in at_work)
        assert trigger in OWN or (trigger in LONG) == bool(made)
