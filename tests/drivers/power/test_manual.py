from datetime import UTC, datetime

from fibrix.bus import Bus
from fibrix.domain.power import Bmc, BootDevice, PowerAction, PowerSettings, PowerState
from fibrix.drivers.power.manual import ManualDriver
from fibrix.events.rack import PowerChangeAsked
from fibrix.types import MachineId

MACHINE = MachineId("m000000001")
BMC = Bmc(machine=MACHINE, settings=PowerSettings())
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def driver(bus: Bus) -> ManualDriver:
    return ManualDriver(bus, clock=lambda: NOON)


async def test_a_state_that_nobody_confirmed_is_unknown() -> None:
    reading = await driver(Bus()).status(BMC)
    assert reading.state is PowerState.UNKNOWN
    assert reading.detail == "never confirmed by the operator"


async def test_the_operator_is_asked_and_the_state_changes_only_when_they_confirm() -> None:
    bus = Bus()
    manual = driver(bus)
    with bus.subscribe(PowerChangeAsked) as asked:
        await manual.act(BMC, PowerAction.ON)
        assert [event for event in await asked.batch() if isinstance(event, PowerChangeAsked)] == [
            PowerChangeAsked(at=NOON, machine=MACHINE, wanted="on")
        ]
    assert (await manual.status(BMC)).detail == "never confirmed by the operator; on is asked of the operator"
    manual.confirm(MACHINE, PowerState.ON)
    reading = await manual.status(BMC)
    assert reading.state is PowerState.ON
    assert reading.detail == "on, confirmed by the operator at 2026-07-01 12:00:00+00:00"


async def test_a_boot_device_is_nothing_that_can_be_set() -> None:
    await driver(Bus()).set_boot_device(BMC, BootDevice.PXE)
