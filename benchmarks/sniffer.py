"""ARP packets seen, and the CPU that each takes. Peers: tcpdump, which counts them, and arpwatch, which keeps hosts.

Run as root: each side hears in one network namespace, tcpreplay sends in another, over veth. Three interleaved rounds:
20,000/s for two seconds, then a burst of 40,000 packets at 100,000/s from 40,000 known hosts; the medians are quoted.
CPU is that of the process's threads, not what the kernel does for its sockets. Then ours alone: with 65,000 hosts known
and with few, and a million packets of which each has a MAC that was never there.

Run: `python -m benchmarks.sniffer [peers] [hosts] [flood]`; all three without a word.
"""

import json
import random
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Final

from benchmarks.dhcp_server import RELAY, SERVER
from benchmarks.report import middle, report, row
from benchmarks.sniffer_server import address_of, fill, mac_of
from tests.services.sniffer.frames import arp
from tests.support.netns import Wire, ip, wire

ROOT: Final = Path(__file__).resolve().parent.parent
ROUNDS: Final = 3
HOSTS: Final = 40_000
IDLE_SHARE: Final = 0.03  # of a core
MANY: Final = 65_000
FEW: Final = 1_000
FLOOD: Final = 1_000_000
BURST_PPS: Final = 100_000
STEADY_PPS: Final = 20_000
STEADY_S: Final = 2
SETTLE_S: Final = 0.3
PEERS_SETTLE_S: Final = 1.1  # tcpdump and arpwatch are handed what came in once a second, at the latest


def pause(seconds: float) -> None:
    """Do nothing."""
    Event().wait(seconds)


@dataclass
class Side:
    """Who hears, and what was found."""

    name: str
    seen: list[float] = field(default_factory=list)  # share of the burst
    burst_us: list[float] = field(default_factory=list)  # CPU for one that was seen
    core: list[float] = field(default_factory=list)  # share of one, at the steady rate


@dataclass
class Running:
    """A process that hears."""

    name: str
    process: subprocess.Popen[str]
    folder: Path
    began: float  # wall clock

    def ask(self) -> dict[str, float]:
        """What ours has counted."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        found: dict[str, float] = json.loads(self.process.stdout.readline())
        return found

    def settle(self) -> float:
        """Wait until it has nothing to do; the CPU seconds that it took until then."""
        used = self.cpu_s()
        while True:
            pause(SETTLE_S if self.name == "ours" else PEERS_SETTLE_S)
            before, used = used, self.cpu_s()
            if used - before < IDLE_SHARE * SETTLE_S:
                return used

    def cpu_s(self) -> float:
        """CPU seconds of all of its threads."""
        threads = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(one.read_text().split()[0]) for one in threads) / 1e9


def capture(path: Path, frames: Iterable[bytes]) -> Path:
    """Write a pcap file."""
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for frame in frames:
            file.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)
    return path


def of_hosts(count: int) -> Iterator[bytes]:
    """A packet of each host, in no order."""
    numbers = list(range(count))
    random.shuffle(numbers)
    return (arp(mac_of(number), address_of(number).packed) for number in numbers)


def send(net: Wire, file: Path, pps: int, loops: int = 1) -> float:
    """Send it, so many times; the packets a second that came of it."""
    options = ("-q", "-i", "c0", "--preload-pcap", f"--pps={pps}", f"--loop={loops}")
    command = ("ip", "netns", "exec", net.client, "tcpreplay", *options, str(file))
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return float(re.findall(r"([\d.]+) pps", said)[0])


def command(name: str, folder: Path) -> list[str]:
    """How a side is started."""
    if name == "ours":
        fill(folder, HOSTS)
        return [sys.executable, "-m", "benchmarks.sniffer_server", str(folder)]
    if name == "tcpdump":
        return ["tcpdump", "-Z", "root", "-nn", "-i", "s0", "-w", "/dev/null", "arp"]
    hour_ago = int(time.time()) - 3600
    lines = (f"{mac_of(n).hex(':')}\t{address_of(n)}\t{hour_ago}\t\ts0\n" for n in range(HOSTS))
    (folder / "arp.dat").write_text("".join(lines))
    return ["arpwatch", "-d", "-N", "-i", "s0", "-f", str(folder / "arp.dat")]


@contextmanager
def hearing(name: str, net: Wire, folder: Path, told: list[str]) -> Iterator[Running]:
    """A side that hears; `told` is how it is started."""
    with (folder / "output").open("w") as output:
        process = subprocess.Popen(
            ("ip", "netns", "exec", net.server, *told),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if name == "ours" else output,
            stderr=output,
            cwd=ROOT,
            text=True,
        )
    try:
        if name == "ours":
            assert process.stdout
            process.stdout.readline()
        pause(SETTLE_S)
        yield Running(name, process, folder, time.time())
    finally:
        if name == "ours" and process.stdin:
            process.stdin.close()
        elif process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(timeout=10)


def seen_in_all(side: Running) -> int:
    """How many packets a side says that it saw. The peers tell at their end."""
    if side.name == "ours":
        return int(side.ask()["frames"])
    side.process.send_signal(signal.SIGINT)
    side.process.wait(timeout=10)
    if side.name == "tcpdump":
        return int(re.findall(r"(\d+) packets captured", (side.folder / "output").read_text())[0])
    lines = (side.folder / "arp.dat").read_text().splitlines()
    return sum(int(line.split("\t")[2]) >= int(side.began) for line in lines)


def measure(side: Side, net: Wire, file: Path) -> None:
    """Send both loads to a side that has just begun: the burst last, as the peers tell at their end what they saw."""
    with tempfile.TemporaryDirectory() as folder:
        told = command(side.name, Path(folder))
        with hearing(side.name, net, Path(folder), told) as running:
            before = running.cpu_s()
            send(net, file, STEADY_PPS, STEADY_PPS * STEADY_S // HOSTS)
            steady = running.settle()
            earlier = seen_in_all(running) if side.name == "ours" else STEADY_PPS * STEADY_S
            running.began = time.time()
            rate = send(net, file, BURST_PPS)
            burst = running.settle() - steady
            seen = seen_in_all(running) - (0 if side.name == "arpwatch" else earlier)
    side.core.append((steady - before) / STEADY_S)
    side.seen.append(seen / HOSTS)
    side.burst_us.append(burst / max(seen, 1) * 1e6)
    print(
        f"{side.name}: {STEADY_PPS}/s take {side.core[-1]:.1%} of a core; of a burst of {rate:.0f}/s"
        f" {seen / HOSTS:.2%} were seen, {side.burst_us[-1]:.2f} us each",
        flush=True,
    )


def peers(net: Wire, folder: Path) -> list[dict[str, object]]:
    """Ours beside the others, in turns."""
    file = capture(folder / "known.pcap", of_hosts(HOSTS))
    sides = ours, tcpdump, arpwatch = [Side("ours"), Side("tcpdump"), Side("arpwatch")]
    for _ in range(ROUNDS):
        for side in sides:
            measure(side, net, file)
    return [
        row("share of the burst seen, beside arpwatch", middle(ours.seen), middle(arpwatch.seen), ""),
        row("share of the burst seen, beside tcpdump", middle(ours.seen), middle(tcpdump.seen), ""),
        row("CPU per packet of the burst, beside arpwatch", middle(ours.burst_us), middle(arpwatch.burst_us), "us"),
        row("CPU per packet of the burst, beside tcpdump", middle(ours.burst_us), middle(tcpdump.burst_us), "us"),
        row(f"share of a core at {STEADY_PPS}/s, beside arpwatch", middle(ours.core), middle(arpwatch.core), ""),
        row(f"share of a core at {STEADY_PPS}/s, beside tcpdump", middle(ours.core), middle(tcpdump.core), ""),
    ]


def alone(net: Wire, file: Path, known: int) -> tuple[float, float]:
    """CPU microseconds for a packet, and MB in memory, with so many hosts known that speak in turns."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder, known)
        told = [sys.executable, "-m", "benchmarks.sniffer_server", str(folder)]
        with hearing("ours", net, folder, told) as running:
            before, at_first = running.cpu_s(), running.ask()["frames"]
            send(net, file, BURST_PPS)
            cpu, found = running.settle() - before, running.ask()
            return cpu / max(found["frames"] - at_first, 1) * 1e6, found["memory_mb"]


