"""The table: what it allows, what it refuses, and that nobody can get stuck in it."""

import pytest

from fibrix.domain.lifecycle import OWN, TRANSITIONS, UPCOMING, Content, Effect, offered, step
from fibrix.domain.state import PASSING, State
from fibrix.domain.trigger import Trigger
from fibrix.errors import ConflictError


def test_every_state_has_a_row() -> None:
    assert set(TRANSITIONS) == set(State)


@pytest.mark.parametrize("state", [s for s in State if s in PASSING])
def test_every_passing_state_can_succeed_fail_time_out_and_be_aborted(state: State) -> None:
    assert {Trigger.SUCCEEDED, Trigger.FAILED, Trigger.TIMED_OUT, Trigger.ABORT} <= TRANSITIONS[state].keys()


@pytest.mark.parametrize("state", [s for s in State if s not in PASSING])
def test_only_passing_states_end_by_themselves(state: State) -> None:
    assert not OWN & TRANSITIONS[state].keys()


def test_the_main_way_leads_from_new_to_deployed_and_back_to_ready() -> None:
    state = State.NEW
    seen = []
    for trigger in (
        Trigger.COMMISSION,
        Trigger.SUCCEEDED,
        Trigger.SUCCEEDED,
        Trigger.ALLOCATE,
        Trigger.DEPLOY,
        Trigger.SUCCEEDED,
        Trigger.RELEASE,
        Trigger.SUCCEEDED,
    ):
        state = step(state, trigger).target
        seen.append(state.value)
    assert seen == [
        "Commissioning",
        "Testing",
        "Ready",
        "Allocated",
        "Deploying",
        "Deployed",
        "Releasing",
        "Ready",
    ]


@pytest.mark.parametrize("content", [Content.PARTIAL, Content.INSTALLED])
def test_a_machine_with_a_customers_data_becomes_ready_only_through_a_wipe(content: Content) -> None:
    wiping = {State.RELEASING, State.DISK_ERASING}
    reached, frontier = set(), {State.DEPLOYED, State.FAILED_DEPLOYMENT, State.ALLOCATED, State.BROKEN, State.RETIRED}
    while frontier:
        state = frontier.pop()
        reached.add(state)
        if state in wiping:
            continue
        frontier |= {step(state, t, content).target for t in TRANSITIONS[state]} - reached
    assert reached & wiping
    assert State.READY not in reached
    assert State.NEW not in reached


def test_a_machine_that_only_was_allocated_is_released_without_a_boot() -> None:
    edge = step(State.ALLOCATED, Trigger.RELEASE, Content.BLANK)
    assert (edge.target, edge.effect) == (State.READY, Effect.NOTHING)
    edge = step(State.ALLOCATED, Trigger.RELEASE, Content.PARTIAL)
    assert (edge.target, edge.effect) == (State.RELEASING, Effect.BOOT)


def test_a_refusal_names_what_is_allowed() -> None:
    with pytest.raises(ConflictError, match="Deployed cannot commission; allowed now: release, mark-broken"):
        step(State.DEPLOYED, Trigger.COMMISSION)


@pytest.mark.parametrize("state", list(State))
def test_nobody_is_offered_what_comes_to_pass_by_itself_or_is_not_built_yet(state: State) -> None:
    assert not {t.value for t in OWN | UPCOMING} & set(offered(state))
    assert offered(state), "from every state a person can do something"
