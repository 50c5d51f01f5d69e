"""The stream under load: one event to 1,000 websockets, 5,000 events a second to 100, 100,000 from the journal to one.

Three processes on loopback: the API with a real store and a real DHCP service, this one with the subscribers' sockets,
and a DHCP relay that does 200 exchanges a second while the stream works. Run as root, for DHCP's sockets. The figures:
milliseconds from before the write of an event to its last octet at a subscriber (so the disk's time is in it), events a
second, seconds to replay. `ratio` is ours over the goal.
"""

import asyncio
import json
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

from benchmarks import dora
from benchmarks.report import report, row
from fibrix import log
from fibrix.app.run import SWITCH_S
from fibrix.bus import Bus
from fibrix.domain.rack import RackSnapshot
from fibrix.events.machine import MachineUpdated
from fibrix.runtime.cell import Cell
from fibrix.services.dhcp.service import DhcpService, DhcpSettings
from fibrix.store.bindings import Bindings
from fibrix.store.db import Database
from fibrix.store.region import RegionUnit
from fibrix.types import MachineId
from tests.support.api import serving
from tests.support.site import Site, site
from tests.support.streams import handshake, raw

ROOT: Final = Path(__file__).resolve().parent.parent
MANY, SOME, RATE, FLOOD_S, REPLAYED = 1000, 100, 5000, 10, 100_000
UNIT: Final = 10
SHOTS: Final = 50
TICK_S: Final = 0.01


def event(number: int) -> MachineUpdated:
    """An event as there are many; its name tells when it was written, in ns of the monotonic clock."""
    name = f"{time.monotonic_ns():020}"
    return MachineUpdated(at=datetime.now(UTC), machine=MachineId(f"m{number:09}"), name=name, fields=("hardware",))


def append(count: int) -> Callable[[RegionUnit], None]:
    """A unit of work that writes so many events."""

    def work(unit: RegionUnit) -> None:
        for number in range(count):
            unit.append(event(number))

    return work


async def flood(at: Site, seconds: float) -> None:
    """Write RATE events a second at a steady pace, in units of UNIT: a machine's change tells of several things."""
    loop, written = asyncio.get_running_loop(), 0
    began_s = loop.time()
    while (now_s := loop.time()) < began_s + seconds:
        due = int((now_s - began_s) * RATE) // UNIT * UNIT
        for _ in range(written, due, UNIT):
            at.rig.region.post(append(UNIT))
        written = due
        await asyncio.sleep(TICK_S)
    await at.rig.region.change(append(1))


