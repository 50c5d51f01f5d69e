"""Keeps what is heard on the wire: stores hosts, and puts into the journal what there is to tell of them.

Something new is stored at once, with its events in the same transaction. That a host was heard again is kept in memory,
where readers find it, and stored once in a while. All of it is bounded: transactions are short, a storm of hosts is
told of at a slow pace and stored late, and where there are more hosts than are to be kept, the longest silent go.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from fibrix.bus import Bus
from fibrix.config import DiscoveryConfig
from fibrix.controllers.host_store import HostStore, HostUnit
from fibrix.domain.census.discovery import Marks
from fibrix.domain.census.hiding import HiddenNetwork, Veil
from fibrix.domain.census.host import Host
from fibrix.domain.throttle import Budget
from fibrix.errors import StoreError
from fibrix.events.base import Event
from fibrix.events.discovery import HostChanged, HostGone, HostMoved, HostReturned, HostSeen
from fibrix.events.marks import HostsUntold
from fibrix.events.rack import HostTold
from fibrix.runtime.clock import monotonic_s
from fibrix.runtime.scope import rehearsal
from fibrix.types import MacAddress

log = structlog.get_logger()

FLUSH_S: Final = 600.0
"""That a host was heard again is stored after this time."""
STEP: Final = 500
"""So many hosts are stored, or forgotten, in one transaction."""

_QUEUE: Final = 20_000
_PAUSE_S: Final = 0.05  # between two steps of what is not urgent: others write meanwhile
_SPARE: Final = 1000  # so many more hosts than are to be kept are stored before the surplus is looked for
_UNTOLD_S: Final = 60.0  # how often it is told at most that there was a storm
_COMMON_S: Final = 0.5  # after an event for each host that is kept, one more of the common ones is told in this time
_RARE: Final = 1000  # of the others, so many at once
_RARE_S: Final = 5.0
_OFTEN: Final = (HostSeen, HostChanged, HostMoved, HostGone, HostReturned)
"""Whoever makes up MACs makes many of these; they leave room for the others."""


class DiscoveryKeeper:
    """The service. `heard` is what is newer than what is stored, by MAC; None: it is to be forgotten."""

    name = "discoveries"

    def __init__(
        self,
        bus: Bus,
        store: HostStore,
        config: DiscoveryConfig,
        now: Callable[[], datetime],
        clock_s: Callable[[], float] = monotonic_s,
    ) -> None:
        self.heard: OrderedDict[MacAddress, Host | None] = OrderedDict()
        self._bus = bus
        self._store = store
        self._config = config
        self._now = now
        self._clock_s = clock_s
        self._veil = Veil()
        self._purged = Veil()  # what was hidden when hidden hosts were looked for last
        self._common, self._rare = Budget(config.most_hosts, _COMMON_S), Budget(_RARE, _RARE_S)
        self._untold = 0
        self._told_s = -_UNTOLD_S
        self._grown = 0

    async def run(self, ready: asyncio.Event) -> None:
        """Serve until cancelled."""
        with self._bus.subscribe(HostTold, limit=_QUEUE, name=self.name) as facts:
            ready.set()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._tend(), name="discoveries: what is not urgent")
                while True:
                    await self.take([fact for fact in await facts.batch() if isinstance(fact, HostTold)])

    async def take(self, facts: Sequence[HostTold]) -> None:
        """Take up what the rack tells."""
        for start in range(0, len(facts), STEP):
            hosts: dict[MacAddress, Host] = {}
            events: list[Event] = []
            veil = self.veil()
            for told in facts[start : start + STEP]:
                self._sort(told, veil, hosts, events)
            await self._store_now(list(hosts.values()), events)
            await asyncio.sleep(0)  # others run, where there was nothing to store
        if self._grown > _SPARE:
            await self.tidy()

    def veil(self) -> Veil:
        """What is hidden now."""
        hidden = self._store.of(HiddenNetwork).all()
        if not self._veil.made_of(hidden):
            self._veil = Veil(hidden)
        return self._veil

    def shown(self, hosts: Iterable[Host]) -> list[Host]:
        """Give what is known of stored hosts now, without those that are hidden or are to be forgotten."""
        veil = self.veil()
        newest = (self.heard.get(host.mac, host) for host in hosts)
        return [shown for host in newest if host is not None and (shown := veil.show(host)) is not None]

    def forget(self, mac: MacAddress) -> None:
        """Let go of what is not stored yet of a host."""
        if rehearsal() is None:
            self.heard.pop(mac, None)

    async def flush(self) -> None:
        """Store all that was heard again."""
        for _ in range(0, len(self.heard), STEP):
            part = [self.heard.popitem(last=False) for _ in range(min(STEP, len(self.heard)))]
            try:
                await self._store.change(partial(_put, part))
            except StoreError as exc:
                log.warning("discoveries.not_stored", hosts=len(part), reason=str(exc))
                for mac, host in part:
                    self.heard.setdefault(mac, host)
                return
            await asyncio.sleep(_PAUSE_S)

    async def purge(self) -> int:
        """Forget what of the hosts is hidden; how many went whole. Raises StoreError."""
        veil, after, gone = self.veil(), "", 0
        for mac, host in list(self.heard.items()):
            self.heard[mac] = None if host is None else veil.show(host)
        while hosts := await self._store.hosts.page(after):
            after = hosts[-1].mac
            seen = [(host, veil.show(host)) for host in hosts]
            changed = [(host.mac, shown) for host, shown in seen if shown is not host]
            for start in range(0, len(changed), STEP):
                await self._store.change(partial(_put, changed[start : start + STEP]))
            gone += sum(shown is None for _, shown in changed)
            await asyncio.sleep(0)
        self._purged = veil
        return gone

    async def tidy(self) -> None:
        """Forget what is to be kept no longer; a database that fails is tried again the next time."""
        try:
            if self.veil() is not self._purged:
                await self.purge()
            if self._config.keep_days:
                before = self._now() - timedelta(days=self._config.keep_days)
                await self._drop(partial(_drop_silent, before))
            self._grown = 0
            await self._drop(_drop_oldest, await self._store.hosts.count() - self._config.most_hosts)
        except StoreError as exc:
            log.warning("discoveries.not_tidied", reason=str(exc))

    async def _tend(self) -> None:
        while True:
            await self.tidy()
            await asyncio.sleep(FLUSH_S)
            await self.flush()

    async def _drop(self, drop: Callable[[int, HostUnit], int], most: int | None = None) -> None:
        """Forget hosts a few at a time, until there are none left, or so many went. Raises StoreError."""
        while most is None or most > 0:
            count = STEP if most is None else min(STEP, most)
            if await self._store.change(partial(drop, count)) < count:
                return
            most = None if most is None else most - count
            await asyncio.sleep(_PAUSE_S)

    def _sort(self, told: HostTold, veil: Veil, hosts: dict[MacAddress, Host], events: list[Event]) -> None:
        """Decide what becomes of one fact: into `hosts` and `events` goes what is stored at once."""
        if told.host is None:
            events += filter(self._has_room, told.said)
            return
        mac, shown = told.host.mac, told.behind(veil)
        if shown is None or shown.host is None:
            if not veil.hides_place(told.host.interface, told.host.vlan):
                hosts.pop(mac, None)
                self._later(mac, None)  # it may be stored, from before it showed its address
            return
        said = [] if self._is_ignored(mac) else [event for event in shown.said if self._has_room(event)]
        if said or mac in hosts:
            self.heard.pop(mac, None)
            hosts[mac] = shown.host
            events += said
        else:
            self._later(mac, shown.host)

    def _later(self, mac: MacAddress, host: Host | None) -> None:
        """Store this once in a while. Where there are too many, what came first is let go: it will come again."""
        self.heard[mac] = host
        if len(self.heard) > self._config.most_hosts:
            self.heard.popitem(last=False)

    def _is_ignored(self, mac: MacAddress) -> bool:
        marks = self._store.of(Marks).by_key(mac)
        return marks is not None and marks.ignored

    def _has_room(self, event: Event) -> bool:
        """Whether the journal has room for one more: who floods the wire does not flood what is kept for a year."""
        untold = (self._common if isinstance(event, _OFTEN) else self._rare).spend(self._clock_s())
        self._untold += untold or 0
        return untold is not None

    async def _store_now(self, hosts: Sequence[Host], events: list[Event]) -> None:
        """Store hosts with what there is to tell of them."""
        if self._untold and self._clock_s() - self._told_s >= _UNTOLD_S:
            events.append(HostsUntold(at=self._now(), count=self._untold))
            self._untold, self._told_s = 0, self._clock_s()
        if not hosts and not events:
            return

        def work(unit: HostUnit) -> None:
            unit.hosts.put(hosts)
            for event in events:
                unit.append(event)

        try:
            await self._store.change(work)
        except StoreError as exc:
            log.warning("discoveries.not_stored", hosts=len(hosts), events=len(events), reason=str(exc))
            for host in hosts:
                self._later(host.mac, host)
        else:
            self._grown += len(hosts)


def _put(part: Sequence[tuple[MacAddress, Host | None]], unit: HostUnit) -> None:
    """Store hosts; None: forget this one."""
    unit.hosts.put([host for _, host in part if host is not None])
    unit.hosts.drop([mac for mac, host in part if host is None])


def _drop_silent(before: datetime, count: int, unit: HostUnit) -> int:
    return unit.hosts.drop_silent(before, count)


def _drop_oldest(count: int, unit: HostUnit) -> int:
    return unit.hosts.drop_oldest(count)
