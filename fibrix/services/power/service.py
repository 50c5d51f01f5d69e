"""The rack's power service: polls every machine, and carries out commands, one at a time per BMC."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime

import structlog

from fibrix.bus import Bus
from fibrix.config import PowerConfig
from fibrix.domain.ports.power import PowerDriver
from fibrix.domain.power import Bmc, BootDevice, PowerAction, PowerKind, PowerReading, PowerState
from fibrix.domain.rack import RackSnapshot
from fibrix.errors import NotFoundError, PowerError
from fibrix.events.rack import PowerRead
from fibrix.runtime.cell import Cell
from fibrix.runtime.clock import monotonic_s, utc_now
from fibrix.runtime.metrics.spread import PATIENT_S, Spreads
from fibrix.services.power.engine import Schedule, needed
from fibrix.types import MachineId

log = structlog.get_logger()


class PowerService:
    """A Service, and the port `domain.ports.power.Power`.

    Every machine is a lane of its own: a lock that a poll takes only when it is free, so that commands wait for no
    more than the poll under way, and no lane waits for another. As many polls run at once as machines are due.
    """

    name = "power"

    def __init__(
        self,
        rack: Cell[RackSnapshot],
        drivers: Mapping[PowerKind, PowerDriver],
        bus: Bus,
        config: PowerConfig,
        *,
        clock: Callable[[], datetime] = utc_now,
        now: Callable[[], float] = monotonic_s,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._rack = rack
        self._drivers = drivers
        self._bus = bus
        self._clock = clock
        self._now = now
        self._chance = chance
        self._config = config
        self.commands: Counter[tuple[str, str, str]] = Counter()  # by kind, command, result: `ok`, `failed`
        self.durations: Spreads[tuple[str, str]] = Spreads(PATIENT_S)  # by kind and command
        self._schedule = self._new_schedule()
        self._lanes: dict[MachineId, asyncio.Lock] = {}
        self._wake = asyncio.Event()

    async def run(self, ready: asyncio.Event) -> None:
        """Poll until cancelled, following the snapshot."""
        self._schedule = self._new_schedule()  # of a run that failed, reads may be left that never end
        self._follow()
        ready.set()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_changes(), name="power snapshot")
            while True:
                self._wake.clear()
                for bmc in self._schedule.due(now=self._now()):
                    group.create_task(self._poll(bmc), name=f"power poll {bmc.machine}")
                await self._until(self._schedule.next_at())

    async def status(self, machine: MachineId) -> PowerReading:
        """Ask the BMC now. Raises PowerError, NotFoundError."""
        async with self._lane(machine):
            return await self._read(self._bmc(machine))

    async def act(self, machine: MachineId, action: PowerAction) -> bool:
        """Read the state, and carry out the action if it changes anything; False: nothing was to do.

        `cycle` of a machine that is off is an error: it is never turned into `on`. A state that cannot be read is
        one too, but for Wake-on-LAN and power by hand (`engine.needed`). Raises PowerError, NotFoundError.
        """
        async with self._lane(machine):
            bmc = self._bmc(machine)
            reading = await self._read(bmc)
            if not needed(bmc.settings.kind, action, reading):
                return False
            with self._counted(bmc, action.value):
                await self._driver(bmc).act(bmc, action)
            log.info("power.sent", machine=machine, action=action.value)
            self._schedule.acted(bmc, now=self._now())
            self._wake.set()
            return True

    async def set_boot_device(self, machine: MachineId, device: BootDevice) -> None:
        """Choose where the machine boots from next time, once. Raises PowerError, NotFoundError."""
        async with self._lane(machine):
            bmc = self._bmc(machine)
            with self._counted(bmc, "boot-device"):
                await self._driver(bmc).set_boot_device(bmc, device)

    def _new_schedule(self) -> Schedule:
        return Schedule(interval_s=self._config.poll_interval_s, dead_interval_s=self._config.dead_interval_s)

    async def _follow_changes(self) -> None:
        while True:
            await self._rack.changed()
            self._follow()
            self._wake.set()

    def _follow(self) -> None:
        bmcs = self._rack.value.bmcs
        self._schedule.follow(bmcs, now=self._now())
        self._lanes = {machine: lane for machine, lane in self._lanes.items() if machine in bmcs or lane.locked()}

    async def _poll(self, bmc: Bmc) -> None:
        lane = self._lanes.setdefault(bmc.machine, asyncio.Lock())
        if lane.locked():  # a command is at it, and reads the state itself
            self._schedule.skipped(bmc, now=self._now())
            self._wake.set()
            return
        async with lane:
            with suppress(PowerError):  # `_read` has published it
                await self._read(bmc)

    async def _read(self, bmc: Bmc) -> PowerReading:
        """Read the state and tell everyone. Raises PowerError."""
        try:
            with self._counted(bmc, "status"):
                reading = await self._driver(bmc).status(bmc)
        except PowerError as exc:
            self._publish(bmc, PowerState.UNKNOWN, str(exc))
            if self._ended(bmc, readable=False):
                log.warning("power.unreadable", machine=bmc.machine, bmc=bmc.settings.address, reason=str(exc))
            raise
        self._publish(bmc, reading.state, reading.detail)
        if self._ended(bmc, readable=True):
            log.info("power.readable", machine=bmc.machine, detail=reading.detail)
        return reading

    @contextmanager
    def _counted(self, bmc: Bmc, command: str) -> Iterator[None]:
        """Count a command by what comes of it, and how long it takes. One that is cancelled is not counted."""
        began_s = self._now()
        try:
            yield
        except PowerError:
            self._count(bmc, command, "failed", began_s)
            raise
        self._count(bmc, command, "ok", began_s)

    def _count(self, bmc: Bmc, command: str, result: str, began_s: float) -> None:
        kind = bmc.settings.kind.value
        self.commands[kind, command, result] += 1
        self.durations.add((kind, command), self._now() - began_s)

    def _publish(self, bmc: Bmc, state: PowerState, detail: str) -> None:
        if self._rack.value.bmcs.get(bmc.machine) == bmc:  # else it speaks of a BMC that the machine has no more
            self._bus.publish(PowerRead(at=self._clock(), machine=bmc.machine, state=state, detail=detail))

    def _ended(self, bmc: Bmc, *, readable: bool) -> bool:
        self._wake.set()
        return self._schedule.ended(bmc, readable=readable, now=self._now(), chance=self._chance())

    def _lane(self, machine: MachineId) -> asyncio.Lock:
        self._bmc(machine)
        return self._lanes.setdefault(machine, asyncio.Lock())

    def _bmc(self, machine: MachineId) -> Bmc:
        try:
            return self._rack.value.bmcs[machine]
        except KeyError:
            raise NotFoundError(f"machine {machine} has no power settings") from None

    def _driver(self, bmc: Bmc) -> PowerDriver:
        try:
            return self._drivers[bmc.settings.kind]
        except KeyError:
            raise PowerError(f"there is no driver for power by {bmc.settings.kind.value}") from None

    async def _until(self, at: float | None) -> None:
        """Wait until then, or until something changes."""
        wait_s = None if at is None else max(0.0, at - self._now())
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._wake.wait()
