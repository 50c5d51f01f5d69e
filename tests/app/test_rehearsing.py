"""The guard between a rehearsed request and the power supplies."""

from datetime import UTC, datetime

import pytest

from fibrix.app.rehearsing import RehearsedManual, RehearsedPower
from fibrix.domain.machine import Machine
from fibrix.domain.power import BootDevice, PowerAction, PowerKind, PowerSettings, PowerState
from fibrix.errors import PowerError
from fibrix.runtime.scope import Rehearsal, Scope, within
from fibrix.types import MachineId, parse_mac
from tests.fakes.power import FakePower

BOX = MachineId("m000000001")


def machine(kind: PowerKind = PowerKind.IPMI, power: PowerState = PowerState.OFF) -> Machine:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    return Machine(
        id=BOX,
        name="box1",
        since=now,
        reason="",
        macs=(parse_mac("525400000001"),),
        power=PowerSettings(kind=kind),
        power_state=power,
        created_at=now,
    )


class Words:
    """Fits `controllers.ports.ManualPower`."""

    def __init__(self) -> None:
        self.heard: list[PowerState] = []

    def confirm(self, machine: MachineId, state: PowerState) -> None:
        self.heard.append(state)


async def test_what_is_meant_is_passed_on() -> None:
    real, words = FakePower(), Words()
    power = RehearsedPower(real, lambda _: machine())
    assert await power.act(BOX, PowerAction.ON)
    await power.set_boot_device(BOX, BootDevice.PXE)
    RehearsedManual(words).confirm(BOX, PowerState.ON)
    assert (real.acted, real.devices, words.heard) == (["on"], [BootDevice.PXE], [PowerState.ON])
    assert (await power.status(BOX)).state is PowerState.ON


async def test_what_is_rehearsed_reaches_nobody() -> None:
    real, words, played = FakePower(), Words(), Rehearsal()
    real.broken = "it is not to be asked"
    power = RehearsedPower(real, lambda _: machine())
    with within(Scope(request="r", rehearsal=played)):
        assert (await power.status(BOX)).state is PowerState.OFF
        assert await power.act(BOX, PowerAction.ON)
        assert not await power.act(BOX, PowerAction.OFF)
        with pytest.raises(PowerError, match="the machine is off"):
            await power.act(BOX, PowerAction.CYCLE)
        await power.set_boot_device(BOX, BootDevice.PXE)
        RehearsedManual(words).confirm(BOX, PowerState.ON)
    assert (real.acted, real.devices, words.heard) == ([], [], [])
    assert [(seen.what, seen.before, seen.after) for seen in played.foreseen] == [
        ("power", "off", "on"),
        ("power", "off", "off"),
        ("boot_device", "", "pxe"),
    ]


@pytest.mark.parametrize(
    ("kind", "words"), [(PowerKind.WOL, "Wake-on-LAN packet"), (PowerKind.MANUAL, "a person is asked to do it: on")]
)
async def test_without_a_bmc_it_is_told_who_does_it(kind: PowerKind, words: str) -> None:
    played = Rehearsal()
    power = RehearsedPower(FakePower(), lambda _: machine(kind, PowerState.UNKNOWN))
    with within(Scope(request="r", rehearsal=played)):
        assert await power.act(BOX, PowerAction.ON)
    assert words in played.foreseen[0].detail
