"""TFTP where datagrams get lost, doubled and overtaken: every octet arrives all the same.

In between is a relay of the test's own, which loses by a fixed seed: so it needs no kernel with netem.
"""

import asyncio
import os
import random
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.peers.test_tftp_clients import ADDRESS, Server, run, server
from tests.support.tftp import fetch

__all__ = ["server"]

LOSS = 0.05


class LossyRelay:
    """Stands between one client and the server: what it hears on either side it hands on, mostly."""

    def __init__(self, server: tuple[str, int], seed: int) -> None:
        self._chance = random.Random(seed)
        self._server, self._client = server, ("", 0)
        self._front, self._back = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for sock in (self._front, self._back):
            sock.settimeout(0)
            sock.bind(("127.0.0.1", 0))
        self.address = self._front.getsockname()
        self.lost = 0
        loop = asyncio.get_running_loop()
        loop.add_reader(self._front, self._from_client)
        loop.add_reader(self._back, self._from_server)

    def close(self) -> None:
        loop = asyncio.get_running_loop()
        for sock in (self._front, self._back):
            loop.remove_reader(sock)
            sock.close()

    def _copies(self) -> int:
        number = self._chance.random()
        self.lost += number < LOSS
        return 0 if number < LOSS else 2 if number > 1 - LOSS else 1

    def _from_client(self) -> None:
        datagram, self._client = self._front.recvfrom(70000)
        for _ in range(self._copies()):
            self._back.sendto(datagram, self._server)

    def _from_server(self) -> None:
        datagram, self._server = self._back.recvfrom(70000)
        for _ in range(self._copies()):
            self._front.sendto(datagram, self._client)


@asynccontextmanager
async def lossy(server: Server, seed: int) -> AsyncIterator[LossyRelay]:
    relay = LossyRelay((ADDRESS, server.port), seed)
    try:
        yield relay
    finally:
        relay.close()


@pytest.mark.parametrize(("block", "window", "octets"), [(512, 1, 25_000), (1468, 16, 700_000), (1468, 64, 700_001)])
async def test_every_octet_arrives_through_loss(server: Server, block: int, window: int, octets: int) -> None:
    content = os.urandom(octets)
    (server.folder / "file").write_bytes(content)
    async with lossy(server, seed=block + window) as relay:
        got = await fetch(relay.address, "file", blksize=block, windowsize=window, patience_s=0.1)
        assert relay.lost > 3
    assert got == content


async def test_busybox_gets_the_file_through_loss(server: Server, tmp_path: Path) -> None:
    if shutil.which("busybox") is None:
        pytest.fail("busybox is not installed: see scripts/packages.txt")
    content = os.urandom(50_000)
    (server.folder / "file").write_bytes(content)
    async with lossy(server, seed=7) as relay:
        words = ("tftp", "-b", "1468", "-g", "-r", "file", "-l", str(tmp_path / "got"), "127.0.0.1")
        status, output = await run(["busybox", *words, str(relay.address[1])])
        assert relay.lost > 0
    assert status == 0, output
    assert (tmp_path / "got").read_bytes() == content
