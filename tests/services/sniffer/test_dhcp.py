"""DHCPv4 as a listener hears it, from captured clients and servers."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from fibrix.domain.census.moment import microseconds
from fibrix.domain.census.sighting import DhcpClient, Means
from tests.services.sniffer.wire import Wire
from tests.support.pcap import frames

CAPTURES = Path(__file__).parents[2] / "captures" / "dhcp4"
SERVER = "72:eb:05:e8:bd:06"


def heard(name: str) -> Wire:
    captured = list(frames(CAPTURES / f"{name}.pcap"))
    wire = Wire(start_us=microseconds(captured[0].at))
    for one in captured:
        wire.hears(one.frame, (microseconds(one.at) - wire.start_us) / 1e6)
    wire.waits((microseconds(captured[-1].at) - wire.start_us) / 1e6 + 3)
    return wire


@dataclass(frozen=True)
class Case:
    name: str
    mac: str
    addresses: tuple[str, ...] = ()
    host_name: str = ""
    vendor_class: str = ""
    architectures: tuple[int, ...] = ()
    uuid: str = ""


CASES = [
    Case("dhclient", "52:54:00:77:01:01", (), "dhclient-host"),
    Case("dhcpcd", "52:54:00:77:01:01", (), "dhcpcd-host"),
    Case("udhcpc", "52:54:00:77:01:01", (), "udhcpc-host", "udhcp 1.35.0"),
    Case("udhcpc-decline", "52:54:00:77:01:01", (), "", "udhcp 1.35.0"),
    Case(
        "bios-pxe-full", "52:54:00:77:00:00", ("10.77.0.198",), "", "PXEClient:Arch:00000:UNDI:002001", (0,),
        "00000000-0000-4000-8000-000000007700",
    ),
    Case(
        "uefi-http-boot", "52:54:00:77:00:02", ("10.77.0.200",), "", "PXEClient:Arch:00007:UNDI:003010", (7,),
        "00000000-0000-4000-8000-000000007702",
    ),
    Case(
        "uefi-pxe", "52:54:00:77:00:01", ("10.77.0.199",), "fxagent", "fibrix-agent", (7,),
        "00000000-0000-4000-8000-000000007701",
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_captured_client_is_one_host_with_all_that_it_said(case: Case) -> None:
    wire = heard(case.name)
    host = wire.host(case.mac)
    assert tuple(one.address for one in host.addresses) == case.addresses
    assert "".join(one.name for one in host.names) == case.host_name
    client = host.client or DhcpClient()
    assert (client.vendor_class, client.architectures, client.uuid) == (
        case.vendor_class,
        case.architectures,
        case.uuid,
    )
    assert [one for one in wire.said if one.startswith(f"host.seen {case.mac}")] == wire.said[:1]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_its_server_is_named_with_its_roles(case: Case) -> None:
    wire = heard(case.name)
    assert f"dhcp.server_seen {SERVER} eth1 10.77.0.1" in wire.said
    assert f"gateway.seen {SERVER} eth1 10.77.0.1" in wire.said
    assert wire.host(SERVER).roles == ("dhcp server", "gateway")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_same_frames_tell_the_same(case: Case) -> None:
    assert heard(case.name).told == heard(case.name).told


def test_a_lease_is_the_clients_until_it_gives_it_up() -> None:
    said = [one for one in heard("udhcpc").said if one.startswith("host.changed")]
    assert said == [
        "host.changed 52:54:00:77:01:01 eth1 addresses 10.77.0.148 udhcpc-host",
        "host.changed 52:54:00:77:01:01 eth1 addresses udhcpc-host",
    ]


@pytest.mark.parametrize(
    ("name", "mac", "version"),
    [("bios-pxe-full", "52:54:00:77:00:00", "1.0.0"), ("udhcpc", "52:54:00:77:01:01", "")],
)
def test_ipxe_is_known_by_its_own_options(name: str, mac: str, version: str) -> None:
    client = heard(name).host(mac).client
    assert client is not None
    assert client.ipxe == version


def test_a_client_that_speaks_for_another_is_not_believed() -> None:
    first = next(frames(CAPTURES / "udhcpc.pcap")).frame
    wire = Wire()
    wire.hears(first[:6] + bytes.fromhex("002590000001") + first[12:])
    assert wire.told == []
    assert wire.engine.counts[Means.DHCP].unproved == 1
