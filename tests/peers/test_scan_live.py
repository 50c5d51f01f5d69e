"""A scan of a wire with real hosts: the kernel's, a simulated BMC, Redfish over TLS, one that hangs."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from msgspec.structs import replace

from fibrix.bus import Bus
from fibrix.domain.network import Subnet, SubnetMode
from fibrix.domain.rack import RackSnapshot
from fibrix.domain.scan import ScanKind, ScanOrder, ScanSpec, shares_of
from fibrix.domain.scan_report import ScanEnd, ScanReport
from fibrix.errors import ConflictError
from fibrix.events.rack import HostTold
from fibrix.events.scan import RedfishSeen, ScanFinished
from fibrix.runtime.cell import Cell
from fibrix.services.scan.service import ScanService
from fibrix.services.sniffer.service import Sniffer, SnifferSettings
from fibrix.store.db import Database
from fibrix.store.hosts import Hosts
from fibrix.types import OperationId
from tests.peers.dhcp_wire import needs_namespaces
from tests.support.netns import Wire, ip, wire
from tests.support.rack_hosts import Ear, bmc, hanging, port_623, redfish
from tests.support.waiting import until

pytestmark = needs_namespaces
needs_ipmi_sim = pytest.mark.skipif(shutil.which("ipmi_sim") is None, reason="needs ipmi_sim (Debian: openipmi)")

RACK = Subnet(
    name="racks",
    interface="s0",
    network=IPv4Network("10.77.0.0/27"),
    address=IPv4Address("10.77.0.1"),
    mode=SubnetMode.OBSERVE,
)
SCAN = OperationId("o000000001")


class Rack:
    """The service on one end of the wire."""

    def __init__(self) -> None:
        self.bus = Bus()
        self.snapshot = Cell(RackSnapshot(subnets=(RACK,)))
        self.service = ScanService(self.snapshot, self.bus)
        self.seen: list[RedfishSeen] = []
        self.stop: Callable[[], object] = bool

    async def scan(self, *targets: str, **spec: Any) -> ScanReport:
        """Begin a scan and wait for its end."""
        with self.bus.subscribe(ScanFinished) as ends, self.bus.subscribe(RedfishSeen) as seen:
            await self.begin(*targets, **spec)
            (end,) = await ends.batch()
            if seen.queued:
                self.seen += [event for event in await seen.batch() if isinstance(event, RedfishSeen)]
        assert isinstance(end, ScanFinished)
        return end.report

    async def begin(self, *targets: str, rate: int = 200, kinds: tuple[ScanKind, ...] = tuple(ScanKind)) -> None:
        spec = ScanSpec(targets=targets, kinds=kinds, rate=rate)
        shares = shares_of(spec, self.snapshot.value.subnets, {})
        await self.service.begin(ScanOrder(id=SCAN, shares=shares, rate=rate))


@pytest.fixture
def cable() -> Iterator[Wire]:
    with wire("fxscan") as plugged:
        for name in (plugged.server, plugged.client):
            ip("netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0")
        plugged.plug("10.77.0.1/27")
        for last in (10, 11, 12, 13):
            ip("-n", plugged.client, "addr", "add", f"10.77.0.{last}/27", "dev", "c0")
        ip("-n", plugged.client, "addr", "add", "10.77.0.40/27", "dev", "c0")  # a neighbour outside of the subnet
        yield plugged


@asynccontextmanager
async def scanning() -> AsyncIterator[Rack]:
    rack, ready = Rack(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(rack.service.run(ready), name="scan")
        await ready.wait()
        rack.stop = task.cancel
        yield rack
        task.cancel()


def answers(report: ScanReport, kind: ScanKind) -> set[str]:
    return {host.address for host in report.hosts if kind in host.kinds}


async def test_hosts_are_found_with_their_macs(cable: Wire) -> None:
    async with scanning() as rack:
        report = await rack.scan("racks", kinds=(ScanKind.ARP, ScanKind.PING, ScanKind.ND))
    assert answers(report, ScanKind.ARP) == answers(report, ScanKind.PING)
    assert answers(report, ScanKind.ARP) == {f"10.77.0.{last}" for last in (10, 11, 12, 13)}
    (neighbour,) = answers(report, ScanKind.ND)
    assert neighbour.startswith("fe80::")
    assert len({host.mac for host in report.hosts}) == 1
    assert report.end is ScanEnd.DONE
    assert report.sent() == {"arp": 29 + 25, "nd": 2, "ping": 4}


@needs_ipmi_sim
async def test_bmcs_are_found_by_rmcp_and_by_redfish(cable: Wire, tmp_path: Path) -> None:
    async with bmc(cable.client, "10.77.0.11", tmp_path), redfish(cable.client, "10.77.0.12", tmp_path) as asked:
        with hanging(cable.client, "10.77.0.13"):
            async with scanning() as rack:
                report = await rack.scan("racks", kinds=(ScanKind.RMCP, ScanKind.REDFISH))
    assert answers(report, ScanKind.RMCP) == {"10.77.0.11"}
    assert answers(report, ScanKind.REDFISH) == {"10.77.0.12"}
    assert asked == ["GET /redfish/v1/ open"]
    (seen,) = rack.seen
    assert (seen.name, seen.uuid, seen.vendor) == ("Root Service", "92384634-2938-2342-8820-489239905423", "Contoso")
    assert (seen.address, seen.interface, seen.subnet) == ("10.77.0.12", "s0", "racks")
    assert seen.mac == report.hosts[0].mac


async def test_nothing_goes_outside_of_the_range_and_nothing_faster_than_stated(cable: Wire) -> None:
    ear = Ear(cable.client, "c0")
    async with scanning() as rack:
        report = await rack.scan("10.77.0.8-10.77.0.15", rate=50, kinds=(ScanKind.ARP, ScanKind.PING, ScanKind.RMCP))
    ear.close()
    ours = [(at, frame) for at, frame in ear.frames if frame[12:14] in {b"\x08\x06", b"\x08\x00"}]
    asked = [frame for _, frame in ours if frame[12:14] == b"\x08\x00" or frame[20:22] == b"\x00\x01"]
    to = {frame[38:42] if frame[12:14] == b"\x08\x06" else frame[30:34] for frame in asked}
    assert to == {IPv4Address(f"10.77.0.{last}").packed for last in range(8, 16)}
    sent = sum(report.sent().values())
    assert sent == 8 + 4 + 4 + 8  # silent ones twice: the kernel of the hosts has nobody at port 623
    assert len(asked) == sent
    times = sorted(at for at, _ in ours)
    assert times[-1] - times[0] > (sent - 1) / 50 * 0.9


async def test_a_host_that_hangs_delays_no_other(cable: Wire, tmp_path: Path) -> None:
    async with redfish(cable.client, "10.77.0.12", tmp_path) as asked, scanning() as rack:
        with hanging(cable.client, "10.77.0.10"):
            await rack.begin("10.77.0.10-10.77.0.12", rate=1000, kinds=(ScanKind.REDFISH,))
            await until(lambda: bool(asked))
            progress = rack.service.progress(SCAN)
            assert progress is not None
            assert progress.end is None


@pytest.mark.parametrize(
    "answer",
    [
        web.Response(status=401),
        web.Response(status=302, headers={"Location": "https://10.77.0.40/redfish/v1/"}),
        web.Response(body=b"x" * 1_000_000),
        web.Response(body=b"[" * 60_000, headers={"Content-Encoding": "gzip"}),
        {"Name": "a printer"},
    ],
)
async def test_a_web_server_that_is_no_bmc_is_none(cable: Wire, tmp_path: Path, answer: object) -> None:
    async with redfish(cable.client, "10.77.0.12", tmp_path, answer) as asked, scanning() as rack:
        report = await rack.scan("10.77.0.12", rate=1000, kinds=(ScanKind.REDFISH,))
    assert len(asked) == 1
    assert report.answered()["redfish"] == 0
    assert rack.seen == []


async def test_a_scan_is_cancelled_and_tells_what_it_has(cable: Wire) -> None:
    async with scanning() as rack:
        with rack.bus.subscribe(ScanFinished) as ends:
            await rack.begin("racks", rate=20, kinds=(ScanKind.ARP,))
            with pytest.raises(ConflictError, match="is being scanned"):
                await rack.begin("10.77.0.20", rate=20)
            await until(lambda: bool(rack.service.answered["arp"]))
            await rack.service.cancel(SCAN)
            async with asyncio.timeout(0.5):
                (end,) = await ends.batch()
        assert isinstance(end, ScanFinished)
        assert end.report.end is ScanEnd.CANCELLED
        assert end.report.found == 1
        assert rack.service.sent["arp"] == end.report.sent()["arp"] < 29


async def test_an_interface_that_goes_away_ends_its_part_and_is_named(cable: Wire) -> None:
    async with scanning() as rack:
        with rack.bus.subscribe(ScanFinished) as ends:
            await rack.begin("racks", rate=20, kinds=(ScanKind.ARP,))
            await asyncio.sleep(0.3)
            cable.unplug()
            async with asyncio.timeout(3):
                (end,) = await ends.batch()
        assert isinstance(end, ScanFinished)
        assert end.report.end is ScanEnd.CUT
        assert end.report.faults[0].startswith("racks: ")
        cable.plug("10.77.0.1/27")
        assert (await rack.scan("10.77.0.20", kinds=(ScanKind.ARP,))).end is ScanEnd.DONE


async def test_an_interface_that_is_not_there_is_named(cable: Wire) -> None:
    cable.unplug()
    async with scanning() as rack:
        report = await rack.scan("racks")
    assert report.end is ScanEnd.CUT
    assert report.faults == ("racks: the interface s0 is gone",)


async def test_a_subnet_that_is_changed_meanwhile_is_left_alone(cable: Wire) -> None:
    async with scanning() as rack:
        with rack.bus.subscribe(ScanFinished) as ends:
            await rack.begin("racks", rate=20, kinds=(ScanKind.ARP,))
            await asyncio.sleep(0.1)
            rack.snapshot.replace(RackSnapshot(subnets=(replace(RACK, network=IPv4Network("10.77.0.0/29")),)))
            (end,) = await ends.batch()
        assert isinstance(end, ScanFinished)
        assert end.report.faults == ("racks: the subnet was changed",)
        assert end.report.sent()["arp"] < 10


async def test_a_service_that_stops_tells_what_it_had(cable: Wire) -> None:
    async with scanning() as rack:
        with rack.bus.subscribe(ScanFinished) as facts:
            await rack.begin("racks", rate=20, kinds=(ScanKind.ARP,))
            await asyncio.sleep(0.1)
            rack.stop()
            (end,) = await facts.batch()
    assert isinstance(end, ScanFinished)
    assert end.report.end is ScanEnd.CUT
    assert "the service stopped" in end.report.faults[0]


async def test_where_the_rack_has_no_address_hosts_are_found_all_the_same(cable: Wire) -> None:
    ip("-n", cable.server, "addr", "del", "10.77.0.1/27", "dev", "s0")
    async with scanning() as rack:
        report = await rack.scan("10.77.0.10", kinds=(ScanKind.ARP,))
        assert answers(report, ScanKind.ARP) == {"10.77.0.10"}
        report = await rack.scan("10.77.0.10", kinds=(ScanKind.RMCP,))
    assert report.faults == ("racks: s0: Cannot assign requested address",)


async def test_an_answer_that_cannot_be_read_is_counted(cable: Wire) -> None:
    async with scanning() as rack, port_623(cable.client, "10.77.0.10", b"\x06\x00\xff\x06 nonsense"):
        report = await rack.scan("10.77.0.10", kinds=(ScanKind.RMCP,))
    assert report.answered()["rmcp"] == 0
    assert report.notes == ("racks: 2 packets could not be read",)


@needs_ipmi_sim
async def test_what_a_scan_finds_is_in_the_census(cable: Wire, tmp_path: Path) -> None:
    async with (
        bmc(cable.client, "10.77.0.11", tmp_path),
        redfish(cable.client, "10.77.0.12", tmp_path),
        Database(tmp_path / "rack.db", "rack") as database,
        scanning() as rack,
        asyncio.TaskGroup() as group,
    ):
        sniffer, ready = (
            Sniffer(rack.snapshot, Hosts(database), rack.bus, SnifferSettings(), lambda _: ""),
            asyncio.Event(),
        )
        task = group.create_task(sniffer.run(ready), name="sniffer")
        await ready.wait()
        with rack.bus.subscribe(HostTold) as told:
            report = await rack.scan("racks", rate=1000)
            await asyncio.sleep(0.1)
            news = [event for event in await told.batch() if isinstance(event, HostTold)]
        task.cancel()
    hosts = {event.host.mac: event.host for event in news if event.host is not None}
    host = hosts[report.hosts[0].mac]
    assert {"arp", "rmcp", "redfish"} <= set(host.means)
    assert host.bmc
    assert {address.address for address in host.addresses} >= {"10.77.0.10", "10.77.0.11", "10.77.0.12"}
    assert [service.location for service in host.services] == ["https://10.77.0.12/redfish/v1/"]


FAR = replace(RACK, name="far", network=IPv4Network("10.78.0.0/28"), address=IPv4Address("10.77.0.1"), relayed=True)


async def test_behind_a_relay_hosts_are_asked_through_the_router(cable: Wire, tmp_path: Path) -> None:
    ip("-n", cable.client, "addr", "add", "10.78.0.5/32", "dev", "lo")
    async with redfish(cable.client, "10.78.0.5", tmp_path), scanning() as rack:
        rack.snapshot.replace(RackSnapshot(subnets=(RACK, FAR)))
        lost = await rack.scan("far")
        assert lost.faults == ("far: s0: no route leads to it by this interface",)
        assert sum(lost.sent().values()) == 0
        ip("-n", cable.server, "route", "add", "10.78.0.0/24", "via", "10.77.0.10", "dev", "s0")
        report = await rack.scan("10.78.0.4-10.78.0.6", rate=1000)
    assert answers(report, ScanKind.PING) == answers(report, ScanKind.REDFISH) == {"10.78.0.5"}
    assert report.hosts[0].mac == ""
