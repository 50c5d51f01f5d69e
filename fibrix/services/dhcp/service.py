"""The DHCPv4 service: hears and answers on the served interfaces; a binding is durable before its ACK leaves."""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from fibrix.bus import Bus
from fibrix.domain.lease import BindingState, Leases
from fibrix.domain.ports.bindings import Bindings
from fibrix.domain.rack import RackSnapshot
from fibrix.errors import MalformedPacketError, StoreError
from fibrix.runtime.cell import Cell
from fibrix.runtime.clock import utc_now
from fibrix.services.dhcp.endpoint import Endpoint, Ports
from fibrix.services.dhcp.engine import Engine, Outcome, Verdict
from fibrix.services.dhcp.query import Arrival

log = structlog.get_logger()

_CHECK_S: Final = 2.0  # how often an interface that is not there is tried, and one that is there is looked at
_INBOX: Final = 2_000  # datagrams that wait to be decided about; more are dropped: clients ask again
_UNSTORED: Final = 2_000  # outcomes that wait for the disk; while there are more, datagrams are dropped
_TURN: Final = 100  # datagrams decided about before others get their turn

_SENT: Final = {
    Verdict.OFFERED: "offer",
    Verdict.ACKNOWLEDGED: "ack",
    Verdict.INFORMED: "ack",
    Verdict.REFUSED: "nak",
}
_LEVELS: Final = {
    Verdict.OFFERED: logging.DEBUG,
    Verdict.IGNORED: logging.DEBUG,
    Verdict.EXHAUSTED: logging.WARNING,
    Verdict.DECLINED: logging.WARNING,
}


@dataclass(frozen=True, slots=True)
class DhcpSettings:
    """What the service needs of the configuration."""

    http_port: int  # of the HTTP boot service, for boot URLs
    server_port: int = 67
    client_port: int = 68
    offer_s: int = 30  # an offered address is held this long
    decline_s: int = 600  # a declined address is not given out for this long


@dataclass(frozen=True, slots=True)
class _Job:
    """A datagram, or what it led to, on its way through the service."""

    endpoint: Endpoint
    datagram: bytes
    arrival: Arrival


