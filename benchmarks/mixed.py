"""DNS, DHCP and images from one process at once: how long answers take while clients pull images. There is no peer.

Run as root: `python -m benchmarks.mixed [SECONDS]`, 4 for each measurement by default. The services of a rack
(benchmarks/mixed_server.py) stand in one network namespace; in another, over veth, one process pulls an image on 20
connections without end, perfdhcp does new clients' exchanges, dnsperf asks at a low rate. Each is in a session of its
own, to which Linux gives a share of the processors of its own: they stand for other machines.
Three interleaved rounds; the median of each round's p50, p99 and MB/s is quoted. What is late without pulling, too, is
the machine.
"""

import json
import random
import re
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from time import monotonic
from typing import Final

from benchmarks.dhcp import ROOT, first_offer
from benchmarks.dhcp_server import RELAY, SERVER
from benchmarks.dns import NAMES
from benchmarks.http import FILE_BYTES
from benchmarks.mixed_server import HTTP_PORT
from benchmarks.report import middle, report, row
from tests.support.netns import Wire, ip, wire

ROUNDS: Final = 3
CASES: Final = ((0, 200), (20, 200), (0, 1_000), (20, 1_000))  # clients that pull, exchanges a second
QUERIES: Final = 500  # a second
KINDS: Final = {"dns_ms": "DNS", "offer_ms": "OFFER", "ack_ms": "ACK", "late_ms": "event loop late"}
GET: Final = b"GET /images/image HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n"


@dataclass
class Found:
    """What was measured in one case; milliseconds."""

    dns_ms: list[float] = field(default_factory=list)
    offer_ms: list[float] = field(default_factory=list)
    ack_ms: list[float] = field(default_factory=list)
    late_ms: list[float] = field(default_factory=list)
    lost: float = 0.0  # share of the exchanges
    rate: float = 0.0  # MB/s of images


def pull(clients: int) -> None:
    """Pull the image on so many connections until SIGINT; print the octets and the seconds."""
    total, buffer, began = 0, bytearray(1 << 20), monotonic()
    with selectors.EpollSelector() as selector:
        for _ in range(clients):
            selector.register(_ask(), selectors.EVENT_READ)
        try:
            while True:
                for key, _ in selector.select():
                    sock = key.fileobj
                    assert isinstance(sock, socket.socket)
                    got = sock.recv_into(buffer, 0, socket.MSG_TRUNC)
                    total += got
                    if not got:
                        selector.unregister(sock)
                        sock.close()
                        selector.register(_ask(), selectors.EVENT_READ)
        except KeyboardInterrupt:
            print(json.dumps([total, monotonic() - began]))


def _ask() -> socket.socket:
    sock = socket.create_connection((str(SERVER), HTTP_PORT))
    sock.sendall(GET)
    sock.settimeout(0)
    return sock


