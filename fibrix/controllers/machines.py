"""Machines as the API commands them: added, accepted, edited, moved along, powered, forgotten."""

from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec.structs import replace

from fibrix.controllers import operating
from fibrix.controllers.allocate import Allocator
from fibrix.controllers.deploy import Deployer
from fibrix.controllers.hands import same_hands
from fibrix.controllers.lifecycle import Lifecycle
from fibrix.controllers.naming import free_name
from fibrix.controllers.plan import Planner, Wish
from fibrix.controllers.ports import Store, Unit
from fibrix.controllers.powering import Powering
from fibrix.controllers.why import Reasons
from fibrix.domain.access import Caller, Role
from fibrix.domain.edit import check_place, edited
from fibrix.domain.enter import content
from fibrix.domain.lifecycle import OWN, UPCOMING, Content
from fibrix.domain.machine import Machine, ScriptRun
from fibrix.domain.names import check_host_name, check_tags, opaque_id
from fibrix.domain.operation import Operation
from fibrix.domain.ports.machines import (
    AcceptSpec,
    AllocateSpec,
    DeploySpec,
    MachineChanges,
    MachineSpec,
    TestSpec,
    Wanted,
    Why,
)
from fibrix.domain.power import BootDevice, PowerAction, PowerReading, PowerState
from fibrix.domain.power_check import check_power
from fibrix.domain.state import PASSING
from fibrix.domain.trigger import Trigger
from fibrix.errors import ConflictError, InvalidError, NotFoundError
from fibrix.events.machine import MachineAccepted, MachineAdded, MachineDeleted, MachineUpdated
from fibrix.types import MachineId, RunId, parse_mac


