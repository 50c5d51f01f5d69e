"""The DHCPv4 service: hears and answers on the served interfaces; a binding is durable before its ACK leaves."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

import structlog

from fibrix.bus import Bus
from fibrix.domain.binding import SECOND_US, BindingState, instant_us, moment_of
from fibrix.domain.lease import Leases
from fibrix.domain.lease_clock import LeaseClock
from fibrix.domain.network import Subnet
from fibrix.domain.ports.bindings import Bindings
from fibrix.domain.probes import NoProbes, Probes
from fibrix.domain.rack import RackSnapshot
from fibrix.domain.talkers import Talkers
from fibrix.domain.vacancy import occupy, sits, vacant
from fibrix.errors import MalformedPacketError, StoreError
from fibrix.events.base import Event
from fibrix.runtime.cell import Cell
from fibrix.runtime.clock import monotonic_s, steady_us, utc_now
from fibrix.services.dhcp.answers import Answers
from fibrix.services.dhcp.endpoint import Endpoint, Heard, Ports
from fibrix.services.dhcp.engine import Engine
from fibrix.services.dhcp.lines import Lines
from fibrix.services.dhcp.outcome import Outcome, conflict
from fibrix.services.dhcp.query import Query, read
from fibrix.services.dhcp.reception import Job, Reception
from fibrix.services.dhcp.reply import Reply
from fibrix.services.dhcp.unstored import Unstored
from fibrix.types import MacAddress

log = structlog.get_logger()

_CHECK_S: Final = 2.0  # how often an interface that is not there is tried, and one that is there is looked at
_UNSTORED: Final = 8_000  # outcomes that wait for the disk; while there are more, datagrams are dropped
_GATHER_S: Final = 0.002  # commits begin at least so far apart: under load fewer and fuller ones, a lone one at once


@dataclass(frozen=True, slots=True)
class DhcpSettings:
    """What the service needs of the configuration."""

    http_port: int  # of the HTTP boot service, for boot URLs
    server_port: int = 67
    client_port: int = 68
    offer_s: int = 30  # an offered address is held this long
    decline_s: int = 600  # a declined address is not given out for this long


_Decided: TypeAlias = tuple[Endpoint, Outcome]


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
        steady: Callable[[], int] = steady_us,
    ) -> None:
        """`steady` is the microseconds of a clock that nobody sets."""
        self.counts: Counter[str] = Counter()
        self.received: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self.closed: dict[str, str] = {}  # interfaces that should be served and are not, with the reason
        self.probes: Probes = NoProbes()  # who looks at addresses ahead of need, before the start
        self._snapshot = snapshot
        self._bindings = bindings
        self._bus = bus
        self._settings = settings
        self._clock = clock
        self._steady = steady
        self._lease_clock = LeaseClock(0, 0)
        self._leases = Leases((), offer_s=0, decline_s=0)
        self._engine = Engine(self._leases, http_port=settings.http_port)
        self._lines = Lines()
        self._endpoints: dict[str, Endpoint] = {}
        self._reception = Reception()
        self._unstored = Unstored()
        self._answers: Answers[_Decided] = Answers()
        self._turn_due = False
        self._broken: asyncio.Future[None] | None = None

    async def run(self, ready: asyncio.Event) -> None:
        """Serve until cancelled. `ready` once each interface was tried; StoreError when the bindings cannot be read."""
        settings = self._settings
        self._lease_clock = LeaseClock(instant_us(self._clock()), self._steady())
        self._leases = Leases(
            await self._bindings.all(), offer_s=settings.offer_s, decline_s=settings.decline_s, probes=self.probes
        )
        self._engine = Engine(self._leases, http_port=settings.http_port)
        self._reception.clear()
        self._unstored.clear()
        self._answers.clear()
        self._broken = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watch(self._broken), name="dhcp.watch")
                group.create_task(self._store_all(), name="dhcp.store")
                group.create_task(self._answers.run(self._carry_out), name="dhcp.answer")
                await self._keep_open(ready)
        finally:
            for interface in list(self._endpoints):
                self._close(interface)

    @property
    def talkers(self) -> Talkers:
        """Who sends how much."""
        return self._reception.talkers

    @property
    def queued(self) -> int:
        """Datagrams that wait for a decision, for the disk, or for their answer to leave."""
        return self.deciding + self.storing + len(self._answers)

    @property
    def deciding(self) -> int:
        """Datagrams that wait for a decision."""
        return len(self._reception)

    @property
    def storing(self) -> int:
        """Outcomes that wait for the disk."""
        return len(self._unstored)

    @property
    def leases(self) -> Leases:
        """Who has what; of no use before the first start."""
        return self._leases

    @property
    def serving(self) -> tuple[str, ...]:
        """Interfaces that are served."""
        return tuple(self._endpoints)

    def in_use(self) -> Counter[tuple[str, BindingState]]:
        """Count the addresses that are bound or rest, by subnet and state; nothing before the first start."""
        return self._leases.in_use(instant_us(self._clock()))

    def taken(self) -> list[int]:
        """The addresses that are bound or rest, as numbers; none before the first start."""
        now_us = instant_us(self._clock())
        return [binding.number for binding in self._leases.all() if binding.until_us > now_us]

    async def _keep_open(self, ready: asyncio.Event) -> None:
        """Open and close sockets as the snapshot and the interfaces change."""
        while True:
            served = {s.interface for s in self._snapshot.value.subnets if s.answered}
            self._close_unfit(served)
            for interface in sorted(served - self._endpoints.keys()):
                self._open(interface)
            ready.set()
            self._lines.settle()
            self._now()
            try:
                async with asyncio.timeout(_CHECK_S):
                    await self._snapshot.changed()
            except TimeoutError:
                continue

    def _open(self, interface: str) -> None:
        ports = Ports(self._settings.server_port, self._settings.client_port)
        try:
            self._endpoints[interface] = Endpoint(interface, ports, self._take, self._turn, self._lost)
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

    def _take(self, endpoint: Endpoint, heard: Sequence[Heard]) -> None:
        """Queue datagrams, or drop them when there is no end of them: clients ask again."""
        if self._unstored.waiting + len(self._answers) >= _UNSTORED:
            self.counts["dropped"] += len(heard)
        elif dropped := self._reception.take(endpoint, heard, self._expects):
            self.counts["dropped"] += dropped

    def _expects(self, mac: MacAddress, relay: int, interface: str) -> bool:
        return self._engine.expects(mac, relay, interface, self._snapshot.value)

    async def _watch(self, broken: asyncio.Future[None]) -> None:
        """Fail as a turn failed: a bug ends the service, and its supervisor starts it anew."""
        await broken

    def _turn(self) -> None:
        """Decide about datagrams: those of expected machines first, each kind in the order in which it came.

        At once, as a callback of the socket: a task would be woken a turn of the loop later.
        """
        if not self._reception:
            return
        try:
            decided = self._decide(self._reception.turn(), self._now())
            self._carry_out(decided + self._answers.due(monotonic_s()))
        except Exception as exc:  # noqa: BLE001 - handed to the task that watches
            if self._broken is not None and not self._broken.done():
                self._broken.set_exception(exc)
            return
        if self._reception and not self._turn_due:
            self._turn_due = True
            asyncio.get_running_loop().call_soon(self._next_turn)

    def _next_turn(self) -> None:
        """Go on with what one turn was too short for."""
        self._turn_due = False
        self._turn()

    def _now(self) -> datetime:
        """The time by which leases run. When the clock was set, all leases are moved with it."""
        now_us, step_us = self._lease_clock.read(instant_us(self._clock()), self._steady())
        if step_us:
            log.warning("dhcp.clock_set", by_s=step_us / SECOND_US)
            self._leases.shift(step_us)
            self._unstored.shift(step_us)
        return moment_of(now_us)

    def _decide(self, jobs: Sequence[Job], now: datetime) -> list[_Decided]:
        """Read all, then decide about all: a processor does one thing for many faster. Gives what needs no disk."""
        decided: list[_Decided] = []
        queries = list(self._read(jobs))
        outcomes = self._engine.decide([query for _, query in queries], self._snapshot.value, now)
        for (job, _), outcome in zip(queries, outcomes, strict=True):
            if isinstance(outcome, MalformedPacketError):
                self._malformed(job, outcome)
                continue
            self.received["bootp" if outcome.kind is None else outcome.kind.word] += 1
            if outcome.binding is None:
                decided.append((job[0], outcome))
            else:
                self._unstored.add(outcome.binding.number, job[0], outcome)
        return decided

    def _read(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Query]]:
        for job in jobs:
            _, datagram, arrival = job
            try:
                query = read(datagram, arrival)
            except MalformedPacketError as exc:
                self._malformed(job, exc)
            else:
                yield job, query

    def _malformed(self, job: Job, reason: MalformedPacketError) -> None:
        endpoint, datagram, _ = job
        self.counts["malformed"] += 1
        self._lines.malformed(endpoint.interface, len(datagram), str(reason), monotonic_s())

    def vacant(self, number: int) -> bool:
        """Whether nobody has, or is offered, an address."""
        return vacant(self._leases, number, instant_us(self._now()))

    def occupied(self, subnet: Subnet, number: int, mac: MacAddress) -> bool:
        """Someone sits on this vacant address: let it rest. False when it is its last holder, who only came back."""
        now = self._now()
        endpoint = self._endpoints.get(subnet.interface)
        still = sits(self._leases, number, mac, instant_us(now))
        binding = occupy(self._leases, subnet, number, mac, instant_us(now)) if endpoint else None
        if endpoint is None or binding is None:
            return False
        self._unstored.add(number, endpoint, conflict(binding, now, told=still))
        return True

    async def _store_all(self) -> None:
        """Store bindings, all that wait in one commit; then their answers may leave."""
        while True:
            await self._unstored.some.wait()
            began_s = monotonic_s()
            batch = self._unstored.take()
            try:
                await self._bindings.commit(batch.bindings, shift_us=batch.shift_us)
            except StoreError as exc:
                self._unstored.failed()
                self.counts["withheld"] += len(batch.outcomes)
                log.error("dhcp.withheld", count=len(batch.outcomes), reason=str(exc))  # noqa: TRY400 - an expected fault
            else:
                self._unstored.stored()
                self._answers.add(batch.outcomes)
            await asyncio.sleep(max(0.0, began_s + _GATHER_S - monotonic_s()))

    def _carry_out(self, decided: Sequence[_Decided]) -> None:
        """Send the replies, write lines, tell the bus. A reply that cannot be sent is as good as lost on the wire."""
        unsent, events, now_s = _send(decided), list[Event](), monotonic_s()
        for place, (endpoint, outcome) in enumerate(decided):
            if place in unsent:
                self.counts["unsent"] += 1
                self._lines.unsent(outcome, endpoint.interface, unsent[place], now_s)
                continue
            verdict = outcome.verdict
            if outcome.answer is not None:
                self.sent[verdict.answer] += 1
            self.counts[verdict.word] += 1
            events.extend(outcome.events)
            self._lines.write(outcome, endpoint.interface, now_s)
        self._bus.publish(*events)

    def _lost(self, count: int) -> None:
        """Replies that the kernel had no room for, and none a little later."""
        self.counts["unsent"] += count
        log.warning("dhcp.no_room", count=count)


def _send(decided: Sequence[_Decided]) -> dict[int, str]:
    """Hand the replies to their interfaces; why some cannot be sent, by their place."""
    replies: dict[Endpoint, list[tuple[int, Reply]]] = {}
    for place, (endpoint, outcome) in enumerate(decided):
        if (reply := outcome.reply) is not None:
            replies.setdefault(endpoint, []).append((place, reply))
    unsent: dict[int, str] = {}
    for endpoint, placed in replies.items():
        failed = endpoint.send([reply for _, reply in placed])
        unsent |= {placed[at][0]: reason for at, reason in failed.items()}
    return unsent
