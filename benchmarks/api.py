"""How fast the API answers: small authenticated requests beside a bare aiohttp, and lists of a large fleet.

Processes on loopback: the API on a real store with ten thousand machines, for one figure another with a thousand, an
aiohttp application that gives the same number of bytes and does nothing else, and this one, which asks. Rounds of the
servers alternate; figures are medians. Requests are not pipelined. What DHCP answers take meanwhile is measured by
`benchmarks/stream.py`; here a request for the health, 200 times a second while lists are read, shows how long the loop
is held up.
"""

import asyncio
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from statistics import quantiles
from typing import Final

from aiohttp import web

from benchmarks.report import middle, report, row
from fibrix import log
from fibrix.domain.machine import Disk, Hardware, Interface, Machine
from fibrix.domain.state import State
from fibrix.store.region import RegionUnit
from fibrix.types import MachineId, parse_mac
from tests.support.api import serving
from tests.support.site import Site, key_of, site

ROOT: Final = Path(__file__).resolve().parent.parent
MACHINES: Final = 10_000
PAGE: Final = 1000
CONNECTIONS: Final = 32
ROUNDS: Final = 7
ROUND_S: Final = 1.0
ONE: Final = "/api/v1/machines/m000000001"
FILTERED: Final = "/api/v1/machines?limit=1000&filter=hardware.memory_bytes%3E%3D8GiB%2Cstate%3DReady&sort=-name"


def machine(number: int, at: Site) -> Machine:
    """A machine as a small ISP has them."""
    now = at.rig.clock()
    mac = parse_mac(f"5254{number:08x}")
    interfaces = tuple(
        Interface(mac=mac, name=f"eno{port}", driver="ixgbe", speed_mbps=10_000, link=True) for port in range(2)
    )
    disks = tuple(
        Disk(name=name, size_bytes=960 << 30, serial=f"S{number:08}", model="SSD 960G") for name in ("sda", "sdb")
    )
    hardware = Hardware(
        cpu_model="Xeon E5-2630 v4", cpu_count=40, memory_bytes=(4 << number % 6) << 30, vendor="Supermicro",
        product="X10DRi", serial=f"S{number:08}", firmware="uefi", interfaces=interfaces, disks=disks,
    )  # fmt: skip
    return Machine(
        id=MachineId(f"m{number:09}"), name=f"rack-{number % 40}-{number:05}", state=State.READY, since=now,
        reason="its tests have passed", accepted=True, macs=(mac,), hardware=hardware,
        created_at=now + timedelta(seconds=number),
    )  # fmt: skip


async def serve_api(port: int, machines: int) -> None:
    """Be the API of a region with so many machines."""
    log.setup("info", "json")
    with tempfile.TemporaryDirectory(prefix="fibrix-benchmark-") as state:
        async with site(Path(state)) as opened:

            def fill(unit: RegionUnit) -> None:
                for number in range(1, machines + 1):
                    unit.insert(machine(number, opened))

            await opened.rig.region.change(fill)
            opened.port = port
            async with serving(opened.service()):
                print("ready", flush=True)
                await asyncio.Event().wait()


async def serve_bare(port: int, size: int) -> None:
    """Be an aiohttp with nothing behind it."""
    body = b"x" * size

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    app = web.Application()
    app.router.add_get("/api/v1/machines/{machine}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print("ready", flush=True)
    await asyncio.Event().wait()


@contextmanager
def server(*arguments: str) -> Iterator[None]:
    """Run one of the servers in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.api", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        try:
            yield
        finally:
            process.terminate()


def request(path: str) -> bytes:
    """The bytes of a request with the admin's key."""
    return f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key_of('admin')}\r\n\r\n".encode()


class Asker(asyncio.Protocol):
    """One connection that asks for the same again and again."""

    def __init__(self, asked: bytes) -> None:
        self.asked = asked
        self.answers = 0
        self._got = b""
        self._size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self.asked)

    def data_received(self, data: bytes) -> None:
        """Ask again as soon as the answer is there; its head is read once, since all are alike."""
        self._got += data
        if not self._size:
            head, end, _ = self._got.partition(b"\r\n\r\n")
            if not end:
                return
            assert head.startswith(b"HTTP/1.1 200"), head
            length = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
            self._size = len(head) + len(end) + int(length.split(b":")[1])
        if len(self._got) >= self._size:
            self._got = self._got[self._size :]
            self.answers += 1
            self.transport.write(self.asked)


async def rate(port: int, path: str) -> float:
    """Answers per second."""
    loop = asyncio.get_running_loop()
    asked = request(path)
    askers = [(await loop.create_connection(lambda: Asker(asked), "127.0.0.1", port))[1] for _ in range(CONNECTIONS)]
    await asyncio.sleep(0.2)
    before, began = sum(a.answers for a in askers), time.perf_counter()
    await asyncio.sleep(ROUND_S)
    figure = (sum(a.answers for a in askers) - before) / (time.perf_counter() - began)
    for asker in askers:
        asker.transport.abort()
    return figure


