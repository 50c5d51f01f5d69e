"""An image by HTTP: megabytes a second, CPU seconds per gigabyte, how late the event loop is meanwhile. Peer: nginx.

Run as root: `python -m benchmarks.http`. 1 and 20 downloads at once of one file as big as an image, in memory, on the
loopback of a network namespace; interleaved rounds, the median is quoted. The load throws away what comes, unseen.
nginx runs twice: with one worker, as one process is what serves here, and with a worker for each processor. Lateness is
that of a timer of 5 ms in our process, in a run of its own: the timer costs some percent of the rate.

Congestion control is Reno, which every kernel has. BBR, where it is the default, paces by a timer, and on the loopback
any server's rate is half or twice as high by chance.
"""

import asyncio
import json
import os
import selectors
import socket
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from statistics import quantiles
from time import monotonic
from typing import Final

from benchmarks.report import middle, report, row
from fibrix import log
from fibrix.bus import Bus
from fibrix.domain.network import Subnet, SubnetMode
from fibrix.domain.rack import RackSnapshot
from fibrix.runtime.cell import Cell
from fibrix.runtime.files import BootFiles
from fibrix.services.httpboot.download import DownloadLimits
from fibrix.services.httpboot.service import HttpBootService, HttpBootSettings
from tests.support.netns import entered, namespace

ROUNDS: Final = 8
FILE_BYTES: Final = 1 << 30
CLIENTS: Final = (1, 20)
REPEATS: Final = {1: 4, 20: 1}  # downloads of each client, so that a measurement takes a second or so
PORTS: Final = {"fibrix": 15248, "nginx": 15249, "nginx, all processors": 15250}
WORKERS: Final = {"nginx": "1", "nginx, all processors": "auto"}
ADDRESS: Final = "127.0.0.1"
TICK_S: Final = 0.005
TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")

NGINX: Final = """
worker_processes {workers}; daemon off; pid {folder}/nginx{port}.pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
  sendfile on; tcp_nopush on; access_log off;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen {address}:{port}; location /images/ {{ alias {folder}/; }} }}
}}
"""


async def lateness(late_s: list[float]) -> None:
    """Note how late a timer is, again and again."""
    while True:
        due = monotonic() + TICK_S
        await asyncio.sleep(TICK_S)
        late_s.append(monotonic() - due)


async def serve(folder: Path) -> None:
    """Be the server of ours. After a line on standard input the timer runs; after the next its lateness is told."""
    log.setup("error", "json")
    subnet = Subnet(
        name="bench",
        interface="lo",
        network=IPv4Network("127.0.0.0/8"),
        address=IPv4Address(ADDRESS),
        mode=SubnetMode.SERVE,
    )
    settings = HttpBootSettings(port=PORTS["fibrix"], limits=DownloadLimits(downloads_per_client=100))
    snapshot = Cell(RackSnapshot(subnets=(subnet,)))
    service = HttpBootService(snapshot, BootFiles([]), BootFiles([folder]), Bus(), settings)
    late_s: list[float] = []
    async with asyncio.TaskGroup() as group:
        ready = asyncio.Event()
        serving = group.create_task(service.run(ready), name="http")
        await ready.wait()
        while await asyncio.to_thread(sys.stdin.readline):
            timer = group.create_task(lateness(late_s), name="late")
            await asyncio.to_thread(sys.stdin.readline)
            timer.cancel()
            print(json.dumps(quantiles(late_s, n=100)[98] * 1000), flush=True)
            late_s.clear()
        serving.cancel()


