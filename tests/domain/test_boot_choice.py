"""What a machine gets that asks for a network boot."""

import pytest
from msgspec.structs import replace

from fibrix.domain.boot_choice import boot_action
from fibrix.domain.machine import Boots, Stage
from fibrix.domain.power import PowerKind
from fibrix.domain.rack import BootAction
from fibrix.domain.state import State
from tests.domain.build import boot, deployment, machine


@pytest.mark.parametrize("state", [State.NEW, State.READY, State.ALLOCATED, State.FAILED_TESTING])
def test_a_machine_at_rest_waits(state: State) -> None:
    assert boot_action(machine(state)) is BootAction.WAIT


@pytest.mark.parametrize("state", [State.DEPLOYED, State.BROKEN])
def test_an_installed_machine_boots_its_disk_even_when_asked_to_boot_from_the_network(state: State) -> None:
    installed = replace(machine(state), deployment=deployment(written=True, reported=True))
    assert boot_action(installed) is BootAction.DISK


def test_the_ephemeral_os_is_given_from_the_moment_of_powering_on_until_the_agent_said_hello() -> None:
    m = machine(State.COMMISSIONING)
    assert boot_action(replace(m, boot=boot(Stage.ASKED))) is BootAction.WAIT
    assert boot_action(replace(m, boot=boot(Stage.POWERING_ON))) is BootAction.EPHEMERAL
    spent = replace(boot(Stage.AGENT), session_hash="1" * 64)
    assert boot_action(replace(m, boot=spent)) is BootAction.WAIT


def test_a_machine_that_we_cannot_power_is_expected_all_the_time() -> None:
    m = replace(machine(State.COMMISSIONING, kind=PowerKind.WOL), boot=boot(Stage.ASKED))
    assert boot_action(m) is BootAction.EPHEMERAL


def test_a_released_machine_boots_the_ephemeral_os_though_a_system_is_installed() -> None:
    m = replace(machine(State.RELEASING), deployment=deployment(written=True, reported=True))
    assert boot_action(replace(m, boot=boot(Stage.POWERED_ON))) is BootAction.EPHEMERAL


def test_what_was_written_is_booted_from_disk_before_it_has_reported() -> None:
    m = replace(machine(State.DEPLOYING), deployment=deployment(written=True))
    assert boot_action(replace(m, boot=boot(Stage.ASKED, boots=Boots.INSTALLED))) is BootAction.DISK
