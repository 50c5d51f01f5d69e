"""A running DHCP service follows what is done to networks: at once, with no restart and no lost lease."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from fibrix.app.core import build_core
from fibrix.app.leases import RackLeases
from fibrix.app.shared import Shared
from fibrix.bus import Bus
from fibrix.config import Config, InterfaceConfig
from fibrix.controllers.addresses import AddressController
from fibrix.controllers.heard import Heard
from fibrix.controllers.reservations import ReservationController
from fibrix.controllers.subnets import SubnetController
from fibrix.domain.network_spec import RangeSpec, SubnetChanges, SubnetSpec
from fibrix.domain.ports.networks import ReservationSpec
from fibrix.domain.rack import RackSnapshot
from fibrix.runtime.cell import Cell
from fibrix.runtime.clock import utc_now
from fibrix.services.dhcp.service import DhcpService, DhcpSettings
from fibrix.store.bindings import Bindings
from fibrix.store.db import Database
from fibrix.store.region import open_region
from fibrix.types import MacAddress
from fibrix.wire.dhcp4.options import DNS_SERVERS, MESSAGE_TYPE, MessageType
from tests.peers.dhcp_wire import SERVER, Talker, needs_namespaces, talker
from tests.services.dhcp.rack import discover, request
from tests.support.netns import wire

pytestmark = needs_namespaces

MAC = MacAddress("52:54:00:77:00:01")
OTHER = MacAddress("52:54:00:77:00:02")
THIRD = MacAddress("52:54:00:77:00:03")
ONE_ADDRESS = SubnetSpec(
    name="rack",
    interface="s0",
    address=f"{SERVER}/24",
    ranges=(RangeSpec(first="10.77.0.100", last="10.77.0.100"),),
    probe=False,
)


@pytest.fixture
def client() -> Iterator[Talker]:
    with wire("fxnets") as cable:
        cable.plug(f"{SERVER}/24")
        with talker(cable) as speaking:
            yield speaking


@dataclass(frozen=True)
class Controller:
    """The controllers of networks, beside a service that serves what they hand over."""

    subnets: SubnetController
    reservations: ReservationController
    addresses: AddressController
    service: DhcpService


@asynccontextmanager
async def controller(folder: Path) -> AsyncIterator[Controller]:
    """A region without a subnet in its file, and its rack, serving."""
    config, bus = Config(state_dir=folder, interfaces=(InterfaceConfig(name="s0", role="rack"),)), Bus()
    async with open_region(folder, bus) as region, Database(folder / "rack.db", "rack") as database:
        shared = Shared(config=config, bus=bus, snapshot=Cell(RackSnapshot()), heard=Heard(utc_now))
        core = build_core(shared, region)
        core.snapshots.refresh()
        service = DhcpService(shared.snapshot, Bindings(database), bus, DhcpSettings(http_port=5248))
        leases, refresh, ready = RackLeases(service), core.snapshots.refresh, asyncio.Event()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(service.run(ready), name="dhcp")
            await ready.wait()
            yield Controller(
                SubnetController(region, core.networks, leases, refresh, utc_now),
                ReservationController(region, core.networks, leases, refresh, utc_now),
                AddressController(region, core.networks, leases, utc_now),
                service,
            )
            task.cancel()


async def bound(client: Talker, mac: MacAddress) -> str:
    """Get a lease; gives its address."""
    offer = await client.ask(mac, discover(mac))
    ack = await client.ask(mac, request(mac, server=SERVER, requested=offer.yiaddr))
    assert ack.get(MESSAGE_TYPE) is MessageType.ACK
    return str(ack.yiaddr)


async def serving(running: Controller) -> None:
    """Wait until the interface is served."""
    for _ in range(300):
        if "s0" in running.service.serving:
            return
        await asyncio.sleep(0.01)
    raise TimeoutError


async def test_a_lease_stays_and_a_new_range_serves(client: Talker, tmp_path: Path) -> None:
    async with controller(tmp_path) as running:
        with pytest.raises(TimeoutError):
            await client.ask(MAC, discover(), timeout_s=0.2)
        await running.subnets.add(ONE_ADDRESS)
        await serving(running)
        assert await bound(client, MAC) == "10.77.0.100"
        with pytest.raises(TimeoutError):
            await client.ask(OTHER, discover(OTHER), timeout_s=0.2)
        await running.subnets.add_range("rack", RangeSpec(first="10.77.0.150", last="10.77.0.150"))
        assert await bound(client, OTHER) == "10.77.0.150"
        assert await bound(client, MAC) == "10.77.0.100"
        await running.subnets.update("rack", SubnetChanges(dns_servers=("9.9.9.9",)))
        offer = await client.ask(MAC, discover())
        assert [str(server) for server in offer.get(DNS_SERVERS) or ()] == ["9.9.9.9"]
        use = running.addresses.use("rack")
        assert use is not None
        assert [(one.leased, one.free) for one in use.ranges] == [(1, 0), (1, 0)]
        assert len(running.addresses.leases()) == 2


async def test_a_reservation_is_given_at_once_and_a_removed_subnet_is_silent(client: Talker, tmp_path: Path) -> None:
    async with controller(tmp_path) as running:
        await running.subnets.add(ONE_ADDRESS)
        await serving(running)
        kept = await running.reservations.add("rack", ReservationSpec(mac=THIRD))
        assert await bound(client, THIRD) == str(kept.address) == "10.77.0.2"
        await running.subnets.delete("rack", force=True)
        with pytest.raises(TimeoutError):
            await client.ask(THIRD, discover(THIRD), timeout_s=0.2)
    async with controller(tmp_path) as running:
        await running.subnets.add(ONE_ADDRESS)
        await serving(running)
        assert {str(lease.binding.address) for lease in running.addresses.leases()} == {"10.77.0.2"}
