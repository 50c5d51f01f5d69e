"""Queries per second and CPU per query with 10,000 A records. Peers: BIND's named, dnsmasq; load: dnsperf.

Run: `python -m benchmarks.dns [SECONDS]`, 3 for each measurement by default. The servers are in one network namespace,
dnsperf in another, joined by veth. Five interleaved rounds, the median is quoted. CPU is the server's process, user
and system, over the queries that it answered. Our rate limit stands where it never limits, and counts all the same.
Last: from a new record in the snapshot to the first right answer, with 10,000 names.
"""

import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path

import dns.asyncquery
import dns.message

from benchmarks.report import middle, report, row
from fibrix.domain.dns import DnsSnapshot, Record
from fibrix.runtime.cell import Cell
from fibrix.services.dns.service import DnsService
from fibrix.services.dns.settings import DnsSettings
from tests.services.dns.site import changed, zone
from tests.support.netns import Wire, entered, ip, wire

ROUNDS = 5
NAMES = 10_000
FRESH = 50
SERVER, CLIENT = "198.18.0.1", "198.18.0.2"
TICKS = os.sysconf("SC_CLK_TCK")
PORTS = {"fibrix": 5301, "bind": 5302, "dnsmasq": 5303}
NO_LIMIT = 100_000_000


def entries() -> list[Record]:
    """The zone's records, its NS among them."""
    ours = [Record(name=f"n{n}.rack.example", type="A", ttl=300, value=address(n)) for n in range(NAMES)]
    return [Record(name="rack.example", type="NS", ttl=300, value="n0.rack.example"), *ours]


def address(number: int) -> str:
    """The address of a name."""
    return f"10.0.{number // 250}.{number % 250 + 1}"


def snapshot(records: list[Record]) -> DnsSnapshot:
    """What our service gets."""
    return DnsSnapshot(zones={"rack.example": zone("rack.example", records)}, listen=(IPv4Address(SERVER),))


async def serve(cell: Cell[DnsSnapshot]) -> None:
    """Serve until killed."""
    settings = DnsSettings(port=PORTS["fibrix"], rate=NO_LIMIT, local_rate=NO_LIMIT)
    await DnsService(cell, settings).run(asyncio.Event())


def bind_files(folder: Path) -> list[str]:
    """Write named's files; its command."""
    dot = {"NS": ".", "A": ""}
    lines = [f"{entry.name}. {entry.ttl} {entry.type} {entry.value}{dot[entry.type]}" for entry in entries()]
    soa = "rack.example. 300 SOA ns.rack.example. h.rack.example. 1 3600 600 604800 60"
    (folder / "zone").write_text("\n".join([soa, *lines, ""]))
    (folder / "named.conf").write_text(
        f'options {{ directory "{folder}"; listen-on port {PORTS["bind"]} {{ {SERVER}; }}; listen-on-v6 {{ none; }};'
        f" recursion no; pid-file none; session-keyfile none; }}; controls {{ }};"
        f' zone "rack.example" {{ type primary; file "{folder}/zone"; }};'
    )
    return ["named", "-g", "-n", "1", "-c", str(folder / "named.conf")]


def dnsmasq_files(folder: Path) -> list[str]:
    """Write dnsmasq's file of hosts; its command."""
    hosts = [f"{record.value} {record.name}" for record in entries() if record.type == "A"]
    (folder / "hosts").write_text("\n".join([*hosts, ""]))
    place = [f"--port={PORTS['dnsmasq']}", f"--listen-address={SERVER}", "--bind-interfaces"]
    alone = ["--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null", "--user=root", "--pid-file="]
    return ["dnsmasq", *alone, *place, f"--addn-hosts={folder}/hosts", "--local-ttl=300"]


@contextmanager
def servers(folder: Path) -> Iterator[dict[str, int]]:
    """All three, by name; their process ids."""
    folder.chmod(0o755)
    commands = {
        "fibrix": [sys.executable, "-m", "benchmarks.dns", "serve"],
        "bind": bind_files(folder),
        "dnsmasq": dnsmasq_files(folder),
    }
    quiet = subprocess.DEVNULL
    running = {name: subprocess.Popen(command, stdout=quiet, stderr=quiet) for name, command in commands.items()}
    try:
        time.sleep(3)  # noqa: TID251 - they load 10,000 names
        yield {name: process.pid for name, process in running.items()}
    finally:
        for process in running.values():
            process.terminate()
            process.wait()


