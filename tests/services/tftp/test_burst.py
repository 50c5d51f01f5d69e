"""Sending a window: the same datagrams arrive whether the kernel cuts it up or not."""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from fibrix.services.tftp.burst import Sender
from fibrix.services.tftp.engine import Parts
from fibrix.wire.tftp import data_header

_SO_NO_CHECK = 11  # asm-generic/socket.h: a socket without checksums cannot segment, so the kernel refuses


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as receiver,
    ):
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        for sock in (sender, receiver):
            sock.bind(("127.0.0.1", 0))
        sender.connect(receiver.getsockname())
        yield sender, receiver


def window(blocks: int, size: int, last: int) -> list[Parts]:
    sizes = [size] * (blocks - 1) + [last]
    return [(data_header(n), memoryview(bytes([n % 251]) * length)) for n, length in enumerate(sizes, 1)]


async def received(sock: socket.socket, count: int) -> list[bytes]:
    async with asyncio.timeout(5):
        return [await asyncio.get_running_loop().sock_recv(sock, 70000) for _ in range(count)]


@pytest.mark.parametrize(
    ("blocks", "size", "last"), [(1, 512, 0), (2, 1468, 1468), (64, 1468, 7), (64, 8, 8), (64, 512, 0), (3, 32000, 1)]
)
@pytest.mark.parametrize("kernel", ["segments", "refuses"])
async def test_each_block_arrives_as_a_datagram_of_its_own(
    sockets: tuple[socket.socket, socket.socket], kernel: str, blocks: int, size: int, last: int
) -> None:
    sender, receiver = sockets
    if kernel == "refuses":
        sender.setsockopt(socket.SOL_SOCKET, _SO_NO_CHECK, 1)
    datagrams = window(blocks, size, last)
    way = Sender(sender)
    assert way.send(datagrams)
    assert way._segments is (kernel == "segments" or blocks == 1)
    assert await received(receiver, blocks) == [header + bytes(payload) for header, payload in datagrams]


async def test_what_a_full_send_buffer_does_not_take_is_left_for_later(
    sockets: tuple[socket.socket, socket.socket],
) -> None:
    sender, receiver = sockets
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4608)
    way, datagrams = Sender(sender), window(40, 1468, 1468)
    done, got = way.send(datagrams), list[bytes]()
    while not done:
        got += await received(receiver, 1)
        done = way.flush()
    got += await received(receiver, 40 - len(got))
    assert got == [header + bytes(payload) for header, payload in datagrams]


async def test_a_way_that_is_closed_is_said(sockets: tuple[socket.socket, socket.socket]) -> None:
    sender, receiver = sockets
    receiver.close()
    Sender(sender).send(window(1, 8, 8))  # brings the word back
    with pytest.raises(ConnectionRefusedError):
        Sender(sender).send(window(1, 8, 8))
