"""Hosts outlive the process, and their table stays small."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fibrix.domain.census.host import Host, HostAddress, HostName, HostStep
from fibrix.domain.census.sighting import DhcpClient, Neighbour, NetService
from fibrix.domain.ports.hosts import Hosts as Port
from fibrix.store.db import Database
from fibrix.store.hosts import Hosts
from fibrix.types import MacAddress

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=30)
MOST = 100


@pytest.fixture
async def rack(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(tmp_path / "rack.db", "rack") as database:
        yield database


def host(number: int, last: datetime = NOW) -> Host:
    return Host(mac=MacAddress(f"52:54:00:77:00:{number:02x}"), interface="eth1", first=LONG_AGO, last=last)


async def everyone(hosts: Port, most: int = 7) -> list[Host]:
    found: list[Host] = []
    page: Sequence[Host] = await hosts.page(None, most)
    while page:
        found += page
        page = await hosts.page(page[-1].mac, most)
    return found


async def test_all_that_is_known_of_a_host_is_there_after_a_restart(tmp_path: Path) -> None:
    whole = Host(
        mac=MacAddress("ff:ff:ff:ff:ff:fe"),
        interface="eth1",
        vlan=10,
        vendor="Dell Inc.",
        kind="BMC",
        first=LONG_AGO,
        last=NOW + timedelta(microseconds=7),
        gone=True,
        addresses=(HostAddress(address="fe80::1", first=NOW, last=NOW),),
        names=(HostName(name="ü-1", means="mdns", last=NOW),),
        means=("arp", "mdns"),
        client=DhcpClient(wants=(1, 3), vendor_class="udhcp", architectures=(0,)),
        switch=Neighbour(chassis="52:54:00:00:00:01", capabilities=("bridge",)),
        services=(NetService(kind="_ssh._tcp", port=22),),
        roles=("bmc",),
        bmc="answers RMCP",
        history=(HostStep(at=NOW, what="moved from eth1 to eth1.10"),),
    )
    async with Database(tmp_path / "rack.db", "rack") as database:
        await Hosts(database).commit([whole], most=MOST, since=LONG_AGO)
    async with Database(tmp_path / "rack.db", "rack") as database:
        assert await everyone(Hosts(database)) == [whole]


async def test_pages_give_each_host_once(rack: Database) -> None:
    hosts = Hosts(rack)
    await hosts.commit([host(n) for n in reversed(range(50))], most=MOST, since=LONG_AGO)
    assert await everyone(hosts) == [host(n) for n in range(50)]


async def test_a_host_is_replaced_by_what_is_known_of_it_now(rack: Database) -> None:
    hosts = Hosts(rack)
    later = host(1, NOW + timedelta(seconds=1))
    await hosts.commit([host(1), host(2)], most=MOST, since=LONG_AGO)
    await hosts.commit([later], most=MOST, since=LONG_AGO)
    assert await everyone(hosts) == [later, host(2)]


async def test_no_more_are_kept_than_that_and_none_that_is_silent_for_long(rack: Database) -> None:
    hosts = Hosts(rack)
    await hosts.commit([host(n, NOW - timedelta(minutes=n)) for n in range(50)], most=20, since=LONG_AGO)
    assert await everyone(hosts) == [host(n, NOW - timedelta(minutes=n)) for n in range(20)]
    await hosts.commit([], most=20, since=NOW - timedelta(minutes=5))
    assert [one.mac[-2:] for one in await everyone(hosts)] == ["00", "01", "02", "03", "04", "05"]


async def test_what_is_posted_is_there_before_the_store_closes(tmp_path: Path) -> None:
    async with Database(tmp_path / "rack.db", "rack") as database:
        Hosts(database).post([host(1)], most=MOST, since=LONG_AGO)
    async with Database(tmp_path / "rack.db", "rack") as database:
        assert await everyone(Hosts(database)) == [host(1)]


async def test_rows_that_cannot_be_read_are_left_out(rack: Database) -> None:
    hosts = Hosts(rack)
    await hosts.commit([host(n) for n in range(30)], most=MOST, since=LONG_AGO)
    await rack.write(lambda tx: tx.execute("UPDATE hosts SET host = '{}' WHERE mac % 256 BETWEEN 5 AND 24"))
    assert [int(one.mac[-2:], 16) for one in await everyone(hosts, 4)] == [*range(5), *range(25, 30)]
