"""One scan, from its first packet to its report."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from datetime import datetime
from typing import Final

import structlog
from msgspec.structs import replace

from fibrix.bus import Bus
from fibrix.domain.rack import RackSnapshot
from fibrix.domain.scan import ScanKind, ScanOrder, ScanShare, unfit
from fibrix.domain.scan_report import RedfishRoot, ScanEnd, ScanReport, ScanTally
from fibrix.events.scan import RedfishSeen
from fibrix.runtime.cell import Cell
from fibrix.runtime.clock import monotonic_s, utc_now
from fibrix.services.scan.engine import Engine, Heard, Probe
from fibrix.services.scan.link import ScanLink, fault
from fibrix.services.scan.redfish import RedfishProber

log = structlog.get_logger()

_STOPPED: Final = "the scan was cut off: the service stopped"


class Scan:
    """Sends, listens, and goes on without the subnets that cannot be asked any more."""

    def __init__(
        self,
        order: ScanOrder,
        mark: int,
        snapshot: Cell[RackSnapshot],
        bus: Bus,
        *,
        redfish_port: int,
        clock: Callable[[], float] = monotonic_s,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """`mark`: 16 bits that tell its echoes from those of others."""
        self.order = order
        self._unread: Counter[str] = Counter()  # packets that no codec accepts, by subnet
        self._mark = mark
        self._snapshot = snapshot
        self._fitting = snapshot.value  # the last one that was compared with the order
        self._bus = bus
        self._port = redfish_port
        self._clock = clock
        self._now = now
        self._engine = Engine(order, clock())
        self._links: dict[str, ScanLink] = {}
        self._probers: dict[str, RedfishProber] = {}
        self._wake = asyncio.Event()
        self._end: ScanEnd | None = None

    def tallies(self) -> tuple[ScanTally, ...]:
        """How often what was asked and answered."""
        return self._engine.tallies()

    def report(self) -> ScanReport:
        """What it has come to."""
        report = self._engine.report(self._end)
        unread = tuple(f"{subnet}: {count} packets could not be read" for subnet, count in self._unread.items())
        return replace(report, notes=(*report.notes, *unread))

    def cancel(self) -> None:
        """Send nothing more."""
        self._end = ScanEnd.CANCELLED
        self._wake.set()

    async def run(self) -> None:
        """Do it, to its end."""
        try:
            async with AsyncExitStack() as stack:
                for share in self.order.shares:
                    await self._open(share, stack)
                async with asyncio.TaskGroup() as group:
                    with _ended_with_block() as running:
                        await self._go(group, running)
        except asyncio.CancelledError:
            for share in self.order.shares:
                self._engine.give_up(share.subnet, _STOPPED)
            self._end = self._end or ScanEnd.CUT
            raise
        self._end = self._end or ScanEnd.DONE

    def heard(self, subnet: str, answer: Heard) -> None:
        """Take an answer."""
        if self._engine.heard(subnet, answer):
            self._wake.set()

    def deaf(self, subnet: str, reason: str) -> None:
        """A link hears nothing any more."""
        self._lose(subnet, reason)

    def malformed(self, subnet: str, reason: str) -> None:
        """Something came in that no codec accepts."""
        self._unread[subnet] += 1
        log.debug("scan.malformed", subnet=subnet, reason=reason)

    async def _open(self, share: ScanShare, stack: AsyncExitStack) -> None:
        try:
            link = ScanLink(share, self._mark, self)
        except OSError as exc:
            self._lose(share.subnet, fault(share, exc))
            return
        self._links[share.subnet] = link
        stack.callback(link.close)
        if ScanKind.ND in share.kinds and not link.hears_ipv6:
            self._engine.leave_out(share.subnet, ScanKind.ND, f"{share.interface} has no IPv6 address")
        if ScanKind.REDFISH in share.kinds:
            prober = RedfishProber(share.interface, self._port)
            self._probers[share.subnet] = await stack.enter_async_context(prober)

    async def _go(self, group: asyncio.TaskGroup, running: set[asyncio.Task[None]]) -> None:
        while self._end is None and (wait_s := self._engine.next_s(self._clock())) is not None:
            self._compare()
            probe = self._engine.due(self._clock())
            if probe is None:
                await self._rest(wait_s)
            elif probe.kind is ScanKind.REDFISH:
                task = group.create_task(self._ask(probe), name=f"scan.redfish {probe.address}")
                running.add(task)
                task.add_done_callback(running.discard)
            else:
                self._send(probe)

    async def _rest(self, wait_s: float) -> None:
        """Until something is due, or an answer leads to something."""
        self._wake.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._wake.wait()

    def _send(self, probe: Probe) -> None:
        link = self._links[probe.subnet]
        try:
            link.send(probe)
        except OSError as exc:
            self._lose(probe.subnet, fault(link.share, exc))

    async def _ask(self, probe: Probe) -> None:
        root = None
        try:
            root = await self._probers[probe.subnet].ask(str(probe.address))
        finally:
            self._engine.answered(probe, root)
            self._wake.set()
        if root is not None:
            self._tell(probe, root)

    def _tell(self, probe: Probe, root: RedfishRoot) -> None:
        self._bus.publish(
            RedfishSeen(
                at=self._now(),
                address=str(probe.address),
                mac=probe.mac,
                interface=self._links[probe.subnet].share.interface,
                subnet=probe.subnet,
                version=root.version,
                name=root.name,
                uuid=root.uuid,
                vendor=root.vendor,
                product=root.product,
            )
        )

    def _compare(self) -> None:
        """Where the subnets were changed meanwhile, stop what no longer fits."""
        snapshot = self._snapshot.value
        if snapshot is not self._fitting:
            self._fitting = snapshot
            for share in self.order.shares:
                if reason := unfit(share, snapshot.subnets):
                    self._lose(share.subnet, reason)

    def _lose(self, subnet: str, reason: str) -> None:
        self._engine.give_up(subnet, reason)
        if (link := self._links.get(subnet)) is not None:
            link.close()
        self._wake.set()
        log.warning("scan.subnet_given_up", operation=self.order.id, subnet=subnet, reason=reason)


@contextmanager
def _ended_with_block() -> Iterator[set[asyncio.Task[None]]]:
    """Tasks that are cancelled when the block ends: those that are left are of no more use."""
    running: set[asyncio.Task[None]] = set()
    try:
        yield running
    finally:
        for task in running:
            task.cancel()
