"""Scans on a real store: begun, followed, cancelled, lost, due; the rack is played."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from fibrix.controllers.scans import LISTED, Places, ScanController, Schedule
from fibrix.domain.operation import Operation, OperationState
from fibrix.domain.scan import ScanKind, ScanSpec
from fibrix.domain.scan_report import ScanEnd, ScanHost, ScanReport, ScanTally
from fibrix.errors import ConflictError, InvalidError, NotFoundError
from fibrix.runtime.scope import Rehearsal, Scope, within
from fibrix.types import MacAddress
from tests.controllers.rig import Clock, Rig, rig
from tests.fakes.power import FakePower
from tests.fakes.scanner import FakeScanner
from tests.support.waiting import until

RACKS = ScanSpec(targets=("racks",))
HOST = ScanHost(subnet="racks", address="192.168.1.9", mac=MacAddress("52:54:00:00:00:09"), kinds=(ScanKind.ARP,))
DONE = ScanReport(
    end=ScanEnd.DONE, tallies=(ScanTally(kind=ScanKind.ARP, sent=500, answered=1),), hosts=(HOST,), found=1
)


class Scene:
    """The controller as a service, with the rack that it talks to."""

    def __init__(self, r: Rig, schedule: Schedule) -> None:
        self.rig = r
        self.scanner = FakeScanner(r.shared.bus)
        places = Places(subnets=r.core.networks.served, roles=r.core.networks.declared.roles)
        self.scans = ScanController(r.region, r.shared.bus, places, schedule, r.clock, self._draw)
        self.scans.scanner = self.scanner
        self._drawn = 0

    def operations(self) -> list[Operation]:
        return [one for one in self.rig.region.of(Operation).all() if one.scan is not None]

    async def types(self) -> list[str]:
        return [entry.type for entry in await self.rig.region.journal.since(0, limit=1000)]

    @asynccontextmanager
    async def served(self) -> AsyncIterator[None]:
        ready = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.scans.run(ready), name="scans")
            await ready.wait()
            yield
            task.cancel()

    def _draw(self, below: int) -> int:
        self._drawn = self._drawn * 1103515245 + 12345
        return self._drawn // 65536 % below


@asynccontextmanager
async def scene(folder: Path, schedule: Schedule = Schedule()) -> AsyncIterator[Scene]:  # noqa: B008 - frozen
    async with rig(folder, Clock(), FakePower()) as r:
        yield Scene(r, schedule)


async def test_a_scan_is_an_operation_from_its_begin_to_its_end(tmp_path: Path) -> None:
    async with scene(tmp_path) as on, on.served():
        begun = await on.scans.begin(RACKS)
        assert (begun.kind, begun.machine, begun.running) == ("scan", "", True)
        assert begun.detail.startswith("253 addresses, ")
        (order,) = on.scanner.orders
        assert (order.id, order.rate, order.shares[0].interface) == (begun.id, 100, "eth1")
        on.scanner.end(begun.id, DONE)
        await until(lambda: not on.operations()[0].running)
        (over,) = on.operations()
        assert over.state is OperationState.SUCCEEDED
        assert over.detail == "1 host answers (arp 1)"
        assert on.scans.report(begun.id).hosts == (HOST,)
        assert await on.types() == ["operation.started", "scan.started", "operation.ended", "scan.ended"]


async def test_a_rehearsal_says_what_would_be_sent_and_nothing_is(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        played = Rehearsal()
        with within(Scope(request="r1", rehearsal=played)):
            await on.scans.begin(ScanSpec(targets=("192.168.1.8/29",), kinds=(ScanKind.ARP, ScanKind.REDFISH)))
        assert on.scanner.orders == []
        assert on.operations() == []
        told = {seen.what: f"{seen.after} | {seen.detail}" for seen in played.foreseen}
        assert told["arp"] == "16 ARP requests at most | 8 hosts on eth1: 192.168.1.8-192.168.1.15"
        assert told["redfish"].startswith("160 packets of HTTPS to TCP port 443")
        assert "only those who answer ARP" in told["redfish"]
        assert told["duration"] == "2 to 12 s | 176 packets at most, 100 a second at most"


async def test_a_subnet_is_scanned_once_at_a_time(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        begun = await on.scans.begin(RACKS)
        with pytest.raises(ConflictError, match=f"is being scanned.*operation {begun.id}"):
            await on.scans.begin(ScanSpec(targets=("192.168.1.7",)))
        with pytest.raises(InvalidError):
            await on.scans.begin(ScanSpec(targets=("10.0.0.1",)))


async def test_what_the_rack_refuses_has_failed(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        on.scanner.refuses = "the scan service does not run"
        with pytest.raises(ConflictError):
            await on.scans.begin(RACKS)
        (over,) = on.operations()
        assert (over.state, over.detail) == (OperationState.FAILED, "the scan service does not run")


async def test_a_scan_is_cancelled_with_what_it_found(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        begun = await on.scans.begin(RACKS)
        on.scanner.running[begun.id] = replace(DONE, end=None)
        await on.scans.cancel(begun.id, "enough")
        (over,) = on.operations()
        assert (over.state, over.detail) == (OperationState.CANCELLED, "enough; 1 host answers (arp 1)")
        assert on.scanner.cancelled == [begun.id]
        with pytest.raises(ConflictError, match="has ended already"):
            await on.scans.cancel(begun.id, "again")
        assert on.scans.report(begun.id).hosts == (HOST,)


async def test_a_part_that_could_not_be_done_is_a_failure_that_names_it(tmp_path: Path) -> None:
    async with scene(tmp_path) as on, on.served():
        begun = await on.scans.begin(RACKS)
        on.scanner.end(begun.id, replace(DONE, end=ScanEnd.CUT, faults=("racks: the interface eth1 is gone",)))
        await until(lambda: not on.operations()[0].running)
        (over,) = on.operations()
        assert over.state is OperationState.FAILED
        assert over.detail == "1 host answers (arp 1); racks: the interface eth1 is gone"


async def test_a_scan_that_a_stop_cut_off_is_ended_at_the_next_start(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        begun = await on.scans.begin(RACKS)
    async with scene(tmp_path) as on, on.served():
        (over,) = on.operations()
        assert (over.id, over.state) == (begun.id, OperationState.FAILED)
        assert "the controller was restarted while it ran" in over.detail


async def test_what_is_no_scan_has_no_report(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        with pytest.raises(NotFoundError):
            on.scans.report("o999999999")


async def test_subnets_are_scanned_by_schedule_when_they_are_due(tmp_path: Path) -> None:
    async with scene(tmp_path, Schedule(interval_s=3600, kinds=(ScanKind.ARP,), rate=7)) as on:
        await on.scans.begin_due()
        (order,) = on.scanner.orders
        assert (order.rate, order.shares[0].kinds) == (7, (ScanKind.ARP,))
        (running,) = on.operations()
        assert running.user == ""
        await on.scans.begin_due()  # one runs
        on.rig.clock.pass_(4000)
        await on.scans.cancel(running.id, "for the test")
        on.rig.clock.pass_(-1000)
        await on.scans.begin_due()  # not yet
        assert len(on.scanner.orders) == 1
        on.rig.clock.pass_(1000)
        await on.scans.begin_due()
        assert len(on.scanner.orders) == 2


@pytest.mark.parametrize("schedule", [Schedule(), Schedule(interval_s=60, subnets=("others",))])
async def test_what_is_not_scheduled_is_left_alone(tmp_path: Path, schedule: Schedule) -> None:
    async with scene(tmp_path, schedule) as on:
        await on.scans.begin_due()
        assert on.scanner.orders == []


async def test_a_name_that_no_subnet_has_is_told_of_once(tmp_path: Path) -> None:
    async with scene(tmp_path, Schedule(interval_s=60, subnets=("others",))) as on:
        with capture_logs() as logs:
            await on.scans.begin_due()
            await on.scans.begin_due()
        assert [(line["event"], line["subnet"]) for line in logs] == [("scan.not_scheduled", "others")]


async def test_who_answered_long_ago_is_forgotten(tmp_path: Path) -> None:
    async with scene(tmp_path) as on, on.served():
        for _ in range(LISTED + 2):
            begun = await on.scans.begin(RACKS)
            on.rig.clock.pass_(60)
            on.scanner.end(begun.id, DONE)
            await until(lambda: not any(one.running for one in on.operations()))
        lists = [bool(one.scan and one.scan.report.hosts) for one in on.operations()]
        assert lists.count(True) == LISTED
        assert all(one.scan and one.scan.report.found == 1 for one in on.operations())
