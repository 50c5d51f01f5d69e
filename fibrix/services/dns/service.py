"""The DNS service: answers for the region's zones on the addresses that the snapshot names, and forwards the rest."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address
from typing import Final

import structlog

from fibrix.domain.dns import DnsSnapshot
from fibrix.runtime.cell import Cell
from fibrix.runtime.clock import monotonic_s, utc_now
from fibrix.services.dns.desk import Desk
from fibrix.services.dns.notifier import Notifier
from fibrix.services.dns.settings import DnsSettings
from fibrix.services.dns.tcp import TcpEndpoint
from fibrix.services.dns.udp import UdpEndpoint

log = structlog.get_logger()

_CHECK_S: Final = 2.0  # how often an address that is not there is tried
_SLICE_S: Final = 0.002  # of making zones anew, before others get their turn
_LOOK: Final = 64  # names between two looks at the clock


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """The sockets of one address."""

    udp: UdpEndpoint
    task: asyncio.Task[None]


class DnsService:
    """Answers DNS over UDP and TCP. `closed` says which addresses should be served and are not, and why."""

    name = "dns"

    def __init__(
        self,
        snapshot: Cell[DnsSnapshot],
        settings: DnsSettings,
        clock: Callable[[], float] = monotonic_s,
        wall: Callable[[], datetime] = utc_now,
    ) -> None:
        self.closed: dict[str, str] = {}
        self._snapshot = snapshot
        self._settings = settings
        self._clock = clock
        self._wall = wall
        self._endpoints: dict[str, _Endpoint] = {}
        self._applied: DnsSnapshot | None = None
        self._desk = Desk(snapshot, settings, clock, self._seconds)
        self._notifier = self._new_notifier()

    async def run(self, ready: asyncio.Event) -> None:
        """Serve until cancelled. `ready` once all zones can be asked, and each address was tried."""
        self._applied = None
        self._notifier = self._new_notifier()
        try:
            async with asyncio.TaskGroup() as group:
                await self._keep_up(ready, group)
        finally:
            for address in list(self._endpoints):
                self._close(address)

    @property
    def serving(self) -> tuple[str, ...]:
        """Addresses that are served."""
        return tuple(self._endpoints)

    @property
    def faults(self) -> dict[str, str]:
        """Zones that cannot be served, by name, with the reason."""
        return dict(self._desk.zones.faults)

    @property
    def queries(self) -> Counter[str]:
        """Questions by type, as `A`, or `other`; `none`: could not be read; `OPCODE5`: no question."""
        named: Counter[str] = Counter()
        for kind, count in (self._desk.queries + self._kept_counts(0)).items():
            named["other" if kind.startswith("TYPE") else kind] += count  # there are 65,536, and askers choose
        return named

    @property
    def answers(self) -> Counter[str]:
        """Answers by RCODE, as `NOERROR`."""
        return self._desk.answers + self._kept_counts(1)

    @property
    def counts(self) -> Counter[str]:
        """Faults and events by name, as `malformed`, `limited`, `slipped`, `forwarded`, `cache_hits`, `transfers`."""
        own = Counter(notified=self._notifier.sent, notify_answered=self._notifier.answered)
        own["unusable_records"] = sum(zone.unusable for zone in self._desk.zones.ready.values())
        own["answer_hits"] = sum(self._kept_counts(1).values())
        return self._desk.counts + own

    @property
    def remembered(self) -> int:
        """Answers of forwarders that are kept now."""
        return self._desk.forwarder.size

    def _kept_counts(self, which: int) -> Counter[str]:
        total: Counter[str] = Counter()
        for kept in self._desk.kept.values():
            total += kept.count()[which]
        return total

    async def _keep_up(self, ready: asyncio.Event, group: asyncio.TaskGroup) -> None:
        """Follow the snapshot, and the addresses."""
        while True:
            snapshot = self._snapshot.value
            if snapshot is not self._applied:
                await self._apply(snapshot)
                self._notifier.follow(group)
            self._open_and_close(group)
            ready.set()
            if self._snapshot.value is not snapshot:
                continue  # it was replaced while zones were made
            try:
                async with asyncio.timeout(_CHECK_S):
                    await self._snapshot.changed()
            except TimeoutError:
                continue

    async def _apply(self, snapshot: DnsSnapshot) -> None:
        """Bring zones and permissions up to date; zones that can follow their changes do so at once."""
        before, self._applied = self._applied, snapshot
        rules = (snapshot.recursion, snapshot.forwarders, snapshot.listen)
        if before is None or rules != (before.recursion, before.forwarders, before.listen):
            self._desk.follow()
        began = self._clock()
        for step, names in enumerate(self._desk.zones.update(snapshot)):
            self._desk.forget(names)
            if step % _LOOK == 0 and self._clock() - began > _SLICE_S:
                await asyncio.sleep(0)
                began = self._clock()
        for zone, reason in self._desk.zones.faults.items():
            log.warning("dns.zone_unusable", zone=zone, reason=reason)

    def _open_and_close(self, group: asyncio.TaskGroup) -> None:
        wanted = {str(address): address for address in self._snapshot.value.listen}
        for address in self._endpoints.keys() - wanted.keys():
            self._close(address)
            log.info("dns.closed", address=address)
        for address in self.closed.keys() - wanted.keys():
            del self.closed[address]
        for name in sorted(wanted.keys() - self._endpoints.keys()):
            self._open(wanted[name], group)

    def _open(self, address: IPv4Address, group: asyncio.TaskGroup) -> None:
        name, port = str(address), self._settings.port
        try:
            udp = UdpEndpoint(address, port, self._desk, group)
            try:
                tcp = TcpEndpoint(address, port, self._desk, self._settings, group)
            except OSError:
                udp.close()
                raise
        except OSError as exc:
            if self.closed.get(name) != str(exc):
                log.warning("dns.not_serving", address=name, port=port, reason=str(exc), retry_s=_CHECK_S)
            self.closed[name] = str(exc)
            return
        self.closed.pop(name, None)
        task = group.create_task(tcp.run(), name="dns.tcp")
        task.add_done_callback(lambda _: tcp.close())
        self._endpoints[name] = _Endpoint(udp, task)
        log.info("dns.serving", address=name, port=port)

    def _close(self, address: str) -> None:
        endpoint = self._endpoints.pop(address)
        endpoint.task.cancel()
        endpoint.udp.close()

    def _new_notifier(self) -> Notifier:
        return Notifier(self._desk.zones, self._settings, self._seconds, self._source)

    def _source(self) -> str:
        """Where NOTIFY comes from, which secondaries look at: the only address; of several the nearest."""
        return next(iter(self._endpoints)) if len(self._endpoints) == 1 else ""

    def _seconds(self) -> float:
        return self._wall().timestamp()