class Reader:
    """A client that reads whole answers, one after the other, on one connection."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._buffer = bytearray(32 << 20)

    def get(self, path: str) -> bytes:
        """Give the body of an answer."""
        self._socket.sendall(request(path))
        view, got = memoryview(self._buffer), 0
        while True:
            got += self._socket.recv_into(view[got:])
            end = self._buffer.find(b"\r\n\r\n", 0, got)
            if end >= 0:
                break
        head = bytes(view[:end]).lower()
        assert head.startswith(b"http/1.1 200"), head
        size = end + 4 + int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        while got < size:
            got += self._socket.recv_into(view[got:])
        return bytes(view[end + 4 : size])

    def pages(self) -> tuple[float, int]:
        """Read the whole fleet, page by page; gives the seconds that it took, and the number of machines."""
        began = time.perf_counter()
        after, bodies = "", []
        while True:
            body = self.get(f"/api/v1/machines?limit={PAGE}&after={after}")
            bodies.append(body)
            after = body[body.rindex(b'"next":"') + 8 : -2].decode()
            if not after:
                whole_s = time.perf_counter() - began
                return whole_s, sum(len(json.loads(each)["items"]) for each in bodies)


async def health_p99(port: int) -> float:
    """Milliseconds in which 99 of 100 requests for the health are answered while lists are read."""
    took: list[float] = []
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    command = [sys.executable, "-m", "benchmarks.api", "lists", str(port)]
    with subprocess.Popen(command, cwd=ROOT) as lists:  # noqa: ASYNC220 - it only begins here
        await asyncio.sleep(0.5)
        for _ in range(1000):
            began = time.perf_counter()
            writer.write(request("/healthz"))
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]))
            took.append(time.perf_counter() - began)
            await asyncio.sleep(max(0.0, 0.005 - took[-1]))
        lists.terminate()
    writer.close()
    return quantiles(took, n=100)[98] * 1000


def measure(port: int, bare_port: int) -> None:
    """Measure, and print."""
    reader = Reader(port)
    cold_s, _ = reader.pages()
    print(json.dumps({"first list of all after the start, ms": round(cold_s * 1000, 1)}))
    size = len(reader.get(ONE))
    with server("bare", str(bare_port), str(size)):
        rounds = [(asyncio.run(rate(port, ONE)), asyncio.run(rate(bare_port, ONE))) for _ in range(ROUNDS)]
    for ours, bare in rounds:
        print(json.dumps({"small GET/s": round(ours), "bare aiohttp/s": round(bare), "ratio": round(ours / bare, 2)}))
    walks = [reader.pages() for _ in range(ROUNDS)]
    assert all(number == MACHINES for _, number in walks)
    with server("api", str(bare_port), str(PAGE)):
        small = Reader(bare_port)
        small.pages()
        one_page = [small.pages() for _ in range(ROUNDS)]
    assert all(number == PAGE for _, number in one_page)
    filtered = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        reader.get(FILTERED)
        filtered.append(time.perf_counter() - began)
    p99_ms = asyncio.run(health_p99(port))
    goals = {
        "small authenticated GET": "≥8000/s and ≥0.6 of bare aiohttp",
        "list of 1000 machines": "≤5 ms",
        "list of 10000 machines by 1000": "≤80 ms",
    }
    rows = [
        row("small authenticated GET", middle([r[0] for r in rounds]), middle([r[1] for r in rounds]), "/s"),
        row("list of 1000 machines", middle([w[0] for w in one_page]) * 1000, None, "ms"),
        row("list of 10000 machines by 1000", middle([w[0] for w in walks]) * 1000, None, "ms"),
        row("1000 of 10000, filtered and sorted", middle(filtered) * 1000, None, "ms"),
        row("p99 of a health request at 200/s while lists are read", p99_ms, None, "ms"),
    ]
    report("api", [each | {"goal": goals.get(str(each["case"]))} for each in rows])


def read_lists(port: int) -> None:
    """Read lists for ever."""
    reader = Reader(port)
    while True:
        reader.pages()
        reader.get(FILTERED)


def free_ports() -> tuple[int, int]:
    """Two ports that are free now."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def main(arguments: list[str]) -> None:
    """Be what the arguments say; without any, measure."""
    match arguments:
        case ["api", port, machines]:
            asyncio.run(serve_api(int(port), int(machines)))
        case ["bare", port, size]:
            asyncio.run(serve_bare(int(port), int(size)))
        case ["lists", port]:
            read_lists(int(port))
        case _:
            free = free_ports()
            with server("api", str(free[0]), str(MACHINES)):
                measure(*free)


if __name__ == "__main__":
    main(sys.argv[1:])