class MachineController:
    """Fits `domain.ports.machines.Machines`."""

    def __init__(  # noqa: PLR0913 - collaborators, by keyword
        self,
        *,
        store: Store,
        lifecycle: Lifecycle,
        planner: Planner,
        allocator: Allocator,
        deployer: Deployer,
        powering: Powering,
        reasons: Reasons,
        refresh: Callable[[], None],
        now: Callable[[], datetime],
        draw: Callable[[int], int],
    ) -> None:
        self._store = store
        self._lifecycle = lifecycle
        self._planner = planner
        self._allocator = allocator
        self._deployer = deployer
        self._powering = powering
        self._reasons = reasons
        self._refresh = refresh
        self._now = now
        self._draw = draw

    def get(self, key: str, caller: Caller) -> Machine:
        """Find by id, name or MAC. Raises NotFoundError, in the same words where it is there but not for the caller."""
        found = self._store.find(key)
        if not caller.sees(found.tenant):
            raise NotFoundError(f"there is no machine {key!r}")
        return found

    def all(self, caller: Caller) -> Sequence[Machine]:
        """All machines that the caller sees, oldest first."""
        machines = self._store.machines()
        return [m for m in machines if caller.sees(m.tenant)] if caller.role is Role.TENANT else machines

    def why(self, machine: MachineId, caller: Caller) -> Why:
        """Say why it is where it is, and what the caller can do now. Raises NotFoundError."""
        return self._reasons.why(machine, caller)

    async def add(self, spec: MachineSpec, *, uefi: bool = False, reason: str = "it was added by hand") -> Machine:
        """Make one known by hand; it counts as accepted. Raises InvalidError, ConflictError.

        `uefi` is its firmware as far as it is known; it is corrected when the machine boots.
        """
        if not spec.macs:
            raise InvalidError("a machine needs at least one MAC: it is known by it on the wire", pointer="/macs")
        check_place(spec)
        check_power(spec.power, spec.power_password)
        now = self._now()
        machine = Machine(
            id=MachineId(opaque_id("m", self._draw)),
            name=check_host_name(spec.name) if spec.name else free_name(self._store, self._draw),
            since=now,
            reason=reason,
            accepted=True,
            macs=tuple(dict.fromkeys(parse_mac(m) for m in spec.macs)),
            uefi=uefi,
            power=spec.power,
            zone=spec.zone,
            pool=spec.pool,
            tags=check_tags(spec.tags),
            created_at=now,
        )

        def work(unit: Unit) -> None:
            unit.insert(machine)
            unit.seal_password(machine.id, spec.power_password)
            unit.append(MachineAdded(at=now, machine=machine.id, name=machine.name, macs=machine.macs))

        await self._store.change(work)
        self._refresh()
        return machine

    async def accept(self, machine: MachineId, spec: AcceptSpec) -> Machine:
        """Accept a discovered one. Raises NotFoundError, ConflictError, InvalidError."""
        if spec.power is not None:
            check_power(spec.power, spec.power_password or "")
        if spec.name:
            check_host_name(spec.name)

        def work(unit: Unit) -> Machine:
            before = unit.machine(machine)
            if before.accepted:
                raise ConflictError(f"{before.name} is accepted already; edit it instead")
            after = replace(
                before,
                accepted=True,
                name=spec.name or before.name,
                power=spec.power or before.power,
                reason="it was accepted",
            )
            unit.update(after)
            if spec.power_password is not None:
                unit.seal_password(machine, spec.power_password)
            unit.append(MachineAccepted(at=self._now(), machine=machine, name=after.name))
            return after

        after = await self._store.change(work)
        self._refresh()
        return after

    async def update(self, machine: MachineId, changes: MachineChanges) -> Machine:
        """Edit. Raises NotFoundError, ConflictError, InvalidError."""
        if changes.name is not None:
            check_host_name(changes.name)
        if changes.macs is not None and not changes.macs:
            raise InvalidError("a machine needs at least one MAC", pointer="/macs")
        check_place(changes)

        def work(unit: Unit) -> Machine:
            before = unit.machine(machine)
            after, fields = edited(before, changes)
            if changes.power is not None:
                check_power(changes.power, changes.power_password or self._store.password(machine))
            unit.update(after)
            if changes.power_password is not None:
                unit.seal_password(machine, changes.power_password)
            unit.append(MachineUpdated(at=self._now(), machine=machine, name=after.name, fields=fields))
            return after

        after = await self._store.change(work)
        self._refresh()
        return after

    async def delete(self, machine: MachineId) -> None:
        """Forget it. Raises NotFoundError, ConflictError (it is at work, or holds a customer's system)."""

        def work(unit: Unit) -> None:
            before = unit.machine(machine)
            if before.state in PASSING:
                raise ConflictError(f"{before.name} is {before.state.value}: abort that first")
            if content(before) is not Content.BLANK:
                raise ConflictError(f"{before.name} holds a customer's system: release it first")
            if before.tenant:
                raise ConflictError(f"{before.name} is a tenant's: release it first")
            operating.forget(unit, before, self._now())
            unit.delete(machine)
            unit.append(MachineDeleted(at=self._now(), machine=machine, name=before.name))

        await self._store.change(work)
        self._refresh()

    async def allocate(self, machine: MachineId, spec: AllocateSpec, caller: Caller) -> Machine:
        """Keep it for a tenant. Raises NotFoundError, ConflictError, QuotaError, InvalidError."""
        return await self._allocator.this_one(machine, spec, caller)

    async def allocate_one(self, wanted: Wanted, caller: Caller) -> Machine:
        """Keep the smallest that fits. Raises ConflictError, QuotaError, InvalidError, ForbiddenError."""
        return await self._allocator.smallest(wanted, caller)

    async def request(self, machine: MachineId, trigger: Trigger, *, reason: str = "") -> Machine:
        """Ask for a transition. Raises NotFoundError, ConflictError, InvalidError."""
        if trigger in OWN:
            raise InvalidError(f"{trigger.value} comes to pass by itself; it cannot be asked for")
        if trigger in UPCOMING:
            raise ConflictError(f"{trigger.value} is not offered by this version")
        if trigger in {Trigger.DEPLOY, Trigger.ALLOCATE}:
            raise InvalidError(f"{trigger.value} takes more than a reason: it has a call of its own")
        words = reason or f"somebody asked to {trigger.value}"
        return await self._lifecycle.fire(machine, trigger, words, first=same_hands(self._accepted(machine)))

    async def begin(self, machine: MachineId, trigger: Trigger, *, reason: str = "") -> Operation:
        """Ask for long work that needs no more words (commission, release). Raises NotFoundError, ConflictError."""
        words = reason or f"somebody asked to {trigger.value}"
        return await self._lifecycle.begin(machine, trigger, words, first=same_hands(self._accepted(machine)))

    async def test(self, machine: MachineId, spec: TestSpec) -> Operation:
        """Ask for tests. Raises NotFoundError, ConflictError, InvalidError for an unknown script or parameter."""
        self._accepted(machine)
        wish = Wish(scripts=spec.scripts, parameters=spec.parameters)
        try:
            self._planner.check(wish, "test")
        except NotFoundError as exc:
            raise InvalidError(str(exc), pointer="/scripts") from exc
        return await self._lifecycle.begin(machine, Trigger.TEST, "somebody asked to test", wish=wish)

    async def deploy(self, machine: MachineId, spec: DeploySpec) -> Operation:
        """Ask for an installation. Raises NotFoundError, ConflictError, InvalidError."""
        return await self._deployer.deploy(self._accepted(machine), spec)

    async def power(self, machine: MachineId, action: PowerAction) -> bool:
        """Power it; False: nothing was to do. Raises NotFoundError, ConflictError, PowerError."""
        return await self._powering.power(self._accepted(machine), action)

    async def power_status(self, machine: MachineId) -> PowerReading:
        """Ask its BMC now. Raises NotFoundError, ConflictError, PowerError."""
        return await self._powering.status(self._accepted(machine))

    async def power_confirm(self, machine: MachineId, state: PowerState) -> Machine:
        """Take an operator's word for a machine with manual power. Raises NotFoundError, ConflictError."""
        return await self._powering.confirm(self._accepted(machine), state)

    async def boot_device(self, machine: MachineId, device: BootDevice) -> None:
        """Choose where it boots from next time. Raises NotFoundError, ConflictError, PowerError."""
        await self._powering.boot_device(self._accepted(machine), device)

    async def runs(self, machine: MachineId, caller: Caller) -> Sequence[ScriptRun]:
        """Script runs of a machine that the caller sees, newest first. Raises NotFoundError."""
        self._store.machine(machine)
        return [run for run in reversed(await self._store.runs(machine)) if caller.sees(run.tenant)]

    async def output(self, machine: MachineId, run: RunId, caller: Caller) -> bytes:
        """What a run printed. Raises NotFoundError, also where the run is there but not for the caller."""
        if run not in {r.id for r in await self.runs(machine, caller)}:
            raise NotFoundError(f"this machine has no run {run}")
        return await self._store.output(run)

    def _accepted(self, machine: MachineId) -> Machine:
        found = self._store.machine(machine)
        if not found.accepted:
            raise ConflictError(f"{found.name} is not accepted yet: nothing is done to it before that")
        return found
