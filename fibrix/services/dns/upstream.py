"""One question to one resolver: from a port of its own, with a random id and random case (RFC 5452), or by TCP."""

import asyncio
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from fibrix.errors import MalformedPacketError
from fibrix.wire.dns.codes import CLASS_IN, OUR_BYTES, Flag
from fibrix.wire.dns.edns import Edns
from fibrix.wire.dns.heard import Heard
from fibrix.wire.dns.query import HEADER, PAIR

_MOST_OCTETS: Final = 65_535
_MOST_WRONG: Final = 10  # answers that are not to our question; after so many somebody is guessing
_LENGTH_OCTETS: Final = 2


async def ask(address: tuple[str, int], name: bytes, kind: int, dnssec: bool, checking_disabled: bool) -> Heard:  # noqa: FBT001
    """Ask. OSError: it cannot be reached; MalformedPacketError: it answers nonsense. The caller sets the time limit."""
    number, mixed = secrets.randbelow(1 << 16), _mixed(name)
    flags = Flag.RD | (Flag.CD if checking_disabled else 0)
    head = HEADER.pack(number, flags, 1, 0, 0, 1)
    query = head + mixed + PAIR.pack(kind, CLASS_IN) + Edns(OUR_BYTES, dnssec=dnssec).encode()
    heard = await _by_datagram(address, query, (number, mixed, kind))
    if heard is None or heard.flags & Flag.TC:
        return await _by_stream(address, query, (number, name, kind))
    return heard


async def _by_datagram(address: tuple[str, int], query: bytes, asked: tuple[int, bytes, int]) -> Heard | None:
    """Wait for the answer; None: it cannot be told from a guess, as when the case of letters is not given back."""
    loop = asyncio.get_running_loop()
    with _socket(socket.SOCK_DGRAM) as sock:
        sock.connect(address)  # answers of others are not heard then
        await loop.sock_sendall(sock, query)
        for _ in range(_MOST_WRONG):
            data = await loop.sock_recv(sock, _MOST_OCTETS)
            try:
                heard = Heard.decode(data)
            except MalformedPacketError:
                if data[:2] == query[:2]:
                    raise
                continue
            if (heard.id, heard.name, heard.type) == asked:
                return heard
            if (heard.id, heard.name.lower()) == (asked[0], asked[1].lower()):
                return None
    return None


async def _by_stream(address: tuple[str, int], query: bytes, asked: tuple[int, bytes, int]) -> Heard:
    loop = asyncio.get_running_loop()
    with _socket(socket.SOCK_STREAM) as sock:
        await loop.sock_connect(sock, address)
        await loop.sock_sendall(sock, len(query).to_bytes(_LENGTH_OCTETS) + query)
        size = int.from_bytes(await _exactly(sock, _LENGTH_OCTETS))
        heard = Heard.decode(await _exactly(sock, size))
    if (heard.id, heard.name.lower(), heard.type) != asked:
        raise MalformedPacketError("DNS: a forwarder answers another question than it was asked")
    return heard


async def _exactly(sock: socket.socket, count: int) -> bytes:
    loop, data = asyncio.get_running_loop(), b""
    while len(data) < count:
        more = await loop.sock_recv(sock, count - len(data))
        if not more:
            raise ConnectionError("the forwarder hung up")
        data += more
    return data


@contextmanager
def _socket(kind: int) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, kind | socket.SOCK_NONBLOCK) as sock:
        yield sock


def _mixed(name: bytes) -> bytes:
    """Give letters a random case; no octet of length is the code of a letter."""
    chance = secrets.randbits(8 * len(name))
    upper = name.upper()
    return bytes(upper[at] if chance >> at & 1 else octet for at, octet in enumerate(name))
