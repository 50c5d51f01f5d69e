"""The threads that send files: what they give back, and how they end."""

import asyncio
import os
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import BinaryIO

import pytest

from fibrix.services.httpboot.pace import DownloadError
from fibrix.services.httpboot.pump import Pump
from tests.support.waiting import until

OCTETS = os.urandom(64) * (1 << 17)  # 8 MiB: more than the sockets take by themselves


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A file."""
    path = tmp_path / "image"
    path.write_bytes(OCTETS)
    return path


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[asyncio.Transport, socket.socket]]:
    """A connection: our end, and the client's."""
    near, far = socket.socketpair()
    with far:
        far.settimeout(0)
        transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=near)
        try:
            yield transport, far
        finally:
            transport.abort()


async def take(client: socket.socket, count: int) -> bytes:
    """Receive so many octets."""
    got = bytearray()
    while len(got) < count:
        got += await asyncio.get_running_loop().sock_recv(client, 1 << 20)
    return bytes(got)


def descriptors() -> int:
    """How many are open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def test_parts_of_a_file_go_out_one_after_the_other(image: Path) -> None:
    async with connected() as (transport, client), asyncio.TaskGroup() as group:
        with closing(Pump()) as pump, image.open("rb") as file:
            got = group.create_task(take(client, 3_000_005), name="client")
            await pump.send(transport, file, (5_000_000, 3_000_000))
            await pump.send(transport, file, (7, 5))
            assert await got == OCTETS[5_000_000:8_000_000] + OCTETS[7:12]


async def test_a_send_that_is_given_up_leaves_no_descriptor_open(image: Path) -> None:
    with closing(Pump()) as pump, image.open("rb") as file:
        async with connected() as (transport, client):
            await _begin_and_cancel(pump, transport, client, file)
            before = descriptors()
            for _ in range(20):
                await _begin_and_cancel(pump, transport, client, file)
            await until(lambda: descriptors() < before + 20)  # threads that were started meanwhile have some, too


async def _begin_and_cancel(pump: Pump, transport: asyncio.Transport, client: socket.socket, file: BinaryIO) -> None:
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(pump.send(transport, file, (0, len(OCTETS))), name="send")
        assert await take(client, 1)
        sending.cancel()


async def test_closing_ends_what_is_on_its_way_and_sending_can_begin_anew(image: Path) -> None:
    pump = Pump()
    async with connected() as (transport, client), asyncio.TaskGroup() as group:
        with image.open("rb") as file:
            sending = group.create_task(_reason(pump, transport, file), name="send")
            await take(client, 1)
            pump.close()
            assert await sending == "the service stopped sending"
            async with connected() as (other, reader):
                got = group.create_task(take(reader, 10), name="client")
                await pump.send(other, file, (0, 10))
                assert await got == OCTETS[:10]
    pump.close()


async def _reason(pump: Pump, transport: asyncio.Transport, file: BinaryIO) -> str:
    with pytest.raises(DownloadError) as caught:
        await pump.send(transport, file, (0, len(OCTETS)))
    return str(caught.value)


async def test_a_client_that_leaves_ends_its_send_alone(image: Path) -> None:
    with closing(Pump()) as pump, image.open("rb") as file:
        async with connected() as (transport, client), connected() as (other, reader), asyncio.TaskGroup() as group:
            got = group.create_task(take(reader, len(OCTETS)), name="client")
            client.close()
            with pytest.raises(OSError, match=r"pipe|reset"):
                await pump.send(transport, file, (0, len(OCTETS)))
            await pump.send(other, file, (0, len(OCTETS)))
            assert await got == OCTETS


def senders() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "httpboot sender"]


async def test_a_download_alone_needs_one_thread_and_many_share_the_processors(image: Path) -> None:
    most = min(len(os.sched_getaffinity(0)), 4)
    with closing(Pump()) as pump, image.open("rb") as file:
        async with asyncio.TaskGroup() as group, AsyncExitStack() as stack:
            for count in range(1, 8):
                transport, client = await stack.enter_async_context(connected())
                sending = group.create_task(pump.send(transport, file, (0, len(OCTETS))), name="send")
                stack.callback(sending.cancel)
                assert await take(client, 1)  # and no more: it stays on its way
                assert len(senders()) == min(count, most)


async def test_files_yield_the_processor_to_everything_else(image: Path) -> None:
    with closing(Pump()) as pump, image.open("rb") as file:
        async with connected() as (transport, _):
            await pump.send(transport, file, (0, 10))
            (sender,) = senders()
            assert sender.native_id is not None
            assert os.getpriority(os.PRIO_PROCESS, sender.native_id) > os.getpriority(os.PRIO_PROCESS, 0)
