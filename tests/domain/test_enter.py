"""Whose a machine is as it goes through its life, and what of it its tenant sees."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fibrix.domain.enter import UNHELD, content, enter
from fibrix.domain.holding import as_held
from fibrix.domain.lifecycle import TRANSITIONS, step
from fibrix.domain.machine import Hardware, Interface, Machine
from fibrix.domain.power import PowerKind
from fibrix.domain.state import State
from fibrix.domain.trigger import Trigger
from fibrix.types import BootId, TenantId, parse_mac
from tests.domain.build import T0, at, boot, deployment, machine

ACME = TenantId("t000000001")


def take(before: Machine, trigger: Trigger, seconds: float = 10) -> Machine:
    """Take one edge of the table."""
    edge = step(before.state, trigger, content(before))
    return enter(before, edge, reason="for a test", now=at(seconds), limit_s=60, boot=BootId("b000000009"))


def held(state: State) -> Machine:
    return replace(machine(state), tenant=ACME, allocated_at=T0, deployment=deployment(reported=True))


def test_a_machine_is_allocated_from_the_moment_that_it_is_taken_until_it_is_ready_again() -> None:
    taken = take(replace(machine(State.READY), tenant=ACME), Trigger.ALLOCATE, 5)
    assert (taken.tenant, taken.allocated_at) == (ACME, at(5))
    deployed = take(take(replace(taken, deployment=deployment()), Trigger.DEPLOY, 6), Trigger.SUCCEEDED, 7)
    assert (deployed.tenant, deployed.allocated_at) == (ACME, at(5))
    released = take(take(deployed, Trigger.RELEASE, 8), Trigger.SUCCEEDED, 9)
    assert (released.tenant, released.allocated_at, released.deployment) == ("", None, None)


def test_the_region_s_own_deployment_without_an_allocation_is_in_use_since_it_began() -> None:
    assert take(machine(State.READY), Trigger.DEPLOY, 5).allocated_at == at(5)


@pytest.mark.parametrize(
    ("state", "trigger", "stays"),
    [
        (State.DEPLOYED, Trigger.MARK_BROKEN, True),
        (State.BROKEN, Trigger.MARK_FIXED, True),  # its disks hold the tenant's system
        (State.BROKEN, Trigger.RETIRE, False),
        (State.RELEASING, Trigger.FAILED, True),  # what was not wiped is still the tenant's
        (State.RELEASING, Trigger.ABORT, True),
        (State.DEPLOYING, Trigger.ABORT, True),
    ],
)
def test_a_broken_machine_stays_its_tenant_s_and_a_retired_one_does_not(
    state: State, trigger: Trigger, *, stays: bool
) -> None:
    after = take(held(state), trigger)
    assert (after.tenant == ACME, after.allocated_at is not None) == (stays, stays)


@given(st.data())
def test_no_machine_is_anybody_s_where_it_may_be_commissioned_or_tested(data: st.DataObject) -> None:
    now = replace(machine(State.READY), tenant=ACME)
    now = take(now, Trigger.ALLOCATE)
    for _ in range(data.draw(st.integers(0, 12))):
        trigger = data.draw(st.sampled_from(sorted(TRANSITIONS[now.state], key=lambda t: t.value)))
        if trigger is Trigger.DEPLOY:
            now = replace(now, deployment=deployment())
        if trigger is Trigger.ALLOCATE:
            now = replace(now, tenant=ACME)
        now = take(now, trigger)
        if now.state in UNHELD | {State.COMMISSIONING, State.TESTING, State.FAILED_TESTING, State.FAILED_COMMISSIONING}:
            assert now.tenant == ""
        if now.state in {State.NEW, State.READY}:
            assert now.allocated_at is None


def test_a_tenant_sees_nothing_of_bmc_and_switch_and_no_boot_from_before() -> None:
    hardware = Hardware(
        bmc_address="10.0.0.9",
        bmc_version="2.0",
        serial="SN1",
        interfaces=(Interface(mac=parse_mac("52:54:00:00:00:01"), neighbour="switch-7 port 12"),),
    )
    before = replace(
        held(State.DEPLOYED), hardware=hardware, boot=boot(), power_detail="BMC: no answer", allocated_at=at(5)
    )
    shown = as_held(before)
    assert shown.hardware is not None
    assert (shown.hardware.bmc_address, shown.hardware.bmc_version, shown.hardware.serial) == ("", "", "SN1")
    assert shown.hardware.interfaces[0].neighbour == ""
    assert (shown.power.address, shown.power.kind, shown.power_detail) == ("", PowerKind.IPMI, "")
    assert shown.boot is None
    assert as_held(replace(before, allocated_at=T0)).boot == before.boot