@contextmanager
def server(net: Wire, folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """Our services, ready."""
    (folder / "images").mkdir()
    with (folder / "images" / "image").open("wb") as image:
        for _ in range(FILE_BYTES >> 20):
            image.write(random.randbytes(1 << 20))
    (folder / "asked").write_text("".join(f"n{n * 7919 % NAMES}.rack.example A\n" for n in range(NAMES)))
    command = ["ip", "netns", "exec", net.server, sys.executable, "-m", "benchmarks.mixed_server", str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT, start_new_session=True) as process:
        late_ms(process)
        first_offer(net.client)
        yield process
        assert process.stdin is not None
        process.stdin.close()


def late_ms(process: "subprocess.Popen[str]") -> list[float]:
    """How late the event loop's timer was, each time since it was asked last."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return [late_s * 1e3 for late_s in json.loads(process.stdout.readline())]


def start(net: Wire, told: Path, *command: str) -> "subprocess.Popen[bytes]":
    """Start something in the namespace of the clients; what it tells goes into a file, for which it never waits."""
    with told.open("wb") as output:
        return subprocess.Popen(
            ("ip", "netns", "exec", net.client, *command), stdout=output, cwd=ROOT, start_new_session=True
        )


def exchange_times(told: str) -> tuple[list[float], list[float]]:
    """Milliseconds to each OFFER and each ACK, of perfdhcp's table of time stamps."""
    found: list[list[float]] = []
    for line in told.splitlines():
        if line.startswith("***Timestamps for packets"):
            found.append([])
        times = re.fullmatch(r"sent / received: ([\d.]+) / ([\d.]+)", line)
        if found and times:
            found[-1].append((float(times[2]) - float(times[1])) * 1e3)
    offers, acks = found
    return offers, acks


def measure(net: Wire, process: "subprocess.Popen[str]", folder: Path, case: tuple[int, int], seconds: int) -> Found:
    """Load all of it at once."""
    clients, rate = case
    pulled, answers, leases = (folder / name for name in ("pulled", "answers", "leases"))
    pulling = start(net, pulled, sys.executable, "-m", "benchmarks.mixed", "pull", str(clients)) if clients else None
    subprocess.run(("sleep", "0.7"), check=True)  # until they pull
    late_ms(process)
    mac = ":".join(f"{octet:02x}" for octet in (2, *random.randbytes(3), 0, 0))
    asking = start(
        net, answers, "dnsperf", "-s", str(SERVER), "-d", str(folder / "asked"), "-l", str(seconds), "-c", "4",
        "-Q", str(QUERIES), "-v",
    )  # fmt: skip
    leasing = start(
        net, leases, "perfdhcp", "-4", "-r", str(rate), "-p", str(seconds), "-R", "16000000", "-W", "500000",
        "-b", f"mac={mac}", "-x", "t", "-l", "c0", str(SERVER),
    )  # fmt: skip
    for load in (asking, leasing):
        load.wait(seconds + 10)
    one = Found(late_ms=late_ms(process))
    if pulling:
        pulling.send_signal(signal.SIGINT)
        pulling.wait(10)
        octets, took = json.loads(pulled.read_text())
        one.rate = octets / took / 1e6
    one.dns_ms = [
        float(each) * 1e3 for each in re.findall(r"^> NOERROR \S+ A (\d+\.\d+)", answers.read_text(), re.MULTILINE)
    ]
    one.offer_ms, one.ack_ms = exchange_times(leases.read_text())
    one.lost = max(0.0, 1 - len(one.ack_ms) / (rate * seconds))
    return one


def main(seconds: int) -> None:
    """Measure in turns."""
    found: defaultdict[tuple[int, int], list[Found]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as name, wire("fxmixed") as net:
        net.plug(f"{SERVER}/8")
        ip("-n", net.client, "addr", "add", f"{RELAY}/8", "dev", "c0")
        with server(net, Path(name)) as process:
            for _ in range(ROUNDS):
                for case in CASES:
                    one = measure(net, process, Path(name), case, seconds)
                    print(case, *_line(one), flush=True)
                    found[case].append(one)
    rows = []
    for case in CASES:
        what, ones = f"{case[0]} pulling, {case[1]} exchanges/s: ", found[case]
        rows += [
            row(
                f"{what}{kind}, p{percent}",
                middle([percentile(getattr(one, name), percent) for one in ones]),
                None,
                "ms",
            )
            for name, kind in KINDS.items()
            for percent in (50, 99)
        ]
        rows.append(row(f"{what}exchanges lost, at worst", max(one.lost for one in ones) * 100, None, "%"))
        if case[0]:
            rows.append(row(f"{what}images", middle([one.rate for one in ones]), None, "MB/s"))
    report("mixed", rows)


def _line(one: Found) -> Iterator[str]:
    """What one measurement found, in short: p50/p99/worst."""
    for name, kind in KINDS.items():
        values = getattr(one, name)
        yield f"{kind} {percentile(values, 50):.2f}/{percentile(values, 99):.1f}/{max(values):.1f}"
    yield f"lost {one.lost:.2%}, {one.rate:.0f} MB/s"


def percentile(values: list[float], percent: int) -> float:
    """Of all that was measured."""
    return quantiles(values, n=100)[percent - 1]


if __name__ == "__main__":
    if sys.argv[1:2] == ["pull"]:
        pull(int(sys.argv[2]))
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else 4)
