"""`fibrix capture`, as its users start it: from an interface to a case."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import msgspec
import pytest

from tests.cli.conftest import Ended, run_command
from tests.support.netns import Wire, entered, ip, needs_root, wire
from tests.support.pcap import frames

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason=needs_root)

MAC = bytes.fromhex("00259012ab34")
ASKING = (
    b"\xff" * 6
    + MAC
    + bytes.fromhex("0806 0001 0800 06 04 0001")
    + MAC
    + b"\x0a\x4d\0\2"
    + bytes(6)
    + b"\x0a\x4d\0\x09"
)
OTHER = b"\xff" * 6 + MAC + b"\x88\xb5" + bytes(46)  # of a type for experiments: nobody reads it


@pytest.fixture
def cable() -> Iterator[Wire]:
    with wire("fx-cap") as laid:
        ip("netns", "exec", laid.server, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
        ip("netns", "exec", laid.client, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
        laid.plug("10.77.0.1/24")
        yield laid


async def talk(cable: Wire, *sent: bytes) -> None:
    """Send them over and over."""
    with entered(cable.client):
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        raw.bind(("c0", 0))
    with raw:
        while True:
            for frame in sent:
                raw.send(frame)
            await asyncio.sleep(0.05)


async def captured(cable: Wire, *words: str, sent: tuple[bytes, ...] = (OTHER, ASKING)) -> Ended:
    async with asyncio.TaskGroup() as group:
        talking = group.create_task(talk(cable, *sent), name="talk")
        ended = await run_command("capture", "s0", *words)
        talking.cancel()
    return ended


def shown_by_tcpdump(file: Path) -> str:
    command = ("tcpdump", "-n", "-r", str(file))
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=5).stdout


async def test_what_is_heard_becomes_a_case(cable: Wire, tmp_path: Path) -> None:
    file = tmp_path / "asking.pcap"
    origin = ("--origin", "a test", "--firmware", "none")
    ended = await captured(cable, str(tmp_path / "asking"), "--count", "4", *origin)
    assert {each.frame for each in frames(file)} == {OTHER, ASKING}
    text = file.with_suffix(".toml").read_text()
    assert tomllib.loads(text) == {
        "origin": "a test",
        "firmware": "none",
        "licence": "",
        "events": ["host.seen 00:25:90:12:ab:34 means=arp vendor='Super Micro Computer, Inc.' address=10.77.0.2"],
        "hosts": ["00:25:90:12:ab:34 vendor='Super Micro Computer, Inc.' addresses=10.77.0.2 means=arp"],
    }
    assert text.startswith("# Say where this comes from")
    assert ended.out.splitlines() == [
        f"4 frames in {file}, 1 events in {file.with_suffix('.toml')}",
        f"say in {file.with_suffix('.toml')} what is still empty: licence",
    ]
    again = await run_command("capture", "s0", str(file))
    assert (again.status, again.err.split(":")[1]) == (1, f" {file} is there already")


async def test_only_what_the_sniffer_reads_can_be_taken(cable: Wire, tmp_path: Path) -> None:
    file = tmp_path / "asking.pcap"
    ended = await captured(cable, str(file), "--seconds", "0.5", "--filter-what-fibrix-reads", "--json")
    assert {each.frame for each in frames(file)} == {ASKING}
    told = msgspec.json.decode(ended.out)
    assert told == {"file": str(file), "facts": str(tmp_path / "asking.toml"), "dropped": 0, "events": 1} | {
        "frames": told["frames"]
    }


async def test_it_is_scrubbed_on_request(cable: Wire, tmp_path: Path) -> None:
    file = tmp_path / "nobody.pcap"
    text = OTHER + b"uuid:4c4c4544-0044-3510-8052-b4c04f4a3132"
    await captured(cable, str(file), "--count", "2", "--scrub-macs", sent=(text, ASKING))
    made = bytes.fromhex("002590000001")
    assert {each.frame for each in frames(file)} == {
        ASKING.replace(MAC, made),
        OTHER.replace(MAC, made) + b"uuid:00000000-0000-4000-8000-000000000001",
    }
    assert "00:25:90:00:00:01" in file.with_suffix(".toml").read_text()


@pytest.mark.skipif(not which("tcpdump"), reason="needs tcpdump")
async def test_ctrl_c_ends_it_and_tcpdump_reads_it(cable: Wire, tmp_path: Path) -> None:
    file = tmp_path / "asking.pcap"
    environ = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    async with asyncio.TaskGroup() as group:
        talking = group.create_task(talk(cable, ASKING), name="talk")
        words = (sys.executable, "-m", "fibrix", "capture", "s0", str(file))
        process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE, env=environ)
        while not file.exists():  # noqa: ASYNC110 - a process makes it
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)
        process.send_signal(signal.SIGINT)
        out, _ = await process.communicate()
        talking.cancel()
    assert (process.returncode, b" frames in " in out) == (0, True)
    assert "ARP, Request who-has 10.77.0.9 tell 10.77.0.2" in shown_by_tcpdump(file)


async def test_an_interface_that_is_not_there_is_said(tmp_path: Path) -> None:
    ended = await run_command("capture", "eth77", str(tmp_path / "none"))
    assert (ended.status, ended.err) == (1, "fibrix: cannot record on eth77: no interface with this name\n")
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - ruff takes pathlib for blocking here