class DhcpService:
    """Answers DHCPv4 on every interface that has a served subnet. `counts` counts verdicts and faults by name.

    `received` and `sent` count messages by their type (RFC 2132 §9.6), as `discover`.
    """

    name = "dhcp"

    def __init__(
        self,
        snapshot: Cell[RackSnapshot],
        bindings: Bindings,
        bus: Bus,
        settings: DhcpSettings,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.received: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self.closed: dict[str, str] = {}  # interfaces that should be served and are not, with the reason
        self._snapshot = snapshot
        self._bindings = bindings
        self._bus = bus
        self._settings = settings
        self._clock = clock
        self._leases: Leases | None = None
        self._endpoints: dict[str, Endpoint] = {}
        self._inbox: deque[_Job] = deque()
        self._unstored: deque[tuple[Endpoint, Outcome]] = deque()
        self._arrived = asyncio.Event()
        self._decided = asyncio.Event()

    async def run(self, ready: asyncio.Event) -> None:
        """Serve until cancelled. `ready` once each interface was tried; StoreError when the bindings cannot be read."""
        settings = self._settings
        leases = Leases(await self._bindings.all(), offer_s=settings.offer_s, decline_s=settings.decline_s)
        engine = Engine(leases, http_port=settings.http_port)
        self._leases = leases
        self._inbox.clear()
        self._unstored.clear()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._decide_all(engine), name="dhcp.decide")
                group.create_task(self._store_all(), name="dhcp.store")
                await self._keep_open(ready)
        finally:
            for interface in list(self._endpoints):
                self._close(interface)

    @property
    def queued(self) -> int:
        """Datagrams that wait for a decision, or for the disk."""
        return len(self._inbox) + len(self._unstored)

    @property
    def serving(self) -> tuple[str, ...]:
        """Interfaces that are served."""
        return tuple(self._endpoints)

    def in_use(self) -> Counter[tuple[str, BindingState]]:
        """Count the addresses that are bound or rest, by subnet and state; nothing before the first start."""
        return Counter() if self._leases is None else self._leases.in_use(self._clock())

    async def _keep_open(self, ready: asyncio.Event) -> None:
        """Open and close sockets as the snapshot and the interfaces change."""
        while True:
            served = {s.interface for s in self._snapshot.value.subnets if s.boots}
            self._close_unfit(served)
            for interface in sorted(served - self._endpoints.keys()):
                self._open(interface)
            ready.set()
            try:
                async with asyncio.timeout(_CHECK_S):
                    await self._snapshot.changed()
            except TimeoutError:
                continue

    def _open(self, interface: str) -> None:
        ports = Ports(self._settings.server_port, self._settings.client_port)
        try:
            self._endpoints[interface] = Endpoint(interface, ports, self._take)
        except OSError as exc:
            if self.closed.get(interface) != str(exc):
                log.warning("dhcp.not_serving", interface=interface, reason=str(exc), retry_s=_CHECK_S)
            self.closed[interface] = str(exc)
            return
        self.closed.pop(interface, None)
        log.info("dhcp.serving", interface=interface)

    def _close_unfit(self, served: set[str]) -> None:
        """Close what is no longer served, or no longer works."""
        for interface in self.closed.keys() - served:
            del self.closed[interface]
        for interface, endpoint in list(self._endpoints.items()):
            reason = endpoint.check() if interface in served else "no subnet is served on it any more"
            if reason:
                self._close(interface)
                log.info("dhcp.closed", interface=interface, reason=reason)

    def _close(self, interface: str) -> None:
        self._endpoints.pop(interface).close()

    def _take(self, endpoint: Endpoint, datagram: bytes, arrival: Arrival) -> None:
        """Queue a datagram, or drop it when there is no end of them: clients ask again."""
        if len(self._inbox) >= _INBOX or len(self._unstored) >= _UNSTORED:
            self.counts["dropped"] += 1
            return
        self._inbox.append(_Job(endpoint, datagram, arrival))
        self._arrived.set()

    async def _decide_all(self, engine: Engine) -> None:
        """Decide about datagrams in the order in which they came."""
        while True:
            await self._arrived.wait()
            for _ in range(min(_TURN, len(self._inbox))):
                self._decide(engine, self._inbox.popleft())
            if not self._inbox:
                self._arrived.clear()
            await asyncio.sleep(0)

    def _decide(self, engine: Engine, job: _Job) -> None:
        try:
            outcome = engine.receive(job.datagram, job.arrival, self._snapshot.value, self._clock())
        except MalformedPacketError as exc:
            self.counts["malformed"] += 1
            log.info("dhcp.malformed", interface=job.arrival.interface, size=len(job.datagram), reason=str(exc))
            return
        self.received[outcome.kind.name.lower()] += 1
        if outcome.binding is None:
            self._carry_out(job.endpoint, outcome)
            return
        self._unstored.append((job.endpoint, outcome))
        self._decided.set()

    async def _store_all(self) -> None:
        """Store bindings, all that wait in one commit, and carry out what they were stored for."""
        while True:
            await self._decided.wait()
            self._decided.clear()
            batch = list(self._unstored)
            try:
                await self._bindings.commit([outcome.binding for _, outcome in batch if outcome.binding])
            except StoreError as exc:
                self.counts["withheld"] += len(batch)
                log.error("dhcp.withheld", count=len(batch), reason=str(exc))  # noqa: TRY400 - an expected fault
            else:
                for endpoint, outcome in batch:
                    self._carry_out(endpoint, outcome)
            for _ in batch:
                self._unstored.popleft()

    def _carry_out(self, endpoint: Endpoint, outcome: Outcome) -> None:
        """Send the reply, tell the bus, write one line. A reply that cannot be sent is as good as lost on the wire."""
        if outcome.reply is not None:
            try:
                endpoint.send(outcome.reply)
            except OSError as exc:
                self.counts["unsent"] += 1
                log.warning("dhcp.unsent", mac=outcome.mac, interface=endpoint.interface, reason=str(exc))
                return
            self.sent[_SENT[outcome.verdict]] += 1
        self.counts[outcome.verdict.value] += 1
        self._bus.publish(*outcome.events)
        log.log(
            _LEVELS.get(outcome.verdict, logging.INFO),
            "dhcp.decided",
            verdict=outcome.verdict.value,
            mac=outcome.mac,
            xid=f"{outcome.xid:08x}",
            interface=endpoint.interface,
            address=str(outcome.address or ""),
            reason=outcome.reason,
        )
