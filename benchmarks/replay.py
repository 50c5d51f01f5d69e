"""Replay of captures beside tcpdump and arpwatch reading the same: whole commands, packets per second.

ARP: 600,000 packets of 1,000 hosts. DHCP: 60,000 messages of 3,000 clients. A peer prints a
line for each packet; we print what is news.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address
from pathlib import Path
from shutil import which
from typing import Final

from benchmarks.report import middle, report, row
from fibrix.types import mac_from_octets
from fibrix.wire.capture import pcap
from fibrix.wire.capture.linktype import EN10MB
from fibrix.wire.ipv4 import UdpDatagram
from tests.services.dhcp.rack import discover, request

ROUNDS: Final = 3
START_US: Final = 1_700_000_000_000_000
ARP_PACKETS: Final = 600_000
ARP_HOSTS: Final = 1_000
DHCP_PACKETS: Final = 60_000
DHCP_CLIENTS: Final = 3_000

_ANY: Final = IPv4Address("0.0.0.0")
_ALL: Final = IPv4Address("255.255.255.255")


def _mac(host: int) -> bytes:
    return b"\x00\x25\x90" + host.to_bytes(3)


def _arp() -> Iterator[bytes]:
    for i in range(ARP_PACKETS):
        host = i % ARP_HOSTS
        sender = _mac(host) + IPv4Address(0x0A000001 + host).packed
        target = bytes(6) + IPv4Address(0x0A00FFFE).packed
        head = b"\xff" * 6 + _mac(host) + bytes.fromhex("0806 0001 0800 06 04 0001")
        yield head + sender + target + bytes(18)


def _dhcp() -> Iterator[bytes]:
    for i in range(DHCP_PACKETS):
        client = i % DHCP_CLIENTS
        mac = mac_from_octets(_mac(client))
        options = {
            12: b"node-%d" % client,
            55: bytes([1, 3, 6, 12, 15, 28, 42, 43, 60, 66, 67]),
            57: (1472).to_bytes(2),
            60: b"PXEClient:Arch:00007:UNDI:003016",
            93: b"\0\7",
            97: b"\0" + b"benchmark..." + client.to_bytes(4),
        }
        speak = request if i // DHCP_CLIENTS % 2 else discover
        packet = UdpDatagram(_ANY, 68, _ALL, 67, speak(mac, options=options).encode(1472)).encode()
        yield b"\xff" * 6 + _mac(client) + b"\x08\x00" + packet


def _write(file: Path, frames: Iterator[bytes]) -> None:
    with file.open("wb") as out:
        out.write(pcap.header(EN10MB))
        for i, frame in enumerate(frames):
            out.write(pcap.record(START_US + i * 10, frame, len(frame)))


def _seconds(command: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
    return time.perf_counter() - began


def _rates(commands: Mapping[str, Sequence[str]], packets: int) -> dict[str, float]:
    """Packets per second of each command, in turns."""
    took: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            took[name].append(_seconds(command))
    return {name: packets / middle(seconds) for name, seconds in took.items()}


def _commands(file: Path, folder: Path) -> dict[str, Sequence[str]]:
    commands: dict[str, Sequence[str]] = {
        "ours": (sys.executable, "-m", "fibrix", "replay", "--json", str(file)),
        "tcpdump": ("tcpdump", "-nn", "-r", str(file)),
    }
    if file.name == "arp.pcap" and which("arpwatch"):
        data = folder / "arp.dat"
        data.touch()
        # In a namespace without a network: it looks up the names of hosts, and waits for the answers.
        commands["arpwatch"] = ("unshare", "-rn", "arpwatch", "-d", "-N", "-f", str(data), "-r", str(file))
    return commands


def main() -> None:
    """Make the captures, measure, print."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind, frames, packets in (("arp", _arp(), ARP_PACKETS), ("dhcp", _dhcp(), DHCP_PACKETS)):
            file = folder / f"{kind}.pcap"
            _write(file, frames)
            rates = _rates(_commands(file, folder), packets)
            ours = rates.pop("ours")
            rows += [row(f"{kind} beside {peer}", ours, rate, "packets/s") for peer, rate in rates.items()]
            print(kind, f"{ours:,.0f}", rates)
    report("replay", rows)


if __name__ == "__main__":
    main()
