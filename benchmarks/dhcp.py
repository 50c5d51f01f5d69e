"""Four-way DHCP exchanges a second. Peers: ISC dhcpd, which syncs its lease file like us, and Kea, which does not.

Run as root: each server stands in one network namespace, perfdhcp in another, over veth; it speaks as a relay, each
exchange is a new client's. A server's rate is the highest of the steps at which less than 1% is lost; three interleaved
rounds, the median is quoted. Then ours alone: CPU per exchange with no lease and with 50,000, and the seconds from the
start of the process with 50,000 leases to its first offer.

How fast a server is that syncs depends on the disk, so ours and dhcpd are measured on two: as it is here, and as if
each sync took a millisecond more (benchmarks/slow_disk.c), as on a good disk without a cache of its own.
"""

import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.dhcp_server import RELAY, SERVER, fill
from benchmarks.report import middle, report, row
from fibrix.types import MacAddress
from tests.services.dhcp.rack import discover
from tests.support.netns import entered, ip, namespace

ROOT: Final = Path(__file__).resolve().parent.parent
ROUNDS: Final = 3
PROBE_S: Final = 2
MOST_LOST: Final = 0.01
LEASES: Final = 50_000
STEADY: Final = 2_000  # exchanges a second while CPU is counted
TICKS: Final = 100  # of /proc/PID/stat, per second

KEA: Final = """{{"Dhcp4": {{"interfaces-config": {{"interfaces": ["s0"], "dhcp-socket-type": "udp"}},
 "lease-database": {{"type": "memfile", "persist": true, "name": "{folder}/leases.csv", "lfc-interval": 0}},
 "loggers": [{{"name": "kea-dhcp4", "severity": "ERROR", "output_options": [{{"output": "{folder}/log"}}]}}],
 "valid-lifetime": 3600, "subnet4": [{{"id": 1, "subnet": "10.0.0.0/8",
 "pools": [{{"pool": "10.1.0.0-10.16.255.255"}}], "option-data": [{{"name": "routers", "data": "10.0.0.2"}},
 {{"name": "domain-name-servers", "data": "10.0.0.1"}}, {{"name": "domain-name", "data": "bench.example"}}]}}]}}}}"""
DHCPD: Final = """authoritative; default-lease-time 3600; max-lease-time 3600;
ping-check false; subnet 10.0.0.0 netmask 255.0.0.0 {{ range 10.1.0.0 10.1.127.255; option routers 10.0.0.2;
 option domain-name-servers 10.0.0.1; option domain-name "bench.example"; }}"""


@dataclass
class Side:
    """A server, the steps of its rate, and what was found."""

    name: str
    slow: bool  # on the slower disk
    steps: Sequence[int]
    at: int  # the step to begin with
    best: list[int] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)  # per exchange, at the best step


def command(side: str, folder: Path) -> list[str]:
    """How a server is started, its configuration in the folder."""
    if side == "ours":
        return [sys.executable, "-m", "benchmarks.dhcp_server", str(folder)]
    config = folder / "config"
    if side == "kea":
        config.write_text(KEA.format(folder=folder))
        env = ["env", f"KEA_PIDFILE_DIR={folder}", f"KEA_LOCKFILE_DIR={folder}"]
        return [*env, "kea-dhcp4", "-c", str(config)]
    config.write_text(DHCPD.format())
    (folder / "leases").touch()
    files = ["-cf", str(config), "-lf", str(folder / "leases"), "-pf", str(folder / "pid")]
    return ["dhcpd", "-4", "-f", "-q", *files, "s0"]


@contextmanager
def serving(side: str, names: tuple[str, str], folder: Path, preload: Path | None = None) -> Iterator[int]:
    """A server that answers; gives its process id. `preload` is loaded into it."""
    env = None if preload is None else {**os.environ, "LD_PRELOAD": str(preload)}
    with (folder / "output").open("w") as output:
        process = subprocess.Popen(
            ["ip", "netns", "exec", names[0], *command(side, folder)], stdout=output, stderr=output, cwd=ROOT, env=env
        )
    try:
        first_offer(names[1])
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=10)


def first_offer(name: str, limit_s: float = 10) -> None:
    """Ask until there is an offer."""
    with entered(name):
        asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with closing(asking):
        asking.bind((str(RELAY), 67))
        asking.settimeout(0.01)
        question = discover(MacAddress("02:fe:00:00:00:01"), giaddr=RELAY).encode()
        until_s = time.perf_counter() + limit_s
        while time.perf_counter() < until_s:
            with suppress(TimeoutError, ConnectionRefusedError):
                asking.sendto(question, (str(SERVER), 67))
                asking.recv(2048)
                return
    raise TimeoutError("no offer")


