"""The UDP socket of one address: takes what has come in, many at once, and answers most of it from memory."""

import asyncio
import socket
from functools import partial
from ipaddress import IPv4Address
from typing import Final

from fibrix.services.dns.batch import SLOT, SLOTS, batch_for
from fibrix.services.dns.desk import Client, Desk
from fibrix.services.dns.engine import Asker, Forward, Reply
from fibrix.wire.dns.codes import HEADER_BYTES, OPCODE_MASK, Flag

_ROUNDS: Final = 8  # batches per wake-up, before others get their turn
_SLICE_S: Final = 0.001  # or as many as this time is enough for
_ROOM_BYTES: Final = 4 << 20  # of datagrams that wait to be taken
_ID_OCTETS: Final = 2


class UdpEndpoint:
    """Open from the start. Raises OSError: no such address, port in use, no permission."""

    def __init__(self, address: IPv4Address, port: int, desk: Desk, group: asyncio.TaskGroup) -> None:
        self._desk = desk
        self._group = group
        self._port = port
        self._socket = sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM_BYTES)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _ROOM_BYTES)
            sock.bind((str(address), port))
            self._batch = batch_for(sock)
        except OSError:
            sock.close()
            raise
        asyncio.get_running_loop().add_reader(sock, self._drain)

    def close(self) -> None:
        """Close the socket."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _drain(self) -> None:
        """Take what has come in, and answer."""
        clock = self._desk.clock
        until = clock() + _SLICE_S
        for _ in range(_ROUNDS):
            try:
                count = self._batch.receive()
            except OSError:
                self._desk.counts["receive_failed"] += 1
                return
            if count:
                self._serve(count)
            if count < SLOTS or clock() > until:
                return

    def _serve(self, count: int) -> None:
        batch, view, clients = self._batch, self._batch.view, self._desk.clients
        sizes = []
        at = _ID_OCTETS
        for slot, (length, source) in enumerate(zip(batch.lengths(count), batch.sources(count), strict=True)):
            client = clients.get(source) or self._desk.meet(source)
            kept = client.answers.get(view[at : at + length - _ID_OCTETS].tobytes())
            if kept is None or client.bucket.tokens <= 0:
                sizes.append(self._ask(slot, length, client))
            else:
                client.bucket.tokens -= 1
                kept.hits += 1
                tail = kept.tail
                view[at : at + len(tail)] = tail
                sizes.append(len(tail) + _ID_OCTETS)
            at += SLOT
        unsent = batch.send(sizes)
        if unsent:
            self._desk.counts["unsent"] += unsent

    def _ask(self, slot: int, length: int, client: Client) -> int:
        """Decide about what is not kept; how many octets of answer are in the slot then."""
        begin, port, counts = slot * SLOT, self._batch.port(slot), self._desk.counts
        if not port or (client.ours and port == self._port):
            counts["looped"] += 1
            return 0
        data = self._batch.view[begin : begin + length].tobytes()
        bucket = client.bucket
        if bucket.tokens <= 0 and not bucket.refill(self._desk.clock()):
            counts["limited"] += 1
            octets = _come_by_tcp(data) if bucket.slips() else b""
            counts["slipped"] += bool(octets)
        else:
            bucket.tokens -= 1
            octets = self._decided(data, Asker(client.address, recursion=client.recursion), port)
        self._batch.view[begin : begin + len(octets)] = octets
        return len(octets)

    def _decided(self, data: bytes, asker: Asker, port: int) -> bytes:
        decision = self._desk.decide(data, asker)
        if isinstance(decision, Reply):
            return decision.octets
        if isinstance(decision, Forward):
            send = partial(self._send, (str(asker.address), port))
            self._desk.forward(decision, asker, send, self._group)
        return b""

    def _send(self, peer: tuple[str, int], octets: bytes) -> None:
        """Send what came later. The socket may be closed by then."""
        try:
            self._socket.sendto(octets, peer)
        except OSError:
            self._desk.counts["unsent"] += 1


def _come_by_tcp(query: bytes) -> bytes:
    """Answer no more than "truncated"; nothing to what is no query."""
    flags = int.from_bytes(query[2:4])
    if len(query) < HEADER_BYTES or flags & Flag.QR:
        return b""
    return query[:2] + (Flag.QR | Flag.TC | flags & (OPCODE_MASK | Flag.RD)).to_bytes(2) + bytes(8)
