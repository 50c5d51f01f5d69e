"""The moves that bring a boot on its way, and above all those that are not made."""

from datetime import datetime

import pytest
from msgspec.structs import replace

from fibrix.domain.machine import Boot, Boots, Machine, Stage
from fibrix.domain.power import BootDevice, PowerAction, PowerKind, PowerState
from fibrix.domain.power_plan import STAY, Asked, Circumstances, Move, came_of, next_move
from fibrix.domain.state import State
from tests.domain.build import at, boot, deployment, machine

ON, OFF, UNKNOWN = PowerState.ON, PowerState.OFF, PowerState.UNKNOWN


LATER = at(60)


def move(m: Machine, b: Boot, power: PowerState, now: datetime = LATER, **seen: object) -> Move:
    return next_move(replace(m, boot=b), b, Circumstances(now=now, power=power, **seen))  # type: ignore[arg-type]


def test_a_machine_that_is_off_is_switched_on_from_the_network_and_the_stage_is_stored_first() -> None:
    assert move(machine(State.COMMISSIONING), boot(), OFF) == Move(stage=Stage.OFF)
    switch_on = move(machine(State.COMMISSIONING), boot(Stage.OFF), OFF)
    assert switch_on == Move(stage=Stage.POWERING_ON, device=BootDevice.PXE, action=PowerAction.ON)


def test_the_installed_system_is_booted_from_disk() -> None:
    m = replace(machine(State.DEPLOYING), deployment=deployment(written=True))
    assert move(m, boot(Stage.OFF, boots=Boots.INSTALLED), OFF).device is BootDevice.DISK


def test_a_machine_that_waits_in_ipxe_is_not_power_cycled() -> None:
    seen = move(machine(State.COMMISSIONING), boot(), ON, waits_in_ipxe=True)
    assert seen.stage is Stage.POWERED_ON
    assert seen.action is None


def test_a_machine_that_may_wait_in_ipxe_is_given_a_moment_to_show_itself() -> None:
    assert move(machine(State.COMMISSIONING), boot(), ON, now=at(5)) == STAY
    assert move(machine(State.COMMISSIONING), boot(), ON, now=at(13)).action is PowerAction.OFF
    assert move(machine(State.COMMISSIONING), boot(), ON, now=at(13), just_started=True) == STAY


def test_a_released_machine_is_switched_off_at_once() -> None:
    m = replace(machine(State.RELEASING), deployment=deployment(written=True, reported=True))
    assert move(m, boot(), ON, now=at(1)) == Move(stage=Stage.POWERING_OFF, action=PowerAction.OFF)


def test_the_agent_is_given_time_to_power_off_by_itself_after_writing_an_image() -> None:
    m = replace(machine(State.DEPLOYING), deployment=deployment(written=True))
    b = boot(boots=Boots.INSTALLED)
    assert move(m, b, ON, now=at(10), agent_near=True) == STAY
    assert move(m, b, ON, now=at(26), agent_near=True).action is PowerAction.OFF


@pytest.mark.parametrize("stage", [Stage.ASKED, Stage.POWERING_OFF, Stage.OFF, Stage.POWERING_ON])
def test_nothing_is_done_while_the_power_state_is_unknown(stage: Stage) -> None:
    assert move(machine(State.COMMISSIONING), boot(stage), UNKNOWN) == STAY


@pytest.mark.parametrize("stage", [Stage.POWERED_ON, Stage.DISCOVER, Stage.KERNEL, Stage.AGENT, Stage.SCRIPTS])
@pytest.mark.parametrize("power", [ON, OFF, UNKNOWN])
def test_a_boot_that_is_on_its_way_is_never_powered_again(stage: Stage, power: PowerState) -> None:
    assert move(machine(State.COMMISSIONING), boot(stage), power) == STAY


def test_after_a_restart_in_the_middle_of_powering_on_a_machine_that_is_on_is_left_alone() -> None:
    assert move(machine(State.COMMISSIONING), boot(Stage.POWERING_ON), ON) == Move(stage=Stage.POWERED_ON)


def test_an_action_without_effect_is_repeated_only_after_a_while() -> None:
    m, b = machine(State.COMMISSIONING), boot(Stage.POWERING_ON)
    assert move(m, b, OFF, now=at(30), acted_at=at(20)) == STAY
    assert move(m, b, OFF, now=at(41), acted_at=at(20)).action is PowerAction.ON


def test_winding_down_waits_for_the_agent_and_then_switches_off() -> None:
    m, b = machine(State.READY), replace(boot(Stage.SCRIPTS), wind_down=True)
    assert move(m, b, ON, now=at(5), agent_near=True) == STAY
    assert move(m, b, ON, now=at(5)).action is PowerAction.OFF
    assert move(m, b, OFF, now=at(6)).wound_down


def test_a_machine_with_wake_on_lan_is_woken_again_and_again_until_it_shows_itself() -> None:
    m = machine(State.COMMISSIONING, kind=PowerKind.WOL)
    assert move(m, boot(), UNKNOWN) == Move(stage=Stage.POWERING_ON, action=PowerAction.ON)
    assert move(m, boot(Stage.POWERING_ON), UNKNOWN, now=at(21), acted_at=at(0)).action is PowerAction.ON
    assert move(m, boot(Stage.POWERING_ON), UNKNOWN, now=at(21), waits_in_ipxe=True).stage is Stage.POWERED_ON


def test_a_person_is_asked_once() -> None:
    m = machine(State.COMMISSIONING, kind=PowerKind.MANUAL)
    assert move(m, boot(), UNKNOWN).action is PowerAction.ON
    assert move(m, boot(Stage.POWERING_ON), UNKNOWN, now=at(90), acted_at=at(0)) == STAY


@pytest.mark.parametrize(
    ("asking", "power", "stage", "came"),
    [
        (PowerAction.ON, ON, Stage.POWERING_ON, Asked.DONE),
        (PowerAction.ON, ON, Stage.KERNEL, Asked.DONE),  # the wire was faster than the reading
        (PowerAction.ON, OFF, Stage.POWERING_ON, Asked.OPEN),  # it is asked for again
        (PowerAction.ON, UNKNOWN, Stage.POWERING_ON, Asked.OPEN),
        (PowerAction.ON, UNKNOWN, Stage.DISCOVER, Asked.IN_VAIN),
        (PowerAction.OFF, OFF, Stage.POWERING_OFF, Asked.DONE),
        (PowerAction.OFF, ON, Stage.POWERING_OFF, Asked.OPEN),
    ],
)
def test_what_was_asked_for_without_an_answer_is_judged_by_what_is_read(
    asking: PowerAction, power: PowerState, stage: Stage, came: Asked
) -> None:
    b = replace(boot(stage), asking=asking)
    assert came_of(machine(State.COMMISSIONING, boot=b), b, power) is came


def test_a_person_who_may_not_have_heard_is_asked_again_and_one_who_did_is_left_in_peace() -> None:
    m, b = machine(State.COMMISSIONING, kind=PowerKind.MANUAL), boot(Stage.POWERING_ON)
    assert move(m, b, UNKNOWN) == STAY
    assert move(m, replace(b, asking=PowerAction.ON), UNKNOWN).action is PowerAction.ON