@dataclass
class Server:
    """One of them."""

    name: str
    process: "subprocess.Popen[str]"

    def cpu_s(self) -> float:
        """Seconds so far, of its workers too."""
        main = self.process.pid
        pids = [main, *map(int, Path(f"/proc/{main}/task/{main}/children").read_text().split())]
        stats = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
        return sum(int(stat[11]) + int(stat[12]) for stat in stats) / TICKS_PER_S

    def ring(self) -> None:
        """Write a line to ours."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def late_ms(self, clients: int) -> float:
        """The 99th percentile of our timer while so many download."""
        assert self.process.stdout is not None
        self.ring()
        load(PORTS[self.name], clients)
        self.ring()
        return float(json.loads(self.process.stdout.readline()))


@contextmanager
def servers() -> Iterator[list[Server]]:
    """All of them, with one file."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)
        with (folder / "image").open("wb") as image:
            for _ in range(FILE_BYTES >> 20):
                image.write(os.urandom(1 << 20))
        commands = {"fibrix": [sys.executable, "-m", "benchmarks.http", "serve", name]}
        for peer, workers in WORKERS.items():
            text = NGINX.format(folder=name, address=ADDRESS, port=PORTS[peer], workers=workers)
            (folder / f"{workers}.conf").write_text(text)
            commands[peer] = ["/usr/sbin/nginx", "-e", f"{name}/error.log", "-c", f"{name}/{workers}.conf"]
        found = []
        for kind, command in commands.items():
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            stack.enter_context(process)
            stack.callback(process.terminate)
            found.append(Server(kind, process))
        subprocess.run(("sleep", "2"), check=True)
        yield found


def ask(port: int) -> socket.socket:
    """Ask for the image."""
    sock = socket.create_connection((ADDRESS, port))
    sock.sendall(b"GET /images/image HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")
    sock.settimeout(0)
    return sock


def load(port: int, clients: int) -> int:
    """Download with so many at once; octets."""
    total, left, buffer = 0, clients * (REPEATS[clients] - 1), bytearray(1 << 20)
    with selectors.EpollSelector() as selector:
        for _ in range(clients):
            selector.register(ask(port), selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select():
                sock = key.fileobj
                assert isinstance(sock, socket.socket)
                got = sock.recv_into(buffer, 0, socket.MSG_TRUNC)
                total += got
                if got:
                    continue
                selector.unregister(sock)
                sock.close()
                if left:
                    left -= 1
                    selector.register(ask(port), selectors.EVENT_READ)
    return total


def measure(server: Server, clients: int) -> tuple[float, float]:
    """Megabytes a second, CPU seconds per gigabyte."""
    cpu_s, began = server.cpu_s(), monotonic()
    octets = load(PORTS[server.name], clients)
    took, cpu_s = monotonic() - began, server.cpu_s() - cpu_s
    assert octets >= clients * REPEATS[clients] * FILE_BYTES, octets
    return octets / took / 1e6, cpu_s / (octets / 1e9)


@contextmanager
def calm_network() -> Iterator[None]:
    """Be in a namespace whose loopback does not pace."""
    with namespace("fxbench-h") as name, entered(name):
        subprocess.run(("sysctl", "-qw", "net.ipv4.tcp_congestion_control=reno"), check=True)
        yield


def main() -> None:
    """Measure in turns."""
    found: defaultdict[tuple[str, int], list[tuple[float, float]]] = defaultdict(list)
    late_ms: defaultdict[int, list[float]] = defaultdict(list)
    with calm_network(), servers() as all_servers:
        for turn in range(ROUNDS):
            for clients in CLIENTS:
                for server in all_servers if turn % 2 else reversed(all_servers):  # who comes first has it harder
                    found[server.name, clients].append(measure(server, clients))
                late_ms[clients].append(all_servers[0].late_ms(clients))
    rows = []
    for clients in CLIENTS:
        middles = {
            name: [middle(values) for values in zip(*found[name, clients], strict=True)]
            for name in ("fibrix", *WORKERS)
        }
        rate, cpu = middles["fibrix"]
        for peer in WORKERS:
            rows.append(row(f"{clients} downloads, beside {peer}", rate, middles[peer][0], "MB/s"))
            rows.append(row(f"{clients} downloads, CPU, beside {peer}", cpu, middles[peer][1], "s/GB"))
        rows.append(row(f"{clients} downloads, event loop late, p99", middle(late_ms[clients]), None, "ms"))
    report("http", rows)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve(Path(sys.argv[2])))
    else:
        main()
