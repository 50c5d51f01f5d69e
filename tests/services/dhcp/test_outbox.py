"""Sending when the kernel has no room, and when it has none for good."""

import asyncio
import errno
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import closing
from ipaddress import IPv4Address

import pytest

from fibrix.services.dhcp.datagram import Datagram
from fibrix.services.dhcp.outbox import Outbox

HOME = IPv4Address("127.0.0.1")
MANY = 150


class Line:
    """Takes datagrams for as long as there is room; what is for port 9 it never takes."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.sent: list[bytes] = []
        self.all_left = asyncio.Event()

    def receive(self) -> Sequence[tuple[bytes, bytes]]:
        return ()

    def send(self, datagrams: Sequence[Datagram]) -> tuple[int, int]:
        for count, one in enumerate(datagrams):
            if one.port == 9:
                return count, errno.ENETUNREACH
            if not self.room:
                return count, errno.ENOBUFS
            self.room -= 1
            self.sent.append(one.payload)
        if len(self.sent) == MANY:
            self.all_left.set()
        return len(datagrams), 0


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A socket that takes frames, and where they come out: the kernel has room for a few."""
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    with closing(one), closing(other):
        yield one, other


def datagrams(count: int, port: int = 68) -> list[Datagram]:
    return [Datagram(bytes((number,)), HOME, HOME, port) for number in range(count)]


async def test_what_there_is_no_room_for_leaves_as_soon_as_there_is(ends: tuple[socket.socket, socket.socket]) -> None:
    line, lost = Line(room=100), list[int]()
    box = Outbox(line, ends[0], lost.append)
    assert box.send(datagrams(MANY)) == {}
    assert len(line.sent) == 100
    line.room = 1_000
    async with asyncio.timeout(2):
        await line.all_left.wait()
    assert sorted(line.sent) == sorted(one.payload for one in datagrams(MANY))
    assert not lost


async def test_a_frame_waits_for_room_like_a_datagram(ends: tuple[socket.socket, socket.socket]) -> None:
    lost = list[int]()
    box, heard = Outbox(Line(room=0), ends[0], lost.append), list[bytes]()
    frames = [number.to_bytes(2) * 500 for number in range(1_000)]
    assert box.send(frames) == {}
    async with asyncio.timeout(5):
        while len(heard) < len(frames):
            try:
                heard.append(ends[1].recv(2048))
            except BlockingIOError:
                await asyncio.sleep(0.001)
    assert heard == frames
    assert not lost


async def test_one_that_can_never_leave_is_told_of_and_holds_up_no_other(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    line = Line(room=10)
    box = Outbox(line, ends[0], lambda count: None)
    first, second = datagrams(2)
    never = datagrams(1, port=9)[0]
    assert box.send([never, first, never, second]) == dict.fromkeys((0, 2), os.strerror(errno.ENETUNREACH))
    assert line.sent == [first.payload, second.payload]


async def test_what_waits_in_vain_is_given_up(ends: tuple[socket.socket, socket.socket]) -> None:
    line, given_up = Line(room=0), asyncio.Queue[int]()
    box = Outbox(line, ends[0], given_up.put_nowait)
    assert box.send(datagrams(3)) == {}
    async with asyncio.timeout(5):
        assert await given_up.get() == 3
    line.room = 10
    await asyncio.sleep(0.01)
    assert line.sent == []


async def test_a_closed_one_sends_nothing(ends: tuple[socket.socket, socket.socket]) -> None:
    line = Line(room=0)
    box = Outbox(line, ends[0], lambda count: None)
    box.send(datagrams(2))
    box.close()
    line.room = 10
    await asyncio.sleep(0.01)
    assert box.send(datagrams(1)).keys() == {0}
    assert line.sent == []
