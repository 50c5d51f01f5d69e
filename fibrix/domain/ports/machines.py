"""What the API asks of the region about machines."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Protocol

import msgspec

from fibrix.domain.access import Caller
from fibrix.domain.machine import Machine, ScriptRun
from fibrix.domain.operation import Operation
from fibrix.domain.power import BootDevice, PowerAction, PowerReading, PowerSettings, PowerState
from fibrix.domain.trigger import Trigger
from fibrix.types import MachineId, RunId

Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Bytes = Annotated[int, msgspec.Meta(ge=0, le=1 << 62)]
Tags = Annotated[tuple[str, ...], msgspec.Meta(max_length=256)]


class MachineSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A machine that is added by hand. It is accepted from the start."""

    macs: tuple[str, ...]
    name: str = ""  # empty: a two-word name is made
    power: PowerSettings = PowerSettings()
    power_password: str = ""
    zone: str = "default"
    pool: str = "default"
    tags: Tags = ()


class AcceptSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator says when accepting a discovered machine; what is left out stays as it is."""

    name: str = ""
    power: PowerSettings | None = None
    power_password: str | None = None


class MachineChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of a machine can be edited; what is left out stays as it is."""

    name: str | None = None
    macs: tuple[str, ...] | None = None
    power: PowerSettings | None = None
    power_password: str | None = None
    zone: str | None = None
    pool: str | None = None
    tags: Tags | None = None  # all its tags from now on


class Wanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A machine that someone asks for: what it must have. What is left out does not matter."""

    name: str = ""
    cores: Count = 0  # logical
    memory_bytes: Bytes = 0
    disk_bytes: Bytes = 0  # of its largest disk
    disks: Count = 0  # how many, those that can be taken out not counted
    tags: Tags = ()  # it must have them all
    zone: str = ""
    pool: str = ""
    tenant: str = ""  # whose it will be: id or name. A tenant's users leave it out; others: empty, the region itself
    reason: str = ""


class AllocateSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For whom one machine is kept, and why."""

    tenant: str = ""  # id or name; empty: the region itself
    reason: str = ""


class TestSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which tests to run with which parameters; empty: the default ones. Destructive ones must be named."""

    __test__ = False

    scripts: tuple[str, ...] = ()
    parameters: dict[str, dict[str, str]] = {}  # script name → parameter → value


class DeploySpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to install."""

    image: str
    disk: str = ""  # kernel name; empty: the smallest disk that fits
    hostname: str = ""  # empty: the machine's name
    ssh_keys: tuple[str, ...] = ()  # names of stored keys; empty: all of them
    user_data: str = ""


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    """Something seen, or awaited."""

    what: str
    at: datetime | None = None  # when it was seen, or when it is given up


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """Why a machine is where it is."""

    machine: MachineId
    name: str
    state: str
    since: datetime
    reason: str
    power: PowerState
    power_detail: str
    last_seen: Expectation | None  # of the present boot
    awaited: Expectation | None  # None: nothing is awaited
    history: tuple[Expectation, ...]  # all that this boot showed, oldest first
    next_steps: tuple[str, ...]  # what an operator can do now: names of triggers


class Machines(Protocol):
    """Reading and commanding machines. NotFoundError: no such machine. ConflictError: its state does not allow it.

    Whoever commands a machine has found it by `get` before, in the same step: what a caller does not see cannot be
    commanded. A machine that changes hands between that and the change raises ConflictError.
    """

    def get(self, key: str, caller: Caller) -> Machine:
        """Find by id, name or MAC. Raises NotFoundError, in the same words where it is there but not for the caller."""
        ...

    def all(self, caller: Caller) -> Sequence[Machine]:
        """All machines that the caller sees, oldest first."""
        ...

    def why(self, machine: MachineId, caller: Caller) -> Why:
        """Say why it is where it is, and what the caller can do now. Raises NotFoundError."""
        ...

    async def add(self, spec: MachineSpec) -> Machine:
        """Make one known by hand. Raises InvalidError, ConflictError (name or MAC in use)."""
        ...

    async def accept(self, machine: MachineId, spec: AcceptSpec) -> Machine:
        """Accept a discovered one. Raises NotFoundError, ConflictError, InvalidError."""
        ...

    async def update(self, machine: MachineId, changes: MachineChanges) -> Machine:
        """Edit. Raises NotFoundError, ConflictError, InvalidError."""
        ...

    async def delete(self, machine: MachineId) -> None:
        """Forget it, with its runs. Raises NotFoundError, ConflictError (it is in a passing state or Deployed)."""
        ...

    async def allocate(self, machine: MachineId, spec: AllocateSpec, caller: Caller) -> Machine:
        """Keep this one for a tenant, within its quota. Raises as above, QuotaError, InvalidError (no such tenant)."""
        ...

    async def allocate_one(self, wanted: Wanted, caller: Caller) -> Machine:
        """Keep the smallest that fits for a tenant, within its quota and its pools.

        Raises ConflictError (none fits, and why), QuotaError, InvalidError (no such tenant or pool), ForbiddenError (a
        tenant's user asks for another tenant).
        """
        ...

    async def request(self, machine: MachineId, trigger: Trigger, *, reason: str = "") -> Machine:
        """Ask for a transition (commission, release, abort, mark-broken, …). Raises as above."""
        ...

    async def begin(self, machine: MachineId, trigger: Trigger, *, reason: str = "") -> Operation:
        """Ask for long work that needs no more words (commission, release). Raises as above."""
        ...

    async def test(self, machine: MachineId, spec: TestSpec) -> Operation:
        """Ask for tests. Raises as above, InvalidError for an unknown script or parameter."""
        ...

    async def deploy(self, machine: MachineId, spec: DeploySpec) -> Operation:
        """Ask for an installation. Raises as above, InvalidError for an unknown image, disk or key."""
        ...

    async def power(self, machine: MachineId, action: PowerAction) -> bool:
        """Power it; False: nothing was to do. Raises NotFoundError, ConflictError (not accepted), PowerError."""
        ...

    async def power_status(self, machine: MachineId) -> PowerReading:
        """Ask its BMC now. Raises NotFoundError, PowerError."""
        ...

    async def power_confirm(self, machine: MachineId, state: PowerState) -> Machine:
        """An operator says what a machine with manual power is now. Raises NotFoundError, ConflictError."""
        ...

    async def boot_device(self, machine: MachineId, device: BootDevice) -> None:
        """Choose where it boots from next time. Raises NotFoundError, ConflictError, PowerError."""
        ...

    async def runs(self, machine: MachineId, caller: Caller) -> Sequence[ScriptRun]:
        """Script runs of a machine that the caller sees, newest first. Raises NotFoundError."""
        ...

    async def output(self, machine: MachineId, run: RunId, caller: Caller) -> bytes:
        """What a run printed. Raises NotFoundError, also where the run is there but not for the caller."""
        ...
