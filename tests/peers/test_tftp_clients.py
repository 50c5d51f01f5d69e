"""Real TFTP clients fetch from the service: each gets the file octet for octet, with whatever options it has."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from fibrix.bus import Bus, Subscription
from fibrix.domain.network import Subnet, SubnetMode
from fibrix.domain.rack import RackSnapshot
from fibrix.events.rack import TransferEnded
from fibrix.runtime.cell import Cell
from fibrix.runtime.files import BootFiles
from fibrix.services.tftp.service import TftpService, TftpSettings
from tests.support.tftp import fetch

ADDRESS = "127.66.2.1"
SUBNET = Subnet(
    name="rack",
    interface="lo",
    network=IPv4Network("127.0.0.0/8"),
    address=IPv4Address(ADDRESS),
    mode=SubnetMode.SERVE,
)

COMMANDS = {
    "curl": "curl -s --max-time 8 -o {to} tftp://{address}:{port}/{file}",
    "curl, small blocks": "curl -s --max-time 8 --tftp-blksize 8 -o {to} tftp://{address}:{port}/{file}",
    "curl, large blocks": "curl -s --max-time 8 --tftp-blksize 65464 -o {to} tftp://{address}:{port}/{file}",
    "curl, no options": "curl -s --max-time 8 --tftp-no-options -o {to} tftp://{address}:{port}/{file}",
    "tftp-hpa": "tftp -m octet {address} {port} -c get {file} {to}",
    "atftp": "atftp -g -r {file} -l {to} {address} {port}",
    "atftp, others": "atftp --option tsize --option timeout=2 --option blksize=9 -g -r {file} -l {to} {address} {port}",
    "busybox": "busybox tftp -g -r {file} -l {to} {address} {port}",
    "busybox, blocks": "busybox tftp -b 1468 -g -r {file} -l {to} {address} {port}",
    "atftp, one window": "atftp --option blksize=1468 --option windowsize=1 -g -r {file} -l {to} {address} {port}",
    "atftp, large window": "atftp --option blksize=512 --option windowsize=64 -g -r {file} -l {to} {address} {port}",
    "atftp, window": "atftp --option blksize=1468 --option windowsize=16 -g -r {file} -l {to} {address} {port}",
}


@dataclass
class Server:
    """Where the service listens, what it serves, what it tells."""

    port: int
    folder: Path
    ended: Subscription


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    folder = tmp_path / "served"
    folder.mkdir()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((ADDRESS, 0))
        port = probe.getsockname()[1]
    bus = Bus()
    service = TftpService(Cell(RackSnapshot(subnets=(SUBNET,))), BootFiles([folder]), bus, TftpSettings(port=port))
    with bus.subscribe(TransferEnded) as ended:
        async with asyncio.TaskGroup() as group:
            ready = asyncio.Event()
            task = group.create_task(service.run(ready))
            await ready.wait()
            yield Server(port, folder, ended)
            task.cancel()


async def run(command: list[str]) -> tuple[int, str]:
    """Exit status and all that was printed."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode(errors="replace")


def argv(command: str, server: Server, file: str, to: Path) -> list[str]:
    """The words of a command; an option of atftp is one word with a space in it."""
    program, *words = command.split()
    if shutil.which(program) is None:
        pytest.fail(f"{program} is not installed: see scripts/packages.txt")
    texts = [word.format(address=ADDRESS, port=server.port, file=file, to=to) for word in words]
    return [program, *(text.replace("=", " ") if program == "atftp" else text for text in texts)]


@pytest.mark.parametrize("size", [0, 511, 512, 513, 100_000], ids=lambda size: f"{size} octets")
@pytest.mark.parametrize("client", COMMANDS)
async def test_the_client_gets_the_file_octet_for_octet(server: Server, tmp_path: Path, client: str, size: int) -> None:
    if size == 0 and client in ("curl", "curl, small blocks", "curl, large blocks"):
        pytest.skip("curl takes the tsize of an empty file, which is 0, for an error")
    content = os.urandom(size)
    (server.folder / "file").write_bytes(content)
    to = tmp_path / "got"
    status, output = await run(argv(COMMANDS[client], server, "file", to))
    assert status == 0, output
    assert to.read_bytes() == content
    async with asyncio.timeout(5):
        (event,) = await server.ended.batch()
    assert isinstance(event, TransferEnded)
    assert (event.sent_bytes, event.total_bytes, event.error) == (size, size, "")


@pytest.mark.parametrize("client", ["curl", "tftp-hpa", "atftp", "busybox"])
async def test_the_client_is_told_that_there_is_no_such_file(server: Server, tmp_path: Path, client: str) -> None:
    status, output = await run(argv(COMMANDS[client], server, "nothing", tmp_path / "got"))
    assert status != 0 or "nothing" in output
    assert not (tmp_path / "got").exists() or not (tmp_path / "got").read_bytes()


async def test_tftp_hpa_reads_text_as_text(server: Server, tmp_path: Path) -> None:
    (server.folder / "text").write_bytes(b"one\ntwo\rthree\n")
    to = tmp_path / "got"
    status, output = await run(["tftp", "-m", "ascii", ADDRESS, str(server.port), "-c", "get", "text", str(to)])
    assert status == 0, output
    assert to.read_bytes() == b"one\ntwo\rthree\n"


async def test_a_file_of_more_blocks_than_numbers_rolls_over(server: Server, tmp_path: Path) -> None:
    content = os.urandom(600_000)
    (server.folder / "file").write_bytes(content)
    command = "atftp --option blksize=8 --option windowsize=64 -g -r {file} -l {to} {address} {port}"
    status, output = await run(argv(command, server, "file", tmp_path / "got"))
    assert status == 0, output
    assert (tmp_path / "got").read_bytes() == content


@pytest.mark.parametrize("window", [1, 2, 16, 63, 64, 1000])
@pytest.mark.parametrize("block", [8, 511, 1468, 8192, 65464])
async def test_any_block_size_and_window_brings_the_file(server: Server, block: int, window: int) -> None:
    content = os.urandom(40 * block + 3 if block < 8192 else 5 * block)
    (server.folder / "file").write_bytes(content)
    assert await fetch((ADDRESS, server.port), "file", blksize=block, windowsize=window, tsize=0) == content


@pytest.mark.parametrize("blocks", [65535, 65536, 65537])
async def test_numbers_go_on_with_zero_in_windows_of_seven(server: Server, blocks: int) -> None:
    content = os.urandom(8) * (blocks - 1) + b"end"
    (server.folder / "file").write_bytes(content)
    assert await fetch((ADDRESS, server.port), "file", blksize=8, windowsize=7) == content
