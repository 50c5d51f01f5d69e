"""Puts into the journal what the rack finds on the wire: servers that are not ours, addresses that are in use."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from fibrix.bus import Bus
from fibrix.errors import StoreError
from fibrix.events.base import Event
from fibrix.events.dhcp import AddressConflict, ForeignDhcpServer
from fibrix.events.rack import ConflictSeen, ServerSeen
from fibrix.runtime.vendor import vendor

log = structlog.get_logger()


class Unit(Protocol):
    """One transaction, as far as it is needed here."""

    def append(self, event: Event) -> None:
        """Add an event to the journal."""
        ...


class WireController:
    """The service that stores them. `change` runs one transaction; it raises StoreError."""

    name = "wire"

    def __init__(self, bus: Bus, change: Callable[[Callable[[Unit], None]], Awaitable[None]]) -> None:
        self._bus = bus
        self._change = change

    async def run(self, ready: asyncio.Event) -> None:
        """Serve until cancelled."""
        with self._bus.subscribe(ServerSeen, ConflictSeen, limit=1_000, name="wire") as facts:
            ready.set()
            while True:
                told = [await _told(fact) for fact in await facts.batch()]
                await self._store([event for event in told if event is not None])

    async def _store(self, events: list[Event]) -> None:
        def append(unit: Unit) -> None:
            for event in events:
                unit.append(event)

        try:
            if events:
                await self._change(append)
        except StoreError as exc:
            log.warning("wire.not_stored", count=len(events), reason=str(exc))


async def _told(fact: Event) -> Event | None:
    """What the journal is told of a fact; an expected server is nothing to tell of."""
    match fact:
        case ServerSeen(expected=False):
            return ForeignDhcpServer(
                at=fact.at,
                subnet=fact.subnet,
                interface=fact.interface,
                address=str(fact.address),
                mac=fact.mac,
                vendor=await asyncio.to_thread(vendor, fact.mac),
                answer=fact.answer,
            )
        case ConflictSeen():
            return AddressConflict(
                at=fact.at, subnet=fact.subnet, address=str(fact.address), mac=fact.mac, found=fact.found
            )
        case _:
            return None
