"""Active scans: begun when somebody asks or by schedule, followed to their end, kept as operations."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from msgspec.structs import replace

from fibrix.bus import Bus, Subscription
from fibrix.controllers import operating
from fibrix.controllers.ports import Store, Unit
from fibrix.domain.names import opaque_id
from fibrix.domain.network import Subnet
from fibrix.domain.operation import SCAN, Asked, Operation, OperationState, ended
from fibrix.domain.ports.scan import Scanner
from fibrix.domain.scan import ScanKind, ScanOrder, ScanShare, ScanSpec, cost, shares_of
from fibrix.domain.scan_foresee import foresee_scan
from fibrix.domain.scan_report import ScanEnd, ScanRecord, ScanReport
from fibrix.errors import ConflictError, FibrixError, InvalidError, NotFoundError
from fibrix.events.scan import ScanEnded, ScanFinished, ScanStarted
from fibrix.runtime.scope import rehearsal, scope
from fibrix.types import OperationId

log = structlog.get_logger()

LISTED: Final = 20
"""Of so many scans, the newest, it is kept which hosts answered; of others only how many."""

_LOOK_S: Final = 2.0  # how often it is looked whether one is due
_LOST: Final = "the controller was restarted while it ran"
_STATES: Final = {
    ScanEnd.DONE: OperationState.SUCCEEDED,
    ScanEnd.CUT: OperationState.FAILED,
    ScanEnd.CANCELLED: OperationState.CANCELLED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When subnets are scanned without anybody asking."""

    interval_s: int = 0  # 0: never
    kinds: tuple[ScanKind, ...] = tuple(ScanKind)
    rate: int = 100  # packets a second
    subnets: tuple[str, ...] = ()  # empty: all


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where may be scanned."""

    subnets: Callable[[], Sequence[Subnet]]
    roles: Mapping[str, str]  # of interfaces, by name


class NoScanner:
    """Fits `domain.ports.scan.Scanner` where there is no rack."""

    async def begin(self, order: ScanOrder) -> None:
        """Refuse it. Raises ConflictError."""
        raise ConflictError(f"there is no rack here that could do the scan {order.id}")

    async def cancel(self, scan: OperationId) -> None:
        """Do nothing."""

    def progress(self, scan: OperationId) -> ScanReport | None:  # noqa: ARG002 - the protocol's
        """None runs."""
        return None


class ScanController:
    """Fits `domain.ports.scan.Scans`. The service hears from the rack what came of scans, and begins those due."""

    name = "scans"

    def __init__(
        self,
        store: Store,
        bus: Bus,
        places: Places,
        schedule: Schedule,
        now: Callable[[], datetime],
        draw: Callable[[int], int],
    ) -> None:
        self.scanner: Scanner = NoScanner()
        self._store = store
        self._bus = bus
        self._places = places
        self._schedule = schedule
        self._now = now
        self._draw = draw
        self._kept = store.of(Operation)
        self._turn = asyncio.Lock()  # between the look at what runs and what begins
        self._refused: dict[str, str] = {}  # why subnets are not scanned by schedule, as it was logged

    async def run(self, ready: asyncio.Event) -> None:
        """Serve until cancelled."""
        with self._bus.subscribe(ScanFinished, name=self.name) as facts:
            await self._end_lost(facts)
            ready.set()
            while True:
                events = []
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_S):
                        events = await facts.batch()
                for event in events:
                    if isinstance(event, ScanFinished):
                        await self._finished(event)
                if facts.lagged or not events:
                    await self._end_lost(facts)
                    await self.begin_due()

    async def begin(self, spec: ScanSpec) -> Operation:
        """Begin one; where it is only rehearsed, say what would be sent. Raises InvalidError, ConflictError."""
        return await self._begin(spec, scheduled=False)

    def report(self, operation: str) -> ScanReport:
        """What a scan found, or has found so far. Raises NotFoundError."""
        found = self._kept.get(operation)
        if found.scan is None:
            raise NotFoundError(f"operation {operation!r} is no scan")
        return (self.scanner.progress(found.id) if found.running else None) or found.scan.report

    async def cancel(self, scan: OperationId, reason: str) -> None:
        """End one, with what it has found so far. Raises ConflictError: it has ended already."""
        report = replace(self.scanner.progress(scan) or ScanReport(), end=ScanEnd.CANCELLED)

        def work(unit: Unit) -> None:
            running = unit.of(Operation).read(scan)
            if not running.running:
                words = f"operation {scan} has ended already ({running.state.value}): nothing is to cancel"
                raise ConflictError(words)
            self._end(unit, running, report, f"{reason}; {report.words()}")

        await self._store.change(work)
        if rehearsal() is None:
            await self.scanner.cancel(scan)

    async def _begin(self, spec: ScanSpec, *, scheduled: bool) -> Operation:
        shares = shares_of(spec, self._places.subnets(), self._places.roles)
        async with self._turn:
            self._refuse_busy(shares)
            begun = self._operation(shares, spec.rate, scheduled=scheduled)
            await self._store.change(lambda unit: self._start(unit, begun, shares))
            if rehearsal() is None:
                await self._hand_over(begun, ScanOrder(id=begun.id, shares=shares, rate=spec.rate))
        return begun if rehearsal() is not None else self._kept.get(begun.id)

    async def _hand_over(self, begun: Operation, order: ScanOrder) -> None:
        """Tell the rack. Raises ConflictError, and then the operation has failed."""
        try:
            await self.scanner.begin(order)
        except ConflictError as exc:
            report, words = ScanReport(end=ScanEnd.CUT, faults=(str(exc),)), str(exc)
            await self._store.change(lambda unit: self._end(unit, begun, report, words))
            raise

    def _refuse_busy(self, shares: Sequence[ScanShare]) -> None:
        busy = {name: one.id for one in self._kept.all() if one.running and one.scan for name in one.scan.subnets}
        for share in shares:
            if share.subnet in busy:
                words = f"subnet {share.subnet!r} is being scanned: wait for the end of that, or cancel it"
                raise ConflictError(f"{words} (operation {busy[share.subnet]})")

    def _operation(self, shares: Sequence[ScanShare], rate: int, *, scheduled: bool) -> Operation:
        asked = Asked() if scheduled else operating.asked_by(scope())
        price = cost(shares, rate)
        count = sum(share.count for share in shares)
        record = ScanRecord(
            subnets=tuple(share.subnet for share in shares),
            kinds=tuple(kind for kind in ScanKind if any(kind in share.kinds for share in shares)),
            rate=rate,
            packets=price.packets,
            scheduled=scheduled,
        )
        return Operation(
            id=OperationId(opaque_id("o", self._draw)),
            kind=SCAN,
            user=asked.user,
            request=asked.request,
            detail=f"{count} addresses, {price.packets} packets at most: {price.most_s:.0f} s at most",
            created_at=self._now(),
            scan=record,
        )

    def _start(self, unit: Unit, begun: Operation, shares: Sequence[ScanShare]) -> None:
        record = begun.scan
        if record is None:
            return
        operating.begin(unit, begun, self._now())
        unit.append(
            ScanStarted(
                at=self._now(),
                operation=begun.id,
                subnets=record.subnets,
                kinds=tuple(kind.value for kind in record.kinds),
                packets=record.packets,
                rate=record.rate,
            )
        )
        unit.foresee(lambda: foresee_scan(shares, record.rate))

    async def _finished(self, event: ScanFinished) -> None:
        def work(unit: Unit) -> None:
            found = unit.of(Operation).read(event.operation)
            if found.running:  # else somebody cancelled it
                self._end(unit, found, event.report, event.report.words())

        try:
            await self._store.change(work)
        except FibrixError as exc:  # what runs no longer is looked for again
            log.warning("scan.not_stored", operation=event.operation, reason=str(exc))

    async def _end_lost(self, facts: Subscription) -> None:
        """End what is said to run and does not, unless its end is just being told: the controller was stopped."""
        async with self._turn:
            for found in self._kept.all():
                lost = found.scan is not None and found.running and self.scanner.progress(found.id) is None
                if lost and not facts.queued:
                    report = ScanReport(end=ScanEnd.CUT, faults=(_LOST,))
                    await self._finished(ScanFinished(at=self._now(), operation=found.id, report=report))

    def _end(self, unit: Unit, running: Operation, report: ScanReport, detail: str) -> None:
        if running.scan is None:
            return
        state = _STATES[report.end or ScanEnd.CUT]
        over = ended(running, state, detail, now=self._now())
        operating.store(unit, replace(over, scan=replace(running.scan, report=report)), self._now())
        unit.append(
            ScanEnded(
                at=self._now(),
                operation=running.id,
                subnets=running.scan.subnets,
                state=state.value,
                detail=detail,
                hosts=report.found,
                sent=dict(report.sent()),
                answered=dict(report.answered()),
            )
        )
        self._shorten(unit)

    def _shorten(self, unit: Unit) -> None:
        """Of old scans, forget who answered."""
        told = [one for one in self._kept.all() if one.scan is not None and one.scan.report.hosts]
        for one in sorted(told, key=lambda one: one.created_at, reverse=True)[LISTED - 1 :]:
            if one.scan is not None:
                short = replace(one.scan, report=replace(one.scan.report, hosts=()))
                unit.of(Operation).update(replace(one, scan=short))

    async def begin_due(self) -> None:
        """Scan the subnet that was not scanned for the longest, if that is long enough; one after the other."""
        schedule = self._schedule
        if not schedule.interval_s:
            return
        scans = [one for one in self._kept.all() if one.scan is not None]
        if any(one.running for one in scans):
            return
        since = self._now() - timedelta(seconds=schedule.interval_s)
        lately = {name for one in scans if one.scan and one.created_at > since for name in one.scan.subnets}
        served = [subnet.name for subnet in self._places.subnets()]
        for name in schedule.subnets or served:
            if name not in served:
                self._refuse(name, "no subnet of this name is served")
            elif name not in lately and await self._begin_scheduled(name):
                return

    async def _begin_scheduled(self, subnet: str) -> bool:
        spec = ScanSpec(targets=(subnet,), kinds=self._schedule.kinds, rate=self._schedule.rate)
        try:
            await self._begin(spec, scheduled=True)
        except (InvalidError, ConflictError) as exc:
            self._refuse(subnet, str(exc))
            return False
        self._refused.pop(subnet, None)
        return True

    def _refuse(self, subnet: str, reason: str) -> None:
        """Tell why a subnet is not scanned by schedule, once."""
        if self._refused.get(subnet) != reason:
            log.warning("scan.not_scheduled", subnet=subnet, reason=reason)
        self._refused[subnet] = reason
