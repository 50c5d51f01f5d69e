"""What is found on the wire comes into the journal, once it is of interest to an operator."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from fibrix.bus import Bus
from fibrix.controllers.wire import WireController
from fibrix.events.dhcp import AddressConflict, ForeignDhcpServer
from fibrix.events.rack import ConflictSeen, ServerSeen
from fibrix.store.region import Region, open_region
from fibrix.types import MacAddress

NOW = datetime(2026, 3, 1, tzinfo=UTC)
THEIRS = MacAddress("00:14:22:01:02:03")


@pytest.fixture
def bus() -> Bus:
    return Bus()


@pytest.fixture
async def region(tmp_path: Path, bus: Bus) -> AsyncIterator[Region]:
    async with open_region(tmp_path, bus) as opened, asyncio.TaskGroup() as group:
        ready = asyncio.Event()
        task = group.create_task(WireController(bus, opened.change).run(ready), name="wire")
        await ready.wait()
        yield opened
        task.cancel()


def seen(*, expected: bool) -> ServerSeen:
    return ServerSeen(
        at=NOW,
        address=IPv4Address("10.77.0.9"),
        mac=THEIRS,
        interface="eth1",
        subnet="rack",
        answer="OFFER",
        expected=expected,
    )


async def test_a_foreign_server_and_a_conflict_are_journaled_and_an_expected_server_is_not(
    region: Region, bus: Bus
) -> None:
    with bus.subscribe(ForeignDhcpServer, AddressConflict) as published:
        bus.publish(
            seen(expected=True),
            seen(expected=False),
            ConflictSeen(at=NOW, address=IPv4Address("10.77.0.100"), subnet="rack", mac=THEIRS, found="probe"),
        )
        server, conflict = await published.batch()
    assert isinstance(server, ForeignDhcpServer)
    assert (server.address, server.mac, server.vendor, server.interface) == ("10.77.0.9", THEIRS, "Dell Inc.", "eth1")
    assert (server.type, server.subject, server.seq) == ("dhcp.foreign_server", "subnets/rack", 1)
    assert isinstance(conflict, AddressConflict)
    assert (conflict.address, conflict.mac, conflict.found) == ("10.77.0.100", THEIRS, "probe")
    assert (conflict.type, conflict.subject, conflict.seq) == ("address.conflict", "subnets/rack", 2)
    assert region.journal.head == 2
