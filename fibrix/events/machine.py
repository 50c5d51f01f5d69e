"""What happened to machines. Each is appended to the journal with the change it tells of."""

from datetime import datetime
from typing import Any, ClassVar

from fibrix.domain.power import PowerState
from fibrix.domain.state import State
from fibrix.events.base import Event
from fibrix.types import BootId, MacAddress, MachineId, RunId


class MachineEvent(Event, frozen=True, kw_only=True):
    """Something about one machine. The controllers publish these; the API and the stream pass them on."""

    machine: MachineId
    name: str

    @property
    def subject(self) -> str:
        """Its path in the API."""
        return f"machines/{self.machine}"


class MachineDiscovered(MachineEvent, frozen=True, kw_only=True):
    """A machine that nobody knew asked for a network boot, and now waits to be accepted."""

    TYPE: ClassVar[str] = "machine.discovered"
    mac: MacAddress
    address: str
    manufacturer: str
    product: str


class MachineAdded(MachineEvent, frozen=True, kw_only=True):
    """Someone made it known by hand."""

    TYPE: ClassVar[str] = "machine.added"
    macs: tuple[MacAddress, ...]


class MachineAccepted(MachineEvent, frozen=True, kw_only=True):
    """Someone accepted it: from now on Fibrix may power it and write to it."""

    TYPE: ClassVar[str] = "machine.accepted"


class MachineUpdated(MachineEvent, frozen=True, kw_only=True):
    """Its name, power settings or hardware changed; `fields` says which."""

    TYPE: ClassVar[str] = "machine.updated"
    fields: tuple[str, ...]


class MachineDeleted(MachineEvent, frozen=True, kw_only=True):
    """Fibrix forgot it."""

    TYPE: ClassVar[str] = "machine.deleted"


class StateChanged(MachineEvent, frozen=True, kw_only=True):
    """It went from one state to another. The type ends in the new state: `machine.failed_testing`."""

    TYPE: ClassVar[str] = "machine.state"
    before: State
    after: State
    trigger: str
    reason: str
    deadline: datetime | None = None

    @property
    def type(self) -> str:
        """One type per state, so that a subscriber can ask for `machine.deployed` alone."""
        return _of_state(self.after)

    @classmethod
    def types(cls) -> tuple[str, ...]:
        """One for each state."""
        return tuple(_of_state(state) for state in State)


class BootProgressed(MachineEvent, frozen=True, kw_only=True):
    """Its boot reached a stage for the first time."""

    TYPE: ClassVar[str] = "machine.boot_progressed"
    boot: BootId
    stage: str
    detail: str


class BootRefused(MachineEvent, frozen=True, kw_only=True):
    """An agent or an installed system came with a token that is not, or no longer, good."""

    TYPE: ClassVar[str] = "machine.boot_refused"
    address: str
    reason: str


class ScriptStarted(MachineEvent, frozen=True, kw_only=True):
    """A machine script began."""

    TYPE: ClassVar[str] = "machine.script_started"
    run: RunId
    script: str
    position: int
    count: int


class ScriptEnded(MachineEvent, frozen=True, kw_only=True):
    """A machine script ended; `status` is a RunStatus's value."""

    TYPE: ClassVar[str] = "machine.script_ended"
    run: RunId
    script: str
    status: str
    exit_status: int | None
    reason: str


class PowerChanged(MachineEvent, frozen=True, kw_only=True):
    """Its power state is another than before, or can no longer be read."""

    TYPE: ClassVar[str] = "machine.power_changed"
    before: PowerState
    after: PowerState
    detail: str


class PowerActed(MachineEvent, frozen=True, kw_only=True):
    """Its power supply accepted an action, or is found to have done it: all that stands for a change by Fibrix."""

    TYPE: ClassVar[str] = "machine.power_acted"
    action: str
    why: str


class PowerAsked(MachineEvent, frozen=True, kw_only=True):
    """Its power is worked by hand: the operator is asked to do this, and to confirm."""

    TYPE: ClassVar[str] = "machine.power_asked"
    action: str


class AddressChanged(MachineEvent, frozen=True, kw_only=True):
    """It leased another address than before."""

    TYPE: ClassVar[str] = "machine.address_changed"
    address: str
    subnet: str


class Reported(MachineEvent, frozen=True, kw_only=True):
    """The installed system reported in for the first time."""

    TYPE: ClassVar[str] = "machine.reported"
    hostname: str
    data: dict[str, Any]


def _of_state(state: State) -> str:
    """The type that tells of a state."""
    return "machine." + state.value.lower().replace(" ", "_")