async def serve(folder: Path) -> None:
    """Serve, and do what is asked on standard input, a line each; the answer to each is the journal's head."""
    bus, snapshot = Bus(), Cell(RackSnapshot(subnets=(dora.SUBNET,)))
    settings = DhcpSettings(http_port=5248, server_port=dora.PORT, client_port=dora.PORT + 1)
    async with Database(folder / "bench-rack.db", "rack") as rack, site(folder) as at:
        dhcp = DhcpService(snapshot, Bindings(rack), bus, settings)
        async with serving(at.service()), asyncio.TaskGroup() as group:
            ready = asyncio.Event()
            task = group.create_task(dhcp.run(ready))
            await ready.wait()
            print(at.port, flush=True)
            while line := await asyncio.to_thread(sys.stdin.readline):
                what, _, count = line.strip().partition(" ")
                if what == "flood":
                    await flood(at, float(count))
                else:
                    for _ in range(max(1, int(count) // 500)):
                        await at.rig.region.change(append(min(int(count), 500)))
                print(at.rig.region.journal.head, flush=True)
            task.cancel()


class Server:
    """The serving process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.port = int(self.answer())

    def ask(self, line: str) -> None:
        """Tell it what to do."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def answer(self) -> str:
        """Wait for its answer."""
        assert self._process.stdout is not None
        return self._process.stdout.readline()


@contextmanager
def served() -> Iterator[Server]:
    """Start it, and end it."""
    with tempfile.TemporaryDirectory(prefix="fibrix-benchmark-") as folder:
        command = [sys.executable, "-m", "benchmarks.stream", "serve", folder]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        try:
            yield Server(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(timeout=30)


@contextmanager
def relay(seconds: float, first: int) -> Iterator[dict[str, float]]:
    """Have leases asked for while the block runs; the figures are there after it."""
    command = [sys.executable, "-m", "benchmarks.stream", "dora", str(seconds), str(first)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    figures: dict[str, float] = {}
    try:
        yield figures
    finally:
        out, _ = process.communicate(timeout=seconds + 30)
        figures.update(json.loads(out))


def subscribe(port: int, query: str, stack: ExitStack) -> tuple[socket.socket, bytes]:
    """Open a websocket, and read the answer to its handshake; gives what came behind that."""
    peer = stack.enter_context(raw(port, handshake(query)))
    head = b""
    while b"\r\n\r\n" not in head:
        head += peer.recv(65536)
    peer.settimeout(0)
    return peer, head.partition(b"\r\n\r\n")[2]


def one_to_many(server: Server) -> dict[str, float]:
    """Milliseconds from the write of one event to each of many subscribers."""
    took_ms: list[float] = []
    with ExitStack() as stack, selectors.DefaultSelector() as ready:
        for _ in range(MANY):
            ready.register(subscribe(server.port, "since=now", stack)[0], selectors.EVENT_READ)
        time.sleep(2)  # noqa: TID251 - all have joined
        for _ in range(SHOTS):
            server.ask("write 1")
            heard = 0
            while heard < MANY:
                for key, _ in ready.select():
                    data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                    now_ns = time.monotonic_ns()
                    if b'"name":"' in data:  # not a ping
                        took_ms.append((now_ns - int(data.partition(b'"name":"')[2][:20])) / 1e6)
                        heard += 1
            server.answer()
            time.sleep(0.05)  # noqa: TID251
    return {"p50_ms": quantiles(took_ms, n=100)[49], "p99_ms": quantiles(took_ms, n=100)[98], "most_ms": max(took_ms)}


def flooded(server: Server) -> dict[str, float]:
    """Write for FLOOD_S with SOME subscribers; events a second, and how late they are in the first and second half."""
    with ExitStack() as stack, selectors.DefaultSelector() as ready:
        total = [0] * SOME
        for number in range(SOME):
            ready.register(subscribe(server.port, "since=now", stack)[0], selectors.EVENT_READ, number)
        time.sleep(1)  # noqa: TID251
        server.ask(f"flood {FLOOD_S}")
        began_s = time.monotonic()
        late: list[tuple[float, float]] = []
        buffer = bytearray(1 << 20)
        quiet_s = 0.0
        while quiet_s < 1:
            events = ready.select(timeout=0.2)
            quiet_s = 0.0 if events else quiet_s + 0.2
            for key, _ in events:
                size = key.fileobj.recv_into(buffer)  # type: ignore[union-attr]
                total[key.data] += size
                if key.data == 0:
                    late += _latest(bytes(buffer[:size]), began_s)
        head = int(server.answer())
    ended_s = max(at for at, _ in late)
    halves = [[ms for at, ms in late if (at > FLOOD_S / 2) is second] for second in (False, True)]
    first, second = (quantiles(half, n=100)[98] for half in halves)
    assert len(set(total)) == 1, "not all got the same"
    return {"seconds": ended_s, "head": head, "first_half_p99_ms": first, "second_half_p99_ms": second}


def _latest(data: bytes, began_s: float) -> list[tuple[float, float]]:
    """The newest event in a piece of a stream: when it came, and how long after it was written, in ms."""
    now_ns = time.monotonic_ns()
    _, found, rest = data.rpartition(b'"name":"')
    if not found or not rest[:20].isdigit() or len(rest) < 20:
        return []
    return [(now_ns / 1e9 - began_s, (now_ns - int(rest[:20])) / 1e6)]


def replayed(server: Server) -> float:
    """Seconds to give REPLAYED events to one subscriber."""
    server.ask(f"write {REPLAYED}")
    head = int(server.answer())
    with ExitStack() as stack:
        began_s = time.perf_counter()
        peer, tail = subscribe(server.port, f"since={head - REPLAYED}", stack)
        peer.settimeout(10)
        end = f'"id":"{head}"'.encode()
        while end not in tail:
            tail = tail[-2000:] + peer.recv(1 << 20)
        return time.perf_counter() - began_s


def measure() -> list[dict[str, Any]]:
    """Measure all."""
    with served() as server:
        with relay(5, 1_000_000) as alone:
            pass
        with relay(12, 2_000_000) as meanwhile_many:
            many = one_to_many(server)
        before = int(_head(server))
        with relay(FLOOD_S + 3, 3_000_000) as meanwhile_flood:
            some = flooded(server)
        with relay(8, 4_000_000) as meanwhile_replay:
            replay_s = replayed(server)
    rate = (some["head"] - before) / some["seconds"]
    for name, figures in (
        ("one to many", many),
        ("flood", some),
        ("DHCP alone", alone),
        ("DHCP, one to many", meanwhile_many),
        ("DHCP, flood", meanwhile_flood),
        ("DHCP, replay", meanwhile_replay),
    ):
        print(json.dumps({"case": name} | {key: round(value, 2) for key, value in figures.items()}))
    dhcp_ms = max(each["p99_ms"] for each in (meanwhile_many, meanwhile_flood, meanwhile_replay))
    return [
        row(f"one event to {MANY} websockets, p99", many["p99_ms"], 60, "ms"),
        row(f"events into the journal with {SOME} websockets", rate, RATE, "events/s"),
        row("how late they are at the end, p99", some["second_half_p99_ms"], some["first_half_p99_ms"], "ms"),
        row(f"{REPLAYED} events replayed to one", replay_s, 5, "s"),
        row(f"a DHCP answer meanwhile at {dora.RATE} DORA/s, p99", dhcp_ms, 20, "ms"),
    ]


def _head(server: Server) -> str:
    server.ask("write 1")
    return server.answer()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", folder]:
            log.setup("error", "json")
            sys.setswitchinterval(SWITCH_S)
            asyncio.run(serve(Path(folder)))
        case ["dora", seconds, first]:
            print(json.dumps(asyncio.run(dora.ask_for(float(seconds), int(first)))))
        case _:
            report("stream", measure())
