"""Any datagram to any port of TFTP: counted, never a traceback, and nothing is kept of it."""

import asyncio
import random
import socket
from pathlib import Path

import pytest

from fibrix.errors import NotFoundError
from fibrix.runtime.files import BootFiles
from fibrix.services.tftp.content import open_content
from fibrix.wire.tftp import Ack, Data, Request
from tests.services.tftp.test_service import CONTENT, begun, running


def garbage(count: int) -> list[bytes]:
    chance = random.Random(4)
    starts = [b"", b"\0\1", b"\0\2", b"\0\3", b"\0\4", b"\0\5", b"\0\6", b"\0\1file\0octet\0"]
    return [chance.choice(starts) + chance.randbytes(chance.choice((0, 1, 2, 7, 100, 1400))) for _ in range(count)]


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_garbage_to_the_port_of_requests_is_counted_and_others_are_served(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(tmp_path) as rig:
        client = await begun(rig.client())
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as enemy:
            enemy.bind(("127.0.0.9", 0))
            for number, datagram in enumerate(garbage(2000)):
                enemy.sendto(datagram, ("127.66.0.1", rig.port))
                if number % 50 == 0:
                    await asyncio.sleep(0.01)
        assert await client.ask(Ack(2)) == Data(3, CONTENT[1024:])
        assert rig.service.counters.malformed > 500
        assert rig.service.transfers <= 2
    assert caplog.text == ""


async def test_garbage_to_the_port_of_a_transfer_is_counted_and_it_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(tmp_path) as rig:
        client = await begun(rig.client())
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as enemy:
            for datagram in garbage(100):
                enemy.sendto(datagram, client.server)
        await asyncio.sleep(0.1)
        for datagram in garbage(100):
            if datagram[:2] != b"\0\5":
                client.socket.sendto(datagram, client.server)
        await asyncio.sleep(0.1)
        assert await client.ask(Ack(2)) == Data(3, CONTENT[1024:])
        client.socket.sendto(Ack(3).encode(), client.server)
        assert (await rig.event()).error == ""
        assert rig.service.counters.strangers == 100
        assert rig.service.counters.malformed > 20
    assert caplog.text == ""


async def test_nothing_stays_open_of_transfers_that_are_over(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        before = open_files()
        for _ in range(30):
            client = await begun(rig.client())
            await client.ask(Ack(2))
            client.socket.sendto(Ack(3).encode(), client.server)
            await rig.event()
            client.socket.close()
        assert rig.service.transfers == 0
        assert open_files() <= before


def test_a_large_text_is_not_translated_in_memory(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(2 << 20)
    with pytest.raises(NotFoundError, match="ask for octet"):
        open_content(BootFiles([tmp_path]), Request("large", "netascii"))