def cpu_s(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def load(net: Wire, port: int, pid: int, folder: Path, seconds: int) -> tuple[float, float]:
    """Load one server: queries/s, CPU µs per query."""
    before = cpu_s(pid)
    command = [
        "dnsperf",
        "-s",
        SERVER,
        "-p",
        str(port),
        "-d",
        str(folder / "asked"),
        "-l",
        str(seconds),
        "-c",
        "8",
        "-q",
        "200",
    ]
    told = subprocess.run(
        ["ip", "netns", "exec", net.client, *command], capture_output=True, text=True, check=True
    ).stdout
    used = cpu_s(pid) - before
    done = int(re.search(r"Queries completed:\s+(\d+)", told)[1])  # type: ignore[index]
    assert re.search(r"NOERROR \d+ \(100.00%\)", told), told
    rate = float(re.search(r"Queries per second:\s+([\d.]+)", told)[1])  # type: ignore[index]
    return rate, used / done * 1e6


async def fresh() -> list[float]:
    """Milliseconds from a new record to its first right answer, each of many, asked by dnspython."""
    cell, took = Cell(snapshot(entries())), []
    task_ready = asyncio.Event()
    settings = DnsSettings(port=5304, rate=NO_LIMIT)
    service = DnsService(cell, settings)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(service.run(task_ready), name="dns")
        await task_ready.wait()
        await dns.asyncquery.udp(dns.message.make_query("n1.rack.example", "A"), SERVER, 2, 5304)
        for number in range(FRESH):
            record = Record(name=f"new{number}.rack.example", type="A", ttl=60, value="192.0.2.1")
            query = dns.message.make_query(record.name, "A")
            after = changed(cell.value.zones["rack.example"], add=[record])
            began = time.perf_counter()
            cell.replace(DnsSnapshot(zones={"rack.example": after}, listen=cell.value.listen))
            while not (await dns.asyncquery.udp(query, SERVER, 2, 5304)).answer:
                pass
            took.append((time.perf_counter() - began) * 1e3)
        task.cancel()
    return took


def measure(seconds: int) -> list[dict[str, object]]:
    """All sides, in turns."""
    rates: dict[str, list[float]] = {name: [] for name in PORTS}
    costs: dict[str, list[float]] = {name: [] for name in PORTS}
    with tempfile.TemporaryDirectory() as place, wire("dnsbench") as net:
        folder = Path(place)
        net.plug(f"{SERVER}/24")
        ip("-n", net.client, "addr", "add", f"{CLIENT}/24", "dev", "c0")
        (folder / "asked").write_text("".join(f"n{n * 7919 % NAMES}.rack.example A\n" for n in range(NAMES)))
        with servers(folder) as pids:
            for _ in range(ROUNDS):
                for name, port in PORTS.items():
                    rate, cost = load(net, port, pids[name], folder, seconds)
                    rates[name].append(rate)
                    costs[name].append(cost)
                    print(f"{name}: {rate:.0f} queries/s, {cost:.1f} µs", file=sys.stderr)
        with entered(net.server):
            took = asyncio.run(fresh())
    qps = {name: middle(values) for name, values in rates.items()}
    cpu = {name: middle(values) for name, values in costs.items()}
    return [
        row("10,000 names, beside dnsmasq", qps["fibrix"], qps["dnsmasq"], "queries/s"),
        row("10,000 names, beside BIND", qps["fibrix"], qps["bind"], "queries/s"),
        row("CPU per query, beside BIND", cpu["fibrix"], cpu["bind"], "µs"),
        row("CPU per query, beside dnsmasq", cpu["fibrix"], cpu["dnsmasq"], "µs"),
        row(f"new record to its first answer, median of {FRESH}", middle(took), None, "ms"),
        row(f"new record to its first answer, slowest of {FRESH}", max(took), None, "ms"),
    ]


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        asyncio.run(serve(Cell(snapshot(entries()))))
    else:
        report("dns", measure(int(sys.argv[1]) if sys.argv[1:] else 3))
