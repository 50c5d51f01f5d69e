"""Machines in memory: the lifecycle table, and nothing behind it."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from fibrix.domain.lifecycle import offered, step
from fibrix.domain.machine import Boot, Boots, Deployment, Machine, RunStatus, ScriptRun, Sighting, Stage
from fibrix.domain.ports.machines import (
    AcceptSpec,
    DeploySpec,
    Expectation,
    MachineChanges,
    MachineSpec,
    TestSpec,
    Why,
)
from fibrix.domain.power import BootDevice, PowerAction, PowerReading, PowerState
from fibrix.domain.state import State
from fibrix.domain.trigger import Trigger
from fibrix.errors import ConflictError, InvalidError, NotFoundError, PowerError
from fibrix.types import BootId, MachineId, RunId, parse_mac

EPOCH = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class FakeMachines:
    """Does at once what the controller does in minutes, unless a test says otherwise."""

    def __init__(self) -> None:
        self.stored: dict[MachineId, Machine] = {}
        self.outputs: dict[RunId, bytes] = {}
        self.script_runs: list[ScriptRun] = []
        self.passwords: dict[MachineId, str] = {}
        self.booted_from: dict[MachineId, BootDevice] = {}
        self.dead_bmcs: set[MachineId] = set()
        self.changed: Callable[[Machine], None] = lambda machine: None

    def put(self, name: str, state: State = State.READY, **fields: Any) -> Machine:
        """Have a machine, the next younger one."""
        number = len(self.stored) + 1
        made = Machine(
            id=MachineId(f"m{number:09}"),
            name=name,
            state=state,
            since=EPOCH,
            reason="put there by a test",
            macs=(parse_mac(f"52540000{number:04x}"),),
            created_at=EPOCH + timedelta(minutes=number),
            **{"accepted": True} | fields,
        )
        self.stored[made.id] = made
        return made

    def put_run(self, machine: MachineId, output: bytes, **fields: Any) -> ScriptRun:
        """Have a script run that passed."""
        run = ScriptRun(
            id=RunId(f"r{len(self.script_runs) + 1}"),
            machine=machine,
            script="inventory",
            state=State.COMMISSIONING,
            position=1,
            status=RunStatus.PASSED,
            exit_status=0,
            output_bytes=len(output),
            **fields,
        )
        self.script_runs.insert(0, run)
        self.outputs[run.id] = output
        return run

    def change(self, machine: MachineId, **fields: Any) -> Machine:
        """Replace fields, as the controller does in a transaction."""
        known = self.get(machine)
        changed = msgspec.structs.replace(known, revision=known.revision + 1, **fields)
        self.stored[machine] = changed
        self.changed(changed)
        return changed

    def get(self, key: str) -> Machine:
        for machine in self.stored.values():
            if key in {machine.id, machine.name} or key.lower() in machine.macs:
                return machine
        raise NotFoundError(f"there is no machine {key!r}")

    def all(self) -> Sequence[Machine]:
        return list(self.stored.values())

    def why(self, machine: MachineId) -> Why:
        known = self.get(machine)
        return Why(
            machine=known.id,
            name=known.name,
            state=known.state.value,
            since=known.since,
            reason=known.reason,
            power=known.power_state,
            power_detail=known.power_detail,
            last_seen=Expectation(what="DHCPDISCOVER", at=EPOCH),
            awaited=Expectation(what="boot file", at=EPOCH + timedelta(minutes=10)),
            history=(Expectation(what="powered on", at=EPOCH), Expectation(what="DHCPDISCOVER", at=EPOCH)),
            next_steps=offered(known.state),
        )

    async def add(self, spec: MachineSpec) -> Machine:
        macs = tuple(map(parse_mac, spec.macs))
        if not macs:
            raise InvalidError("a machine needs at least one MAC", pointer="/macs")
        if any(spec.name == machine.name for machine in self.stored.values()):
            raise ConflictError(f"the name {spec.name!r} is in use")
        machine = self.put(spec.name or "quiet-heron", State.NEW, power=spec.power)
        self.passwords[machine.id] = spec.power_password
        return self.change(machine.id, macs=macs)

    async def accept(self, machine: MachineId, spec: AcceptSpec) -> Machine:
        known = self.get(machine)
        self.passwords[machine] = spec.power_password or ""
        return self.change(machine, accepted=True, name=spec.name or known.name, power=spec.power or known.power)

    async def update(self, machine: MachineId, changes: MachineChanges) -> Machine:
        known = self.get(machine)
        return self.change(machine, name=changes.name or known.name, power=changes.power or known.power)

    async def delete(self, machine: MachineId) -> None:
        del self.stored[self.get(machine).id]

    async def request(self, machine: MachineId, trigger: Trigger, *, reason: str = "") -> Machine:
        known = self.get(machine)
        edge = step(known.state, trigger)
        return self.change(machine, state=edge.target, reason=reason or f"asked for: {trigger.value}")

    async def test(self, machine: MachineId, spec: TestSpec) -> Machine:
        return await self.request(machine, Trigger.TEST, reason=f"tests: {', '.join(spec.scripts) or 'default'}")

    async def deploy(self, machine: MachineId, spec: DeploySpec) -> Machine:
        deployed = await self.request(machine, Trigger.DEPLOY)
        deployment = Deployment(image=spec.image, sha256="0" * 64, disk=spec.disk, user_data=spec.user_data)
        boot = Boot(
            id=BootId("b1"),
            boots=Boots.EPHEMERAL,
            seen=(Sighting(stage=Stage.AGENT, at=EPOCH),),
            session_hash="5ecre7" * 10,
        )
        return self.change(deployed.id, deployment=deployment, boot=boot)

    async def power(self, machine: MachineId, action: PowerAction) -> bool:
        state = (await self.power_status(machine)).state
        wanted = PowerState.ON if action in {PowerAction.ON, PowerAction.CYCLE} else PowerState.OFF
        if state is wanted and action is not PowerAction.CYCLE:
            return False
        self.change(machine, power_state=wanted)
        return True

    async def power_status(self, machine: MachineId) -> PowerReading:
        if machine in self.dead_bmcs:
            raise PowerError("192.168.1.201:623 did not answer 3 requests")
        return PowerReading(state=self.get(machine).power_state, detail="read by a fake")

    async def power_confirm(self, machine: MachineId, state: PowerState) -> Machine:
        return self.change(machine, power_state=state)

    async def boot_device(self, machine: MachineId, device: BootDevice) -> None:
        self.booted_from[machine] = device

    async def runs(self, machine: MachineId) -> Sequence[ScriptRun]:
        return [run for run in self.script_runs if run.machine == machine]

    async def output(self, machine: MachineId, run: RunId) -> bytes:
        return self.outputs[run]
