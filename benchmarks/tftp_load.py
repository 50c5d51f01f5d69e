"""The load of the TFTP benchmark: clients that fetch one file over and over, in one process, on plain sockets.

Run: `python -m benchmarks.tftp_load ADDRESS PORT FILE CLIENTS WINDOW SECONDS`; prints the octets that came, as JSON.
What the kernel can join (UDP_GRO) comes as one: the load must cost less than the server that it measures.
"""

import json
import select
import socket
import sys
from contextlib import suppress
from time import monotonic
from typing import Final

from fibrix.wire.tftp import Ack, Opcode, Request, decode

BLOCK: Final = 1468  # octets, as boot ROMs ask for
_DATAGRAM: Final = BLOCK + 4
_UDP_GRO: Final = 104  # linux/udp.h
_PATIENCE_S: Final = 0.5
_ACKS: Final = [Ack(number).encode() for number in range(65536)]
_OACK: Final = Opcode.OACK.to_bytes(2)
_DATA: Final = Opcode.DATA.to_bytes(2)


class Client:
    """Fetches the file again and again; `received` counts octets of files."""

    def __init__(self, server: tuple[str, int], file: str, window: int, epoll: select.epoll) -> None:
        options = {"blksize": str(BLOCK)} | ({"windowsize": str(window)} if window > 1 else {})
        self._request = Request(file, options=options).encode()
        self._server = server
        self._asked = window
        self._epoll = epoll
        self._buffer = bytearray(65536)
        self._socket: socket.socket | None = None
        self.received = 0
        self.begin()

    def fileno(self) -> int:
        """Where answers come."""
        assert self._socket is not None
        return self._socket.fileno()

    def begin(self) -> None:
        """Ask for the file, from a port of its own."""
        if self._socket is not None:
            self._socket.close()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        with suppress(OSError):
            self._socket.setsockopt(socket.SOL_UDP, _UDP_GRO, 1)
        self._socket.bind((self._server[0], 0))
        self._epoll.register(self._socket.fileno(), select.EPOLLIN)
        self._window, self._told, self._block, self._connected = 1, 0, 0, False
        self._socket.sendto(self._request, self._server)
        self.heard = monotonic()

    def repeat(self) -> None:
        """Say again how far it is."""
        assert self._socket is not None
        self.heard = monotonic()
        if self._connected:
            self._told = self._block
            self._socket.send(_ACKS[self._block & 0xFFFF])
        else:
            self.begin()

    def receive(self) -> None:
        """Take what came."""
        assert self._socket is not None
        buffer = self._buffer
        if self._connected:
            length = self._socket.recv_into(buffer)
        else:
            length, peer = self._socket.recvfrom_into(buffer)
            self._socket.connect(peer)
            self._connected = True
        if buffer[1] != 3:
            self._agree(bytes(buffer[:length]))
            return
        at = 0
        while at < length:
            self._take(buffer, at, min(length - at, _DATAGRAM))
            at += _DATAGRAM
        if length % _DATAGRAM:
            self._end()
        elif self._block - self._told >= self._window:
            self._told = self._block
            self._socket.send(_ACKS[self._block & 0xFFFF])

    def _take(self, buffer: bytearray, at: int, length: int) -> None:
        """Take one block. One that is missing is told of when nothing more comes: loopback loses none."""
        if (buffer[at + 2] << 8 | buffer[at + 3]) == (self._block + 1) & 0xFFFF:
            self._block += 1
            self.received += length - 4

    def _agree(self, datagram: bytes) -> None:
        assert datagram[:2] == _OACK, decode(datagram)
        assert self._socket is not None
        agreed = dict(getattr(decode(datagram), "options", {}))
        self._window = int(agreed.get("windowsize", "1"))
        assert agreed.get("blksize") == str(BLOCK), agreed
        self._socket.send(_ACKS[0])

    def _end(self) -> None:
        assert self._socket is not None
        self._socket.send(_ACKS[self._block & 0xFFFF])
        self.begin()


def load(server: tuple[str, int], file: str, clients: int, window: int, seconds: float) -> dict[str, float]:
    """Fetch for so long."""
    with select.epoll() as epoll:
        all_clients = [Client(server, file, window, epoll) for _ in range(clients)]
        by_socket = {client.fileno(): client for client in all_clients}
        began = now = checked = monotonic()
        while now < began + seconds:
            for ready, _ in epoll.poll(0.05):
                client = by_socket[ready]
                client.receive()
                client.heard = now
                by_socket[client.fileno()] = client
            now = monotonic()
            if now > checked + 0.1:
                checked = now
                for client in all_clients:
                    if now > client.heard + _PATIENCE_S:
                        client.repeat()
                        by_socket[client.fileno()] = client
        took = monotonic() - began
    return {"bytes": sum(client.received for client in all_clients), "seconds": took}


def main(words: list[str]) -> None:
    """Do as the command line says."""
    address, port, file, clients, window, seconds = words
    print(json.dumps(load((address, int(port)), file, int(clients), int(window), float(seconds))))


if __name__ == "__main__":
    main(sys.argv[1:])
