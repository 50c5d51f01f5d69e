"""Megabytes a second by TFTP, blocks of 1468 octets. Peers: tftpd-hpa's in.tftpd, atftpd, dnsmasq.

Run as root, for port 69: `python -m benchmarks.tftp`. Everything is on loopback, each server on an address of its own;
the load is another process (benchmarks/tftp_load.py). Three interleaved rounds, the median is quoted. `peer` is the
best of the peers; a row names it. atftpd cannot be installed beside in.tftpd: its package is unpacked into a folder.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Final

from benchmarks.report import middle, report, row
from fibrix import log
from fibrix.bus import Bus
from fibrix.domain.network import Subnet, SubnetMode
from fibrix.domain.rack import RackSnapshot
from fibrix.runtime.cell import Cell
from fibrix.runtime.files import BootFiles
from fibrix.services.tftp.service import TftpService, TftpSettings

ROUNDS: Final = 3
SECONDS: Final = 1.0
FILE_BYTES: Final = 16 << 20
CASES: Final = [(clients, window) for clients in (1, 50) for window in (1, 16, 64)]
NAMES: Final = ("fibrix", "in.tftpd", "atftpd", "dnsmasq")
ADDRESSES: Final = {name: f"127.66.9.{number}" for number, name in enumerate(NAMES, 1)}
CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "fibrix-bench" / "atftpd"


def atftpd() -> Path:
    """The program, fetched when it is not here yet."""
    program = CACHE / "usr" / "sbin" / "atftpd"
    if not program.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        subprocess.run(("apt-get", "-qq", "download", "atftpd"), cwd=CACHE, check=True)
        (package,) = CACHE.glob("atftpd_*.deb")
        subprocess.run(("dpkg-deb", "-x", package, CACHE), check=True)
    return program


def commands(folder: Path) -> dict[str, list[str]]:
    """How each server is started."""
    root = str(folder)
    return {
        "fibrix": [sys.executable, "-m", "benchmarks.tftp", "serve", root],
        "in.tftpd": ["/usr/sbin/in.tftpd", "-L", "-a", f"{ADDRESSES['in.tftpd']}:69", "-s", root],
        "atftpd": [
            *(str(atftpd()), "--daemon", "--no-fork", "--logfile", "/dev/null", "--maxthread", "1000"),
            *("--bind-address", ADDRESSES["atftpd"], "--port", "69", root),
        ],
        "dnsmasq": [
            *("/usr/sbin/dnsmasq", "-k", "--conf-file=/dev/null", "--port=0", "--bind-interfaces", "--user=root"),
            *(f"--listen-address={ADDRESSES['dnsmasq']}", "--enable-tftp", f"--tftp-root={root}"),
            *("--tftp-max=5000", f"--pid-file={root}/dnsmasq.pid"),
        ],
    }


@contextmanager
def servers() -> Iterator[None]:
    """All of them, with one file."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "image").write_bytes(os.urandom(FILE_BYTES))
        for command in commands(folder).values():
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(process.terminate)
        subprocess.run(("sleep", "2"), check=True)
        yield


def serve(folder: Path) -> None:
    """Be the server of ours."""
    log.setup("error", "json")
    subnet = Subnet(
        name="bench",
        interface="lo",
        network=IPv4Network("127.0.0.0/8"),
        address=IPv4Address(ADDRESSES["fibrix"]),
        mode=SubnetMode.SERVE,
    )
    settings = TftpSettings(transfers=5000, transfers_per_client=5000)
    service = TftpService(Cell(RackSnapshot(subnets=(subnet,))), BootFiles([folder]), Bus(), settings)
    asyncio.run(service.run(asyncio.Event()))


def rate(name: str, clients: int, window: int) -> float:
    """Megabytes a second from one server."""
    words = (ADDRESSES[name], "69", "image", str(clients), str(window), str(SECONDS))
    load = subprocess.run(
        (sys.executable, "-m", "benchmarks.tftp_load", *words), stdout=subprocess.PIPE, check=True, text=True
    )
    got: dict[str, float] = json.loads(load.stdout)
    return got["bytes"] / got["seconds"] / 1e6


def main() -> None:
    """Measure all cases in turns."""
    rates: defaultdict[tuple[int, int, str], list[float]] = defaultdict(list)
    with servers():
        for _ in range(ROUNDS):
            for clients, window in CASES:
                for name in NAMES:
                    rates[clients, window, name].append(rate(name, clients, window))
    rows = []
    for clients, window in CASES:
        found = {name: middle(rates[clients, window, name]) for name in NAMES}
        print(f"{clients:2} clients, window {window:2}:", {name: round(value, 1) for name, value in found.items()})
        ours = found.pop("fibrix")
        best = max(found, key=lambda name: found[name])
        rows.append(row(f"{clients} clients, window {window}, beside {best}", ours, found[best], "MB/s"))
        if (clients, window) == (1, 1):
            rows.append(row("1 clients, window 1, beside dnsmasq", ours, found["dnsmasq"], "MB/s"))
    report("tftp", rows)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(Path(sys.argv[2]))
    else:
        main()
