"""Keeps what the DNS service answers from: each change is stored with the zone's next serial, then handed over."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from msgspec.structs import replace

from fibrix.controllers.ports import Store, Unit
from fibrix.domain.dns import DnsSnapshot, Record, TsigKey, Zone, ZoneChange
from fibrix.domain.network import Subnet, SubnetMode
from fibrix.domain.zones.contents import at_name, begun, changed
from fibrix.domain.zones.machine_names import GivenNames
from fibrix.domain.zones.names import zone_of
from fibrix.domain.zones.plan import PlannedZone, plan
from fibrix.domain.zones.things import DnsKey, DnsZone, HeldAddress
from fibrix.domain.zones.values import key_octets
from fibrix.runtime.cell import Cell

_AT_ONCE: Final = 500  # names that are worked out before others have their turn: some 3 ms


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedOn:
    """Where and for whom DNS is served; what is empty follows from the served subnets."""

    listen: tuple[IPv4Address, ...] = ()
    recursion: tuple[IPv4Network, ...] = ()
    forwarders: tuple[IPv4Address, ...] = ()


@dataclass(slots=True)
class Holdings:
    """Addresses that machines hold: those to be stored, and those whose row is to go."""

    kept: list[HeldAddress] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)


class ZoneKeeper:
    """Compares what is served with what should be, name by name, and publishes the difference.

    Whoever changed something says at which names, or that it may be anywhere.
    """

    def __init__(
        self,
        store: Store,
        cell: Cell[DnsSnapshot],
        subnets: Callable[[], Sequence[Subnet]],
        served_on: ServedOn,
        now: Callable[[], datetime],
    ) -> None:
        self.given = GivenNames()
        self.stale = True  # something was not published: all of it is to be looked at again
        self._store = store
        self._cell = cell
        self._subnets = subnets
        self._served_on = served_on
        self._now = now
        self._turn = asyncio.Lock()

    @property
    def snapshot(self) -> DnsSnapshot:
        """What is answered from."""
        return self._cell.value

    def subnets(self) -> Mapping[str, Subnet]:
        """All subnets by name, as of now."""
        return {subnet.name: subnet for subnet in self._subnets()}

    def planned(self) -> dict[str, PlannedZone]:
        """All zones that there should be, as of now."""
        return plan(self._store.of(DnsZone).all(), self._subnets(), self._listen())

    def planned_with(self, zone: DnsZone) -> PlannedZone:
        """What a zone would be if it was declared."""
        others = [one for one in self._store.of(DnsZone).all() if one.name != zone.name]
        return plan([*others, zone], self._subnets(), self._listen())[zone.name]

    async def settle(
        self, owners: Iterable[str], zones: Mapping[str, PlannedZone], held: Holdings | None = None
    ) -> None:
        """Publish what is to be at these names; `zones` is the plan. Raises StoreError, and all is looked at again."""
        names: dict[str, set[str]] = {}
        for owner in owners:
            zone = zone_of(owner, zones)
            if zone is not None:
                names.setdefault(zone, set()).add(owner)
        await self.settle_in([(zones[zone], found) for zone, found in names.items()], held)

    async def settle_in(
        self, places: Iterable[tuple[PlannedZone, Iterable[str]]], held: Holdings | None = None
    ) -> None:
        """Publish what is to be at names of these zones. Raises StoreError, and all is looked at again."""
        async with self._turn:
            changes = [
                self._difference(zone, {owner: self._at(zone, owner) for owner in owners}) for zone, owners in places
            ]
            await self._publish([one for one in changes if one is not None], (), held or Holdings())

    async def settle_all(self, zones: Mapping[str, PlannedZone], held: Holdings | None = None) -> None:
        """Publish all that is not as it should be. Raises StoreError."""
        async with self._turn:
            changes = []
            owners: dict[str, set[str]] = {name: set() for name in zones}
            for owner in self.given.owners():
                zone = zone_of(owner, zones)
                if zone is not None:
                    owners[zone].add(owner)
            for name, zone_planned in zones.items():
                served = self._store.served.all().get(name)
                owners[name].update(zone_planned.own, self._store.zone_records.owners(name))
                owners[name].update(served.records if served else ())
                changes.append(self._difference(zone_planned, await self._names(zone_planned, owners[name])))
            gone = [name for name in self._store.served.all() if name not in zones]
            await self._publish([one for one in changes if one is not None], gone, held or Holdings())
            self.stale = False

    async def _names(self, planned: PlannedZone, owners: Iterable[str]) -> dict[str, tuple[Record, ...]]:
        """Work out what is to be at many names. What changes meanwhile is settled by whoever changes it."""
        names = {}
        for number, owner in enumerate(owners):
            names[owner] = self._at(planned, owner)
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)  # others have work too
        return names

    def _difference(
        self, planned: PlannedZone, names: Mapping[str, tuple[Record, ...]]
    ) -> tuple[Zone, ZoneChange | None] | None:
        """Make a zone's next version, with these records at these names; None: it is as it should be."""
        before = self._store.served.all().get(planned.name)
        base = before or begun(planned, self._store.served.serial_of(planned.name))
        after, change = changed(base, planned, names, int(self._now().timestamp()))
        return None if after is before else (after, change)

    def _at(self, planned: PlannedZone, owner: str) -> tuple[Record, ...]:
        added = self._store.zone_records.at(planned.name, owner)
        return at_name(owner, planned, added, self.given.at(owner))

    async def _publish(
        self, changes: Sequence[tuple[Zone, ZoneChange | None]], gone: Sequence[str], held: Holdings
    ) -> None:
        """Store it, then hand it over."""

        def work(unit: Unit) -> None:
            for zone, change in changes:
                unit.publish_zone(zone, change)
            for name in gone:
                unit.withdraw_zone(name)
            _hold(unit, held)

        if changes or gone or held.kept or held.dropped:
            try:
                await self._store.change(work)
            except BaseException:  # a cancellation too: nobody knows whether it was stored
                self.stale = True
                raise
        self.hand_over()

    def hand_over(self) -> None:
        """Give the DNS service what is stored, if that is not what it has."""
        new = DnsSnapshot(
            zones=dict(self._store.served.all()),
            keys=self._keys(),
            listen=self._listen(),
            recursion=self._recursion(),
            forwarders=self._served_on.forwarders,
        )
        if not _same(new, self._cell.value):
            self._cell.replace(new)

    def _keys(self) -> Mapping[str, TsigKey]:
        """The keys with their secrets; the same ones as before where they are the same."""
        known = self._cell.value.keys
        keys = self._store.of(DnsKey).all()
        if {key.name: key.algorithm for key in keys} == {name: key.algorithm for name, key in known.items()}:
            return known
        return {
            key.name: TsigKey(
                name=key.name, algorithm=key.algorithm, secret=key_octets(self._store.secret(key.secret_owner))
            )
            for key in keys
        }

    def _listen(self) -> tuple[IPv4Address, ...]:
        own = dict.fromkeys(subnet.address for subnet in self._subnets() if subnet.boots and not subnet.relayed)
        return self._served_on.listen or tuple(own)

    def _recursion(self) -> tuple[IPv4Network, ...]:
        served = tuple(subnet.network for subnet in self._subnets() if subnet.mode is SubnetMode.SERVE)
        return self._served_on.recursion or served


def _hold(unit: Unit, held: Holdings) -> None:
    """Keep which addresses machines hold."""
    rows = unit.of(HeldAddress)
    for one in held.dropped:
        if rows.by_key(one) is not None:
            rows.delete(one)
    for address in held.kept:
        if rows.by_key(address.id) is None:
            rows.insert(address)
        else:
            rows.update(address)


def _same(one: DnsSnapshot, other: DnsSnapshot) -> bool:
    """Whether two snapshots hold the very same things; zones are not looked into."""
    rest = replace(one, zones={}) == replace(other, zones={})
    return (
        rest
        and one.zones.keys() == other.zones.keys()
        and all(zone is other.zones[name] for name, zone in one.zones.items())
    )
