"""`fibrix discovery scan`, as its users start it; the rack is played."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from fibrix.domain.scan_report import ScanEnd
from tests.api.test_scans import DONE
from tests.cli.conftest import Command
from tests.fakes.scanner import FakeScanner
from tests.support.site import Site


@pytest.fixture
async def scanner(site: Site) -> AsyncIterator[FakeScanner]:
    """A rack that is played, and the region's service that hears of it."""
    scans, ready = site.rig.core.scans, asyncio.Event()
    scans.scanner = played = FakeScanner(site.rig.shared.bus)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(scans.run(ready), name="scans")
        await ready.wait()
        yield played
        task.cancel()


async def end_it(scanner: FakeScanner, end: ScanEnd, *faults: str) -> None:
    """End the next scan that begins."""
    while True:
        if scanner.running:
            scanner.end(next(iter(scanner.running)), replace(DONE, end=end, faults=faults))
            return
        await asyncio.sleep(0.05)


async def test_a_dry_run_says_what_would_be_sent(scanner: FakeScanner, fibrix: Command) -> None:
    told = await fibrix("discovery", "scan", "192.168.1.8/30", "--kind", "arp,ping", "--rate", "20", "--dry-run")
    assert told.status == 0
    assert "arp of subnets/racks: 8 ARP requests at most (4 hosts on eth1: 192.168.1.8-192.168.1.11)" in told.out
    assert "16 packets at most, 20 a second at most" in told.out
    assert scanner.orders == []


async def test_it_waits_and_lists_who_answered(scanner: FakeScanner, fibrix: Command) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(end_it(scanner, ScanEnd.DONE), name="end")
        told = await fibrix("discovery", "scan", "racks")
    assert told.status == 0
    assert "192.168.1.9" in told.out
    assert "52:54:00:00:00:09" in told.out
    assert "Contoso 1.6.0" in told.out
    assert "sent: arp 500" in told.out


async def test_what_could_not_be_done_ends_with_1(scanner: FakeScanner, fibrix: Command) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(end_it(scanner, ScanEnd.CUT, "racks: the interface eth1 is gone"), name="end")
        told = await fibrix("discovery", "scan", "racks")
    assert told.status == 1
    assert "the interface eth1 is gone" in told.err


async def test_it_goes_on_without_anybody_waiting(scanner: FakeScanner, fibrix: Command) -> None:
    begun = await fibrix("discovery", "scan", "racks", "--no-wait", "--quiet")
    (order,) = scanner.orders
    assert begun.out.strip() == order.id
    assert "racks" in (await fibrix("operation", "list", "--running")).out
    assert "253 addresses" in (await fibrix("operation", "show", order.id)).out
    over = await fibrix("operation", "cancel", order.id, "--reason", "enough")
    assert "racks: scan cancelled: enough" in over.out


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (("198.51.100.7",), 1, "is not in a configured subnet (there are: racks 192.168.1.0/24)"),
        (("racks", "--kind", "smtp"), 2, "'smtp' is none of arp, nd, ping, rmcp, redfish"),
        ((), 2, "SUBNET"),
    ],
)
async def test_refusals_are_told(
    scanner: FakeScanner, fibrix: Command, words: tuple[str, ...], status: int, told: str
) -> None:
    ended = await fibrix("discovery", "scan", *words)
    assert ended.status == status
    assert told in ended.err
