"""What an agent is to do next."""

from collections.abc import Callable
from datetime import datetime
from ipaddress import IPv4Address

from msgspec.structs import replace

from fibrix.controllers.lifecycle import Lifecycle
from fibrix.controllers.plan import IMAGE_URL, METADATA_URL
from fibrix.controllers.ports import Keys, Store, Unit
from fibrix.domain.machine import Boots, Machine, RunStatus, ScriptRun, Stage
from fibrix.domain.network import Subnet
from fibrix.domain.ports.agents import Order
from fibrix.domain.ports.scripts import Scripts
from fibrix.domain.power import PowerKind
from fibrix.domain.progress import is_driven, reach
from fibrix.domain.state import PASSING
from fibrix.domain.verdict import ENDED, present
from fibrix.events.machine import MachineEvent, ScriptStarted
from fibrix.types import RunId


class Orders:
    """Turns the stored plan of a machine into the order that its agent gets."""

    def __init__(  # noqa: PLR0913 - collaborators, by keyword
        self,
        *,
        store: Store,
        lifecycle: Lifecycle,
        scripts: Scripts,
        keys: Keys,
        subnets: Callable[[], tuple[Subnet, ...]],
        http_port: int,
        machines_port: int,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._lifecycle = lifecycle
        self._scripts = scripts
        self._keys = keys
        self._subnets = subnets
        self._http_port = http_port
        self._machines_port = machines_port
        self._now = now

    async def next(self, machine: Machine) -> Order:
        """Give the order of the moment; `wait` while there is none."""
        boot = machine.boot
        if machine.state not in PASSING or boot is None or boot.wind_down:
            return Order(kind="power-off")
        if boot.boots is Boots.INSTALLED:
            return await self._hand_over(machine)
        runs = present(machine.state, await self._store.runs(machine.id))
        for run in runs:
            if run.status not in ENDED:
                return await self._start(machine, run, len(runs))
        return Order(kind="wait")

    async def _hand_over(self, machine: Machine) -> Order:
        """Make way for the installed system: off and on again where we work the power, else by restarting itself."""
        if machine.power.kind is PowerKind.IPMI:
            return Order(kind="power-off")

        def restarted(m: Machine) -> tuple[Machine, list[MachineEvent]]:
            if m.boot is None or not is_driven(m.boot):
                return m, []
            return replace(m, boot=reach(m.boot, Stage.POWERED_ON, self._now(), "the agent restarts it")), []

        await self._lifecycle.change(machine.id, restarted)
        return Order(kind="reboot")

    async def _start(self, machine: Machine, run: ScriptRun, count: int) -> Order:
        if run.status is RunStatus.PENDING:
            await self._store.change(lambda unit: self._mark_started(unit, machine, run, count))
        info = self._scripts.info(run.script)
        return Order(
            kind="run",
            run=run.id,
            script=run.script,
            url=f"scripts/{run.script}",
            sha256=info.sha256,
            timeout_s=run.timeout_s,
            parameters={k: self._fill_in(v, machine) for k, v in run.parameters.items()},
            offset=run.output_bytes,
        )

    def _mark_started(self, unit: Unit, machine: Machine, run: ScriptRun, count: int) -> None:
        now = self._now()
        unit.update_run(replace(run, status=RunStatus.RUNNING, started_at=now))
        newest = unit.machine(machine.id)
        if newest.boot and newest.boot.stage is not Stage.SCRIPTS:
            unit.update(replace(newest, boot=reach(newest.boot, Stage.SCRIPTS, now, run.script)))
        unit.append(
            ScriptStarted(
                at=now,
                machine=machine.id,
                name=machine.name,
                run=RunId(run.id),
                script=run.script,
                position=run.position,
                count=count,
            )
        )

    def _fill_in(self, value: str, machine: Machine) -> str:
        deployment = machine.deployment
        if deployment is None or value not in (IMAGE_URL, METADATA_URL):
            return value
        address = self._rack_address(machine)
        if value == IMAGE_URL:
            return f"http://{address}:{self._http_port}/images/{deployment.file}"
        secret = self._keys.derive(f"instance/{deployment.instance}")
        return f"http://{address}:{self._machines_port}/metadata/v1/{secret}/"

    def _rack_address(self, machine: Machine) -> IPv4Address:
        """Where this machine reaches the rack: its address on the subnet that the machine is in."""
        subnets = self._subnets()
        for subnet in subnets:
            if machine.address and IPv4Address(machine.address) in subnet.network:
                return subnet.address
        return subnets[0].address
