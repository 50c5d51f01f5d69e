import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest

from fibrix.api.machine_facing import MachineFacingService
from fibrix.api.machine_facing.guard import PER_CLIENT
from fibrix.domain.network import SubnetMode
from fibrix.domain.rack import RackSnapshot
from fibrix.runtime.cell import Cell
from tests.api.machine_facing.conftest import serving, subnet
from tests.fakes.agents import SECRET, FakeAgents, FakeMetadata
from tests.support.waiting import until

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
ORDERS = f"GET /agent/v1/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {SECRET}\r\n\r\n".encode()


async def test_a_client_that_sends_its_head_byte_by_byte_is_cut_off(service: MachineFacingService) -> None:
    since = time.monotonic()
    async with connected(service) as (reader, writer):
        await trickled(reader, writer, b"GET /agent/v1/orders HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 1000)
    assert 0.4 < time.monotonic() - since < 10  # head_s is 0.5 here, and sending all would take 20 s


async def test_a_client_that_sends_its_body_byte_by_byte_is_cut_off(
    service: MachineFacingService, agents: FakeAgents
) -> None:
    since = time.monotonic()
    async with connected(service) as (reader, writer):
        writer.write(ORDERS.replace(b"GET /agent/v1/orders", b"POST /agent/v1/heartbeat")[:-2])
        writer.write(b"Content-Length: 1000\r\n\r\n")
        await trickled(reader, writer, b" " * 1000)
    assert 1.4 < time.monotonic() - since < 10  # whole_s is 1.5 here, and sending all would take 20 s
    assert agents.beats == []


async def test_a_client_that_does_not_read_its_answer_is_cut_off(
    service: MachineFacingService, agents: FakeAgents
) -> None:
    agents.scripts["big"] = b"x" * 50_000_000
    async with connected(service) as (reader, writer):
        writer.write(ORDERS.replace(b"orders", b"scripts/big"))
        await asyncio.sleep(2)
        assert 0 < len(await rest(reader)) < 50_000_000


async def test_one_connection_carries_one_request(service: MachineFacingService) -> None:
    async with connected(service) as (reader, writer):
        writer.write(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
        text = (await rest(reader)).decode()
    assert text.count("HTTP/1.1 404") == 1
    assert "connection: close" in text.lower()


async def test_a_client_with_too_many_connections_hinders_no_other(service: MachineFacingService) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(PER_CLIENT):
            await stack.enter_async_context(connected(service))
        async with connected(service) as (reader, writer):
            writer.write(ORDERS)
            assert await rest(reader) == b""
        async with connected(service, "127.0.0.9") as (reader, writer):
            writer.write(b"GET /agent/v1/orders HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await rest(reader)).startswith(b"HTTP/1.1 401")


async def test_nonsense_is_answered_with_400(service: MachineFacingService) -> None:
    async with connected(service) as (reader, writer):
        writer.write(b"\x16\x03\x01\x02\x00 not http\r\n\r\n")
        assert b" 400 " in (await rest(reader)).splitlines()[0]


async def test_it_listens_where_subnets_are_served_as_they_come_and_go(
    agents: FakeAgents, metadata: FakeMetadata
) -> None:
    cell = Cell(RackSnapshot(subnets=(subnet("127.0.0.2"), subnet("127.0.0.3", SubnetMode.OBSERVE))))
    async with serving(MachineFacingService(agents, metadata, cell, port=0)) as service:
        assert [address for address, _ in service.listening] == ["127.0.0.2"]
        cell.replace(RackSnapshot(subnets=(subnet("127.0.0.4"), subnet("127.0.0.2"))))
        await until(lambda: len(service.listening) == 2)
        gone = service.listening
        cell.replace(RackSnapshot())
        await until(lambda: not service.listening)
        for where in gone:
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(*where)


async def test_a_taken_port_is_told(agents: FakeAgents, metadata: FakeMetadata) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        cell = Cell(RackSnapshot(subnets=(subnet("127.0.0.1"),)))
        service = MachineFacingService(agents, metadata, cell, port=other.getsockname()[1])
        with pytest.raises(OSError, match="Address already in use"):
            await service.run(asyncio.Event())


async def test_stopping_ends_a_long_poll_in_time(
    agents: FakeAgents, metadata: FakeMetadata, snapshot: Cell[RackSnapshot]
) -> None:
    async with AsyncExitStack() as stack:
        async with serving(MachineFacingService(agents, metadata, snapshot, port=0)) as service:
            _, writer = await stack.enter_async_context(connected(service))
            writer.write(ORDERS)
            await until(lambda: agents.waiting == 1)
            since = time.monotonic()
        assert time.monotonic() - since < 2
        assert agents.cancelled == 1


@asynccontextmanager
async def connected(service: MachineFacingService, client: str = "127.0.0.1") -> AsyncIterator[Connection]:
    """A connection whose reader holds little, closed with the block."""
    reader, writer = await asyncio.open_connection(*service.listening[0], local_addr=(client, 0), limit=1024)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def rest(reader: asyncio.StreamReader) -> bytes:
    """All that comes until the end; a reset is an end too."""
    data = b""
    with suppress(ConnectionError):
        async with asyncio.timeout(5):
            while chunk := await reader.read(1 << 20):
                data += chunk
    return data


async def trickled(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> None:
    """Send a byte every 20 ms until the other side has had enough."""
    for octet in data:
        if reader.at_eof() or writer.transport.is_closing():
            return
        writer.write(bytes([octet]))
        await asyncio.sleep(0.02)