def cpu_s(pid: int) -> float:
    """CPU seconds of a process, in user and kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def load(name: str, rate: int, pid: int, seconds: int = PROBE_S) -> tuple[float, float]:
    """Do new clients' exchanges at a rate; the lost share (the worse half's), and the server's CPU seconds for one."""
    mac = ":".join(f"{octet:02x}" for octet in (2, *random.randbytes(3), 0, 0))
    options = ["-r", str(rate), "-p", str(seconds), "-R", "16000000", "-W", "300000", "-b", f"mac={mac}"]
    before = cpu_s(pid)
    ran = subprocess.run(
        ["ip", "netns", "exec", name, "perfdhcp", "-4", *options, "-l", "c0", str(SERVER)],
        capture_output=True,
        text=True,
        check=False,  # it fails when anything is lost
    )
    got = [int(number) for number in re.findall(r"received packets: (\d+)", ran.stdout)]
    if len(got) != 2 or not got[1]:
        return 1.0, 0.0
    return 1 - min(got) / (rate * seconds), (cpu_s(pid) - before) / got[1]


def highest(side: Side, names: tuple[str, str], slow_disk: Path) -> None:
    """Go up the steps while little is lost, or down until it is; the next round begins where this one ended."""
    preload = slow_disk if side.slow else None
    with tempfile.TemporaryDirectory() as folder, serving(side.name, names, Path(folder), preload) as pid:
        passed: dict[int, float] = {}
        while True:
            rate = side.steps[side.at]
            lost, cpu = load(names[1], rate, pid)
            good = lost < MOST_LOST
            disk = ", slow disk" if side.slow else ""
            print(f"{side.name}{disk} {rate}/s: {lost:.2%} lost, {cpu * 1e6:.0f} us", flush=True)
            if good:
                passed[side.at] = cpu
            last = side.at + 1 == len(side.steps) if good else side.at == 0
            if last or side.at + 1 in passed or (not good and side.at - 1 in passed):
                break
            side.at += 1 if good else -1
        side.at = max(passed, default=0)
        side.best.append(side.steps[side.at] if passed else 0)
        side.cpu_us.append(passed.get(side.at, 0) * 1e6)


def with_leases(names: tuple[str, str], leases: int) -> tuple[float, float]:
    """Seconds from the start to the first offer, and CPU microseconds per exchange, with so many leases there."""
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder), leases)
        began = time.perf_counter()
        with serving("ours", names, Path(folder)) as pid:
            took = time.perf_counter() - began
            return took, load(names[1], STEADY, pid, 3)[1] * 1e6


def build_slow_disk(folder: Path) -> Path:
    """Make the library that makes syncs slower."""
    built = folder / "slow_disk.so"
    source = ROOT / "benchmarks" / "slow_disk.c"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", str(built), str(source), "-ldl"], check=True)
    return built


def main() -> None:
    """Measure all of it."""
    fast, slow = range(1_000, 14_001, 1_000), range(100, 3_001, 200)
    sides = [
        Side("ours", slow=False, steps=fast, at=6),
        Side("kea", slow=False, steps=fast, at=6),
        Side("dhcpd", slow=False, steps=slow, at=6),
        Side("ours", slow=True, steps=fast, at=6),
        Side("dhcpd", slow=True, steps=slow, at=2),
    ]
    with tempfile.TemporaryDirectory() as folder, namespace("fxbench-s") as server, namespace("fxbench-c") as client:
        ip("-n", server, "link", "add", "s0", "type", "veth", "peer", "name", "c0", "netns", client)
        for name, device, address in ((server, "s0", SERVER), (client, "c0", RELAY)):
            ip("-n", name, "addr", "add", f"{address}/8", "dev", device)
            ip("-n", name, "link", "set", device, "up")
        names = (server, client)
        slow_disk = build_slow_disk(Path(folder))
        for _ in range(ROUNDS):
            for side in sides:
                highest(side, names, slow_disk)
        alone = [(with_leases(names, 0), with_leases(names, LEASES)) for _ in range(ROUNDS)]
    ours, kea, dhcpd, ours_slow, dhcpd_slow = (middle(side.best) for side in sides)
    empty, full = (middle([one[place][1] for one in alone]) for place in (0, 1))
    restart = middle([one[1][0] for one in alone])
    report(
        "dhcp",
        [
            row("exchanges/s, each on the disk before its ACK, beside dhcpd", ours, dhcpd, "1/s"),
            row("the same, each sync a millisecond slower", ours_slow, dhcpd_slow, "1/s"),
            row("exchanges/s, beside kea, which does not sync", ours, kea, "1/s"),
            row("CPU per exchange at that rate, beside kea", middle(sides[0].cpu_us), middle(sides[1].cpu_us), "us"),
            row(f"CPU per exchange at {STEADY}/s, {LEASES} leases beside none", full, empty, "us"),
            row(f"start with {LEASES} leases to first offer", restart, None, "s"),
        ],
    )


if __name__ == "__main__":
    main()
