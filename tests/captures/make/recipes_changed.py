"""Cases that are made of others: VLAN tags, which a kernel may not know; forms of files; hours without a word."""

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from fibrix.wire.capture import pcap
from fibrix.wire.capture.linktype import EN10MB
from tests.captures.make import dhcp
from tests.captures.make.lab import Host, Lab, passes, stop
from tests.captures.make.recipe import case, changed
from tests.captures.make.recipes_arp import ping
from tests.support.pcap import frames
from tests.support.pcapng import Writer

REWRITE: Final = "tcpreplay"
HOUR_US: Final = 3_600_000_000


def tag(of: Path, to: Path, vlan: int, priority: int = 0, protocol: str = "802.1q") -> None:
    """Put a VLAN tag into every frame, by tcprewrite."""
    words = (f"--enet-vlan-tag={vlan}", "--enet-vlan-cfi=0", f"--enet-vlan-pri={priority}")
    how = ("--enet-vlan=add", f"--enet-vlan-proto={protocol}", *words)
    subprocess.run(("tcprewrite", *how, f"--infile={of}", f"--outfile={to}"), check=True, capture_output=True)


def recorded(of: Path) -> list[tuple[int, bytes]]:
    """The frames of a capture, with their times in microseconds since 1970."""
    return [(round(one.at.timestamp() * 1_000_000), one.frame) for one in frames(of)]


def write(to: Path, packets: Iterable[tuple[int, bytes]]) -> None:
    """Write frames as a capture."""
    records = (pcap.record(at_us, frame, len(frame)) for at_us, frame in packets)
    to.write_bytes(pcap.header(EN10MB) + b"".join(records))


@changed("vlan/conflict", "arp/conflict", REWRITE)
def conflict(of: Path, to: Path) -> None:
    """Two hosts contest an address in VLAN 10; the tag is tcprewrite's."""
    tag(of, to, 10)


@changed("vlan/dhcp", "dhcp4/udhcpc-dhcpd", REWRITE)
def dhcp_tagged(of: Path, to: Path) -> None:
    """udhcpc and dhcpd in VLAN 120, with priority 3; the tag is tcprewrite's."""
    tag(of, to, 120, 3)


@changed("vlan/slaac", "nd/slaac")
def slaac(of: Path, to: Path) -> None:
    """IPv6 neighbour discovery in VLAN 77; tags put in by the recipe: tcprewrite writes over MACs of IPv6 frames."""
    mark = (0x8100_0000 | 77).to_bytes(4)
    write(to, [(at_us, frame[:12] + mark + frame[12:]) for at_us, frame in recorded(of)])


@changed("vlan/mdns", "mdns/services", REWRITE)
def mdns(of: Path, to: Path) -> None:
    """avahi in VLAN 4094, the last one; the tag is tcprewrite's."""
    tag(of, to, 4094)


@changed("vlan/priority-only", "arp/ping", REWRITE)
def priority(of: Path, to: Path) -> None:
    """A tag with a priority and VLAN 0, which is none; the tag is tcprewrite's."""
    tag(of, to, 0, 5)


@changed("vlan/qinq", "arp/announced", REWRITE)
def qinq(of: Path, to: Path) -> None:
    """VLAN 10 of a customer inside of VLAN 200 of a provider (802.1ad); the tags are tcprewrite's."""
    inner = to.with_suffix(".inner")
    tag(of, inner, 10)
    tag(inner, to, 200, protocol="802.1ad")


@changed("vlan/host-moves", "arp/announced", REWRITE)
def moves(of: Path, to: Path) -> None:
    """A host announces itself in VLAN 10, and a minute later in VLAN 20; tags by tcprewrite, times moved."""
    parts: list[tuple[int, bytes]] = []
    for number, vlan in enumerate((10, 20)):
        each = to.with_suffix(f".{vlan}")
        tag(of, each, vlan)
        parts += [(at_us + number * 60_000_000, frame) for at_us, frame in recorded(each)]
    write(to, parts)


