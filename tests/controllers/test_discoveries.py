"""What is heard on the wire is stored, told of once, hidden, and forgotten in time."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from secrets import randbelow

import pytest

from fibrix.bus import Bus
from fibrix.config import DiscoveryConfig
from fibrix.controllers.discoveries import DiscoveryKeeper
from fibrix.controllers.hidden_networks import HiddenNetworkController
from fibrix.domain.census.discovery import Marks
from fibrix.domain.ports.discoveries import HiddenSpec
from fibrix.errors import ConflictError, NotFoundError
from fibrix.events.base import Event
from fibrix.events.discovery import AddressContested, BmcSeen, CensusFull, HostSeen
from fibrix.events.rack import HostTold
from fibrix.store.region import Region, open_region
from fibrix.types import MacAddress
from tests.controllers.rig import Clock
from tests.support.hosts import ITS_BMC, NOON, SERVER, host, news, seen, told

MAC = MacAddress(SERVER)


@dataclass
class Wire:
    """A keeper on a real store, with clocks to set."""

    region: Region
    bus: Bus
    keeper: DiscoveryKeeper
    clock: Clock
    seconds: list[float] = field(default_factory=lambda: [0.0])

    async def stored(self) -> list[str]:
        return [one.mac for one in await self.region.hosts.page("")]

    async def types(self) -> list[str]:
        return [entry.type for entry in await self.region.journal.since(0)]

    async def hide(self, **spec: str | int) -> str:
        desk = HiddenNetworkController(self.region, self.keeper, lambda: None, self.clock, randbelow)
        return (await desk.add(HiddenSpec(**spec))).id  # type: ignore[arg-type] # the tests say the right ones

    async def mark(self, **fields: bool | str) -> None:
        await self.region.change(lambda unit: unit.of(Marks).insert(Marks(id=MAC, **fields)))  # type: ignore[arg-type]


@pytest.fixture
async def wire(tmp_path: Path) -> AsyncIterator[Wire]:
    bus, clock, seconds = Bus(), Clock(NOON), [0.0]
    async with open_region(tmp_path, bus) as region:
        config = DiscoveryConfig(keep_days=30, most_hosts=50)
        keeper = DiscoveryKeeper(bus, region, config, clock, lambda: seconds[0])
        yield Wire(region, bus, keeper, clock, seconds)


async def test_a_host_is_stored_with_its_event_in_one_go_and_told_to_subscribers(wire: Wire) -> None:
    async with asyncio.TaskGroup() as group:
        ready = asyncio.Event()
        task = group.create_task(wire.keeper.run(ready), name="discoveries")
        await ready.wait()
        with wire.bus.subscribe(HostSeen) as published:
            wire.bus.publish(*news([host(SERVER, "10.0.0.5", vendor="Dell Inc.")]))
            (event,) = await published.batch()
        assert isinstance(event, HostSeen)
        assert (event.seq, event.subject, event.vendor) == (1, f"discoveries/{SERVER}", "Dell Inc.")
        assert await wire.region.hosts.get(MAC) == host(SERVER, "10.0.0.5", vendor="Dell Inc.")
        task.cancel()


async def test_a_host_that_is_heard_again_is_known_at_once_and_stored_later_without_a_word(wire: Wire) -> None:
    await wire.keeper.take(news([host(SERVER)]))
    later = host(SERVER, "10.0.0.5", last=NOON + timedelta(minutes=3))
    await wire.keeper.take([told(later)])
    before = await wire.region.hosts.get(MAC)
    assert before is not None
    assert before.last == NOON
    assert wire.keeper.shown([before]) == [later]
    await wire.keeper.flush()
    assert await wire.region.hosts.get(MAC) == later
    assert not wire.keeper.heard
    assert await wire.types() == ["host.seen"]


async def test_within_one_batch_the_newest_counts(wire: Wire) -> None:
    first, second = host(SERVER), host(SERVER, "10.0.0.5", kind="Linux")
    await wire.keeper.take([told(first, seen(first)), told(second)])
    assert await wire.region.hosts.get(MAC) == second


async def test_an_event_of_no_host_is_journaled(wire: Wire) -> None:
    await wire.keeper.take([HostTold(at=NOON, host=None, said=(CensusFull(at=NOON, kept=50, forgotten=3),))])
    assert await wire.types() == ["census.full"]


async def test_of_an_ignored_host_nothing_is_told_but_it_is_kept(wire: Wire) -> None:
    await wire.mark(ignored=True)
    await wire.keeper.take(news([host(SERVER)]))
    await wire.keeper.flush()
    assert await wire.stored() == [SERVER]
    assert await wire.types() == []


async def test_nothing_is_kept_of_hosts_in_a_hidden_network(wire: Wire) -> None:
    await wire.keeper.take(news([host(SERVER, "203.0.113.9"), host(ITS_BMC, "10.0.0.9")]))
    await wire.keeper.take([told(host("02:00:00:00:00:07", "203.0.113.7"))])
    await wire.hide(network="203.0.113.0/24")
    assert await wire.stored() == [ITS_BMC]
    await wire.keeper.flush()
    assert await wire.stored() == [ITS_BMC]
    await wire.hide(interface="eth1", vlan=7)
    await wire.keeper.take(
        news([host(SERVER, "203.0.113.9"), host("02:00:00:00:00:07", vlan=7), host("02:00:00:00:00:08")])
    )
    await wire.keeper.flush()
    assert await wire.stored() == [ITS_BMC, "02:00:00:00:00:08"]
    types = await wire.types()
    assert types == ["host.seen"] * 2 + ["hidden_network.created"] * 2 + ["host.seen"]


async def test_a_host_that_only_later_shows_a_hidden_address_is_forgotten(wire: Wire) -> None:
    await wire.hide(network="203.0.113.0/24")
    await wire.keeper.take(news([host(SERVER)]))
    await wire.keeper.take([told(host(SERVER, "203.0.113.9"))])
    stored = await wire.region.hosts.get(MAC)
    assert stored is not None
    assert wire.keeper.shown([stored]) == []
    await wire.keeper.flush()
    assert await wire.stored() == []


async def test_of_a_host_with_two_feet_only_what_is_not_hidden_is_kept_and_told(wire: Wire) -> None:
    await wire.hide(network="203.0.113.0/24")
    both = host(SERVER, "203.0.113.9", "10.0.0.5")
    said = [
        AddressContested(at=NOON, mac=MAC, interface="eth1", address=address, other=ITS_BMC)
        for address in ("203.0.113.9", "10.0.0.5")
    ]
    await wire.keeper.take([told(both, *said)])
    assert await wire.region.hosts.get(MAC) == host(SERVER, "10.0.0.5")
    entries = await wire.region.journal.since(0)
    assert [b"203.0.113.9" in entry.data for entry in entries] == [False, False]


async def test_a_hidden_network_is_hidden_once_and_can_be_shown_again(wire: Wire) -> None:
    hidden = await wire.hide(network="203.0.113.0/24")
    with pytest.raises(ConflictError, match="hidden already"):
        await wire.hide(network="203.0.113.0/24")
    desk = HiddenNetworkController(wire.region, wire.keeper, lambda: None, wire.clock, randbelow)
    await desk.delete(hidden)
    with pytest.raises(NotFoundError):
        desk.get(hidden)
    await wire.keeper.take(news([host(SERVER, "203.0.113.9")]))
    assert await wire.stored() == [SERVER]


async def test_hosts_are_forgotten_after_a_time_but_those_that_people_marked(wire: Wire) -> None:
    young = host("02:00:00:00:00:07", last=NOON + timedelta(days=20))
    await wire.keeper.take(news([host(SERVER), host(ITS_BMC), young]))
    await wire.mark(name="the big one")
    wire.clock.pass_(86400 * 31)
    await wire.keeper.tidy()
    assert await wire.stored() == [SERVER, young.mac]


async def test_more_hosts_than_are_to_be_kept_make_the_longest_silent_go(wire: Wire) -> None:
    hosts = [host(f"02:00:00:00:{n >> 8:02x}:{n & 255:02x}", last=NOON + timedelta(seconds=n)) for n in range(1200)]
    for start in range(0, 1200, 50):
        wire.seconds[0] += 25.0  # so that the journal has room for all
        await wire.keeper.take(news(hosts[start : start + 50]))
    await wire.keeper.tidy()
    assert await wire.stored() == [one.mac for one in hosts[-50:]]
    await wire.keeper.take([told(one) for one in hosts])
    assert len(wire.keeper.heard) == 50


async def test_a_storm_of_hosts_is_told_of_slowly_and_leaves_room_for_what_matters(wire: Wire) -> None:
    hosts = [host(f"02:00:00:00:{n >> 8:02x}:{n & 255:02x}") for n in range(550)]
    await wire.keeper.take(news(hosts))
    alarm: Event = BmcSeen(at=NOON, mac=ITS_BMC, interface="eth1", address="10.0.0.9", evidence="answers RMCP")
    wire.seconds[0] += 100.0
    await wire.keeper.take([told(host(ITS_BMC), alarm), *news(hosts[:1])])
    entries = await wire.region.journal.since(0)
    kinds = [entry.type for entry in entries]
    assert kinds == ["host.seen"] * 50 + ["bmc.seen", "host.seen", "host.untold"]
    assert entries[-1].data == b'{"count":500}'


async def test_while_the_store_fails_hosts_wait_for_it(wire: Wire) -> None:
    await wire.region.db.write(lambda tx: tx.execute("ALTER TABLE discoveries RENAME TO away"))
    await wire.keeper.take(news([host(SERVER)]))
    await wire.keeper.flush()
    await wire.keeper.tidy()
    assert list(wire.keeper.heard) == [SERVER]
    await wire.region.db.write(lambda tx: tx.execute("ALTER TABLE away RENAME TO discoveries"))
    await wire.keeper.flush()
    assert await wire.stored() == [SERVER]
