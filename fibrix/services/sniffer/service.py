"""Hears all that hosts say of themselves on the interfaces of the racks. Not one packet is sent."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog

from fibrix.bus import Bus, Subscription
from fibrix.domain.binding import instant_us
from fibrix.domain.census.hiding import Veil
from fibrix.domain.census.host import Host
from fibrix.domain.census.sighting import Means
from fibrix.domain.ports.hosts import Hosts
from fibrix.domain.rack import RackSnapshot
from fibrix.events.rack import HostTold
from fibrix.runtime.cell import Cell
from fibrix.runtime.clock import monotonic_s, utc_now
from fibrix.runtime.links import Links
from fibrix.services.sniffer import hearsay
from fibrix.services.sniffer.counts import Count
from fibrix.services.sniffer.engine import Engine
from fibrix.services.sniffer.memory import Memory
from fibrix.services.sniffer.places import heard_elsewhere, wanted
from fibrix.services.sniffer.settings import CensusSettings
from fibrix.services.sniffer.sockets import Ear
from fibrix.types import MacAddress

log = structlog.get_logger()

_NOBODY: Final = MacAddress("00:00:00:00:00:00")
_FIT_S: Final = 1.0
_DUE_S: Final = 0.1
_AT_A_TIME: Final = 100  # hosts that are looked at when something is due: 3 ms, 10 when all of them are gone
_AT_ONCE: Final = 64  # frames, between two looks at the clock
_TURN_S: Final = 0.002  # on one interface, before others get their turn
_SAY_AGAIN_S: Final = 60.0  # that frames are dropped


@dataclass(frozen=True, slots=True, kw_only=True)
class SnifferSettings:
    """What the configuration says."""

    roles: Mapping[str, str] = field(default_factory=dict)  # of interfaces, by name
    promiscuous: frozenset[str] = frozenset()  # interfaces
    gone_s: int = 3600
    keep_days: int = 30
    most_hosts: int = 65_536


class Sniffer:
    """The service. `frames` and `dropped` count by interface; `closed` says which cannot be heard, and why."""

    name = "sniffer"

    def __init__(
        self,
        snapshot: Cell[RackSnapshot],
        hosts: Hosts,
        bus: Bus,
        settings: SnifferSettings,
        vendor: Callable[[MacAddress], str],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """`vendor` names the maker of an interface; its first answer may take long."""
        self.frames: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()  # by the kernel: we were too slow
        self.closed: dict[str, str] = {}
        self._snapshot = snapshot
        self._bus = bus
        self._settings = settings
        self._vendor = vendor
        self._clock = clock
        self._memory = Memory(hosts, clock, most=settings.most_hosts, keep_days=settings.keep_days)
        self._engine: Engine | None = None
        self._veil = Veil()
        self._own: frozenset[MacAddress] = frozenset()
        self._ears: dict[str, Ear] = {}
        self._ready: dict[Ear, None] = {}  # those that something has come in on, in that order
        self._wake = asyncio.Event()
        self._said_s: dict[str, float] = {}  # when it was said that frames are dropped, by interface

    @property
    def counts(self) -> Mapping[Means, Count]:
        """What became of frames, by protocol."""
        return {} if self._engine is None else self._engine.counts

    @property
    def hearing(self) -> tuple[str, ...]:
        """Interfaces that are heard."""
        return tuple(sorted(self._ears.keys() - self.closed.keys()))

    @property
    def known(self) -> int:
        """How many hosts are known."""
        return 0 if self._engine is None else len(self._engine.census)

    @property
    def losses(self) -> Mapping[str, int]:
        """Hosts that were not taken up, forgotten for want of room, not written down yet for want of time."""
        if self._engine is None:
            return {}
        census = self._engine.census
        return {"refused": census.refused, "forgotten": census.forgotten, "unwritten": self._memory.lost}

    async def run(self, ready: asyncio.Event) -> None:
        """Hear until cancelled. `ready` once each interface was tried."""
        engine = self._engine
        if engine is None:  # what was heard before a failure is kept
            self._hide()
            known = await self._memory.load()
            engine = self._engine = await asyncio.to_thread(self._make, known)
        said = self._bus.subscribe(*hearsay.KINDS, name=self.name)
        with closing(Links()) as links, said as facts:
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._memory.run(), name="sniffer.memory")
                    self._fit(links, engine)
                    ready.set()
                    await asyncio.to_thread(self._vendor, _NOBODY)  # what comes in meanwhile waits in the rings
                    group.create_task(self._hear_all(engine), name="sniffer.hear")
                    group.create_task(self._hear_others(engine, facts), name="sniffer.hearsay")
                    group.create_task(self._tell_due(engine), name="sniffer.due")
                    while True:
                        await asyncio.sleep(_FIT_S)
                        self._fit(links, engine)
            finally:
                for interface in list(self._ears):
                    self._close(interface)

    def _make(self, known: Iterable[Host]) -> Engine:
        """Make the engine. It takes a second with as many hosts as there can be, so it is done in a thread."""
        settings = CensusSettings(silence_s=self._settings.gone_s, most_hosts=self._settings.most_hosts)
        return Engine(settings, known, self._vendor)

    async def _hear_all(self, engine: Engine) -> None:
        """Take what comes in, a turn for each interface, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            ears, self._ready = self._ready, {}
            for ear in ears:
                if self._ears.get(ear.interface) is ear:
                    self._hear(ear, engine)
                await asyncio.sleep(0)

    async def _hear_others(self, engine: Engine, facts: Subscription) -> None:
        """Take what other services found out, until cancelled: what this machine sends itself is not heard."""
        while True:
            for fact in await facts.batch():
                if said := hearsay.hearsay(fact, self._snapshot.value.subnets):
                    self._tell(engine.hear_say(*said, instant_us(fact.at)))

    async def _tell_due(self, engine: Engine) -> None:
        """Tell what time alone brings, until cancelled."""
        while True:
            self._tell(engine.due(instant_us(self._clock()), _AT_A_TIME))
            await asyncio.sleep(_DUE_S)

    def _hear(self, ear: Ear, engine: Engine) -> None:
        """Take what has come in, for a short time; what is left wakes us again."""
        receive, interface = engine.receive, ear.interface
        until_s = monotonic_s() + _TURN_S
        told: list[HostTold] = []
        more = True
        while more and monotonic_s() < until_s:
            heard = ear.take(_AT_ONCE)
            for frame, vlan, at_us in heard:
                if said := receive(frame, interface, vlan, at_us):
                    told += said
            self.frames[interface] += len(heard)
            more = len(heard) == _AT_ONCE
        self._tell(told)
        if ear.fault:
            asyncio.get_running_loop().remove_reader(ear)  # it would wake us again and again

    def _tell(self, told: Iterable[HostTold]) -> None:
        """Keep and publish what there is to tell, without what is hidden."""
        shown = [one for each in told if (one := each.behind(self._veil)) is not None]
        for one in shown:
            if one.host is not None:
                self._memory.note(one.host)
        self._bus.publish(*shown)

    def _hide(self) -> None:
        """Follow the snapshot in what is hidden."""
        hidden = self._snapshot.value.hidden
        if not self._veil.made_of(hidden):
            self._veil = Veil(hidden)
            self._memory.hide(self._veil)

    def _fit(self, links: Links, engine: Engine) -> None:
        """Open and close sockets as the snapshot and the interfaces change."""
        self._hide()
        names = wanted(self._snapshot.value.subnets, self._settings.roles)
        for interface, ear in list(self._ears.items()):
            self._count(ear)
            if reason := ear.check() if interface in names else "nothing is on it any more":
                self._close(interface)
                log.info("sniffer.closed", interface=interface, reason=reason)
        for interface in self.closed.keys() - names:
            del self.closed[interface]
        for interface in sorted(names - self._ears.keys()):
            self._open(interface)
        self._look_at(links)
        own = links.macs()
        if own != self._own:
            self._own = own
            engine.is_ours(own)

    def _look_at(self, links: Links) -> None:
        """See which interfaces are down, and hear each VLAN in one place only."""
        tagged = {}
        for interface, ear in self._ears.items():
            if ear.check():
                continue  # gone just now
            if not links.is_up(interface):
                self._deaf(interface, "the interface is down")
                continue
            self.closed.pop(interface, None)
            if (vlan := links.tagged(interface)) is not None:
                tagged[interface] = vlan
        elsewhere = heard_elsewhere(tagged)
        for interface, ear in self._ears.items():
            ear.leave_out(elsewhere.get(interface, ()))

    def _open(self, interface: str) -> None:
        try:
            ear = Ear(interface, promiscuous=interface in self._settings.promiscuous)
        except OSError as exc:
            self._deaf(interface, str(exc))
            return
        self._ears[interface] = ear
        asyncio.get_running_loop().add_reader(ear, self._arrived, ear)
        log.info("sniffer.hears", interface=interface, promiscuous=ear.promiscuous)

    def _arrived(self, ear: Ear) -> None:
        self._ready[ear] = None
        self._wake.set()

    def _close(self, interface: str) -> None:
        ear = self._ears.pop(interface)
        asyncio.get_running_loop().remove_reader(ear)
        self._ready.pop(ear, None)
        ear.close()

    def _deaf(self, interface: str, reason: str) -> None:
        if self.closed.get(interface) != reason:
            log.warning("sniffer.deaf", interface=interface, reason=reason)
        self.closed[interface] = reason

    def _count(self, ear: Ear) -> None:
        """Add what the kernel dropped, and say so."""
        dropped = ear.dropped()
        self.dropped[ear.interface] += dropped
        now_s = monotonic_s()
        if dropped and now_s - self._said_s.get(ear.interface, -_SAY_AGAIN_S) >= _SAY_AGAIN_S:
            self._said_s[ear.interface] = now_s
            log.warning("sniffer.dropped", interface=ear.interface, frames=self.dropped[ear.interface])