def hosts(net: Wire, folder: Path) -> list[dict[str, object]]:
    """The same load with many hosts known and with few; then one from all of the many."""
    few = capture(folder / "few.pcap", [frame for _ in range(MANY // FEW) for frame in of_hosts(FEW)])
    all_of_them = capture(folder / "many.pcap", of_hosts(MANY))
    rounds = [(alone(net, few, MANY), alone(net, few, FEW), alone(net, all_of_them, MANY)) for _ in range(ROUNDS)]
    full, empty, busy = (tuple(middle([one[case][figure] for one in rounds]) for figure in (0, 1)) for case in range(3))
    return [
        row(f"CPU per packet of {FEW} hosts, {MANY} known beside {FEW}", full[0], empty[0], "us"),
        row(f"CPU per packet when {MANY} hosts speak in turns, beside {FEW}", busy[0], empty[0], "us"),
        row(f"memory, {MANY} hosts known beside {FEW}", busy[1], empty[1], "MB"),
    ]


def flood(net: Wire, folder: Path) -> list[dict[str, object]]:
    """A million MACs."""
    file = capture(folder / "flood.pcap", (arp(b"\x02" + random.randbytes(5)) for _ in range(FLOOD)))
    state = folder / "state"
    state.mkdir()
    told = [sys.executable, "-m", "benchmarks.sniffer_server", str(state)]
    with hearing("ours", net, state, told) as running:
        before, at_first = running.cpu_s(), running.ask()["memory_mb"]
        send(net, file, BURST_PPS)
        cpu, found = running.settle() - before, running.ask()
    print({**found, "cpu_us": cpu / found["frames"] * 1e6}, flush=True)
    return [row(f"memory after {FLOOD} random MACs, beside before", found["memory_mb"], at_first, "MB")]


def main(parts: list[str]) -> None:
    """Measure what is asked for."""
    work = {"peers": peers, "hosts": hosts, "flood": flood}
    found: list[dict[str, object]] = []
    with wire("fxbench") as net, tempfile.TemporaryDirectory() as folder:
        net.plug(f"{SERVER}/8")
        ip("-n", net.client, "addr", "add", f"{RELAY}/8", "dev", "c0")
        for part in parts or list(work):
            found += work[part](net, Path(folder))
    report("sniffer", found)


if __name__ == "__main__":
    main(sys.argv[1:])
