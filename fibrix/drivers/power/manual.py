"""Power by hand: a person is asked to press the button, and tells when it is done."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from fibrix.bus import Bus
from fibrix.domain.power import Bmc, BootDevice, PowerAction, PowerReading, PowerState
from fibrix.events.rack import PowerChangeAsked
from fibrix.runtime.clock import utc_now
from fibrix.types import MachineId


@dataclass(frozen=True, slots=True)
class _Confirmed:
    state: PowerState
    at: datetime


class ManualDriver:
    """A PowerDriver whose wire is a person. What it was told lives in memory: at start `confirm` what is stored."""

    def __init__(self, bus: Bus, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._bus = bus
        self._clock = clock
        self._confirmed: dict[MachineId, _Confirmed] = {}
        self._asked: dict[MachineId, PowerAction] = {}

    def confirm(self, machine: MachineId, state: PowerState) -> None:
        """A person says what the machine is now; whatever was asked of them is settled."""
        self._confirmed[machine] = _Confirmed(state, self._clock())
        self._asked.pop(machine, None)

    async def status(self, bmc: Bmc) -> PowerReading:
        """Tell what was confirmed last, and what is asked since. Never raises."""
        asked = self._asked.get(bmc.machine)
        wish = f"; {asked.value} is asked of the operator" if asked else ""
        known = self._confirmed.get(bmc.machine)
        if known is None:
            return PowerReading(state=PowerState.UNKNOWN, detail=f"never confirmed by the operator{wish}")
        at = known.at.isoformat(sep=" ", timespec="seconds")
        return PowerReading(state=known.state, detail=f"{known.state.value}, confirmed by the operator at {at}{wish}")

    async def act(self, bmc: Bmc, action: PowerAction) -> None:
        """Ask the operator by a PowerChangeAsked event. Never raises."""
        self._asked[bmc.machine] = action
        self._bus.publish(PowerChangeAsked(at=self._clock(), machine=bmc.machine, wanted=action.value))

    async def set_boot_device(self, bmc: Bmc, device: BootDevice) -> None:
        """Do nothing: the boot order is set in the machine's firmware."""