@changed("vlan/in-two-at-once", "arp/announced", REWRITE)
def at_once(of: Path, to: Path) -> None:
    """One MAC speaks in VLAN 10 and in VLAN 20 in turns, as a router does; tags by tcprewrite, joined by time."""
    each = [to.with_suffix(f".{vlan}") for vlan in (10, 20)]
    for vlan, file in zip((10, 20), each, strict=True):
        tag(of, file, vlan)
    write(to, sorted(packet for file in each for packet in recorded(file)))


@changed("time/gone-and-back", "arp/announced")
def gone(of: Path, to: Path) -> None:
    """A host announces itself, is silent for two hours and announces itself again: the same packets, times moved."""
    first = recorded(of)
    write(to, [*first, *[(at_us + 2 * HOUR_US, frame) for at_us, frame in first]])


@changed("time/clock-set-back", "arp/announced")
def set_back(of: Path, to: Path) -> None:
    """The clock of the recording machine is set back by an hour in the middle: the same packets, times moved."""
    first = recorded(of)
    write(to, [*first, *[(at_us - HOUR_US, frame) for at_us, frame in first]])


@changed("format/pcapng", "dhcp4/dhclient-kea", suffix=".pcapng")
def pcapng(of: Path, to: Path) -> None:
    """A capture as pcapng, with an interface named eth1; written anew by the project's tests."""
    writer = Writer()
    blocks = [writer.section(), writer.interface("eth1")]
    to.write_bytes(b"".join([*blocks, *[writer.packet(frame, at_us) for at_us, frame in recorded(of)]]))


@changed(
    "format/cut",
    "dhcp4/udhcpc-dhcpd",
    fault="the capture ends at octet 1830, in the middle of the packet at octet 1572",
)
def cut(of: Path, to: Path) -> None:
    """A capture whose last packet is cut off in the middle, as a full disk leaves it."""
    to.write_bytes(of.read_bytes()[:-100])


def tcpdump(host: Host, *options: str) -> tuple[dhcp.Program, Path]:
    """Record in a host by tcpdump."""
    file = host.folder / "tcpdump.pcap"
    process = host.start("tcpdump", "-Z", "root", "-U", "-n", "-w", file, *options)
    passes(1.5)
    return process, file


def _by_tcpdump(lab: Lab, *options: str) -> None:
    gate = dhcp.served(lab, "dhcpd")
    process, file = tcpdump(gate, *options)
    host = lab.host("birch")
    client = dhcp.udhcpc(host)
    host.has_address()
    ping(host, "10.77.0.1")
    passes(3.5)
    dhcp.leave(host, client, "udhcpc")
    stop(process)
    lab.instead = lab.folder / "instead.pcap"
    lab.instead.write_bytes(file.read_bytes())


@case("format/any-sll2", "tcpdump", "udhcpc", "isc-dhcp-server")
def sll2(lab: Lab) -> None:
    """udhcpc and dhcpd, recorded on the server by tcpdump on all interfaces: Linux cooked v2, what it sends too."""
    _by_tcpdump(lab, "-i", "any", "-y", "LINUX_SLL2")


@case("format/any-sll", "tcpdump", "udhcpc", "isc-dhcp-server")
def sll(lab: Lab) -> None:
    """udhcpc and dhcpd, recorded on the server by tcpdump on all interfaces: Linux cooked v1, what it sends too."""
    _by_tcpdump(lab, "-i", "any", "-y", "LINUX_SLL")


@case("format/nanoseconds", "tcpdump", "udhcpc", "isc-dhcp-server")
def nanoseconds(lab: Lab) -> None:
    """udhcpc and dhcpd, recorded on the server by tcpdump with times in nanoseconds."""
    _by_tcpdump(lab, "-i", "eth0", "--time-stamp-precision=nano")


@case("format/short-packets", "tcpdump", "udhcpc", "isc-dhcp-server")
def short(lab: Lab) -> None:
    """udhcpc and dhcpd, recorded on the server by tcpdump with 96 octets of each packet: DHCP can't be read."""
    _by_tcpdump(lab, "-i", "eth0", "-s", "96")
