"""An old BMC: stands before a simulated one and makes it speak IPMI 1.5 only.

`python -m fibrix.lab.bmc15 LISTEN BMC [LISTEN BMC …]`: each is a UDP port of loopback, or ADDRESS:PORT. With
`--refuse-question` it answers the question for IPMI 2.0 by completion code CCh, as some old BMCs do.
"""

import argparse
import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from fibrix.errors import LabError, MalformedPacketError
from fibrix.wire.ipmi.app import GET_AUTH_CAPABILITIES
from fibrix.wire.ipmi.message import Response, checksum
from fibrix.wire.ipmi.session15 import AuthType, Packet15

Endpoint = tuple[str, int]
"""IPv4 address and UDP port."""

_LOOPBACK: Final = "127.0.0.1"
_DATAGRAM_BYTES: Final = 2048
_BATCH: Final = 64
_RMCP_HEADER_BYTES: Final = 4
_ASKS_V20: Final = 0x80  # bit 7 of the channel number in the question, and of the types in the answer
_INVALID_FIELD: Final = 0xCC
_QUESTION_BYTES: Final = 7  # of the message, as far as the channel number


class Manner(Protocol):
    """What a relay does with datagrams: it passes them on, changed or not, or it does not."""

    def asked(self, datagram: bytes, forward: Callable[[bytes], None], answer: Callable[[bytes], None]) -> None:
        """A client sent this."""
        ...

    def answered(self, datagram: bytes, answer: Callable[[bytes], None]) -> None:
        """The BMC sent this."""
        ...


class Relay:
    """A UDP relay between the clients of one BMC and the BMC; each client has its own socket towards it."""

    def __init__(self, listen: Endpoint, bmc: Endpoint, manner: Manner) -> None:
        self._listen = listen
        self._bmc = bmc
        self._manner = manner
        self._clients: dict[Endpoint, socket.socket] = {}

    async def run(self, ready: asyncio.Event) -> None:
        """Relay until cancelled. Raises LabError when the port cannot be had."""
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as server:
            try:
                server.bind(self._listen)
            except OSError as exc:
                raise LabError(f"UDP {self._listen[0]}:{self._listen[1]} cannot be had: {exc.strerror}") from exc
            loop.add_reader(server, self._from_clients, server)
            ready.set()
            try:
                await asyncio.Event().wait()
            finally:
                loop.remove_reader(server)
                self._close(loop)

    def _close(self, loop: asyncio.AbstractEventLoop) -> None:
        for upstream in self._clients.values():
            loop.remove_reader(upstream)
            upstream.close()

    def _from_clients(self, server: socket.socket) -> None:
        for _ in range(_BATCH):
            try:
                datagram, client = server.recvfrom(_DATAGRAM_BYTES)
            except BlockingIOError:
                return
            upstream = self._clients.get(client) or self._welcome(client, server)
            self._manner.asked(datagram, partial(_send, upstream), partial(_send_to, server, client))

    def _welcome(self, client: Endpoint, server: socket.socket) -> socket.socket:
        upstream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        upstream.connect(self._bmc)
        asyncio.get_running_loop().add_reader(upstream, self._from_bmc, upstream, client, server)
        self._clients[client] = upstream
        return upstream

    def _from_bmc(self, upstream: socket.socket, client: Endpoint, server: socket.socket) -> None:
        try:
            datagram = upstream.recv(_DATAGRAM_BYTES)
        except (BlockingIOError, ConnectionRefusedError):
            return  # a BMC that is gone says nothing: neither does its relay
        self._manner.answered(datagram, partial(_send_to, server, client))


@dataclass(frozen=True, slots=True)
class OldBmc:
    """The manner of a BMC that never heard of IPMI 2.0: RMCP+ is dropped, and nothing is said of it."""

    refuses_question: bool = False

    def asked(self, datagram: bytes, forward: Callable[[bytes], None], answer: Callable[[bytes], None]) -> None:
        """Drop RMCP+, refuse the question for 2.0 if that is the manner, pass on all else."""
        if datagram[_RMCP_HEADER_BYTES : _RMCP_HEADER_BYTES + 1] == bytes((AuthType.RMCP_PLUS,)):
            return
        refusal = _refusal(datagram) if self.refuses_question else b""
        if refusal:
            answer(refusal)
        else:
            forward(datagram)

    def answered(self, datagram: bytes, answer: Callable[[bytes], None]) -> None:
        """Take all that is of 2.0 out of the authentication capabilities."""
        answer(_without_v20(datagram))


def _without_v20(datagram: bytes) -> bytes:
    try:
        packet = Packet15.decode(datagram)
        response = Response.decode(packet.message)
    except MalformedPacketError:
        return datagram  # authenticated, hence of no interest
    if response.command != GET_AUTH_CAPABILITIES.code or response.completion:
        return datagram
    data = bytearray(response.data)
    data[1] &= ~_ASKS_V20
    data[3] = 0
    body = packet.message[3:7] + bytes(data)
    return Packet15(packet.message[:3] + body + checksum(body)).encode()


def _refusal(datagram: bytes) -> bytes:
    """Answer CCh when this is Get Channel Authentication Capabilities with the bit for IPMI 2.0; empty: it is not."""
    try:
        message = Packet15.decode(datagram).message
    except MalformedPacketError:
        return b""
    if len(message) < _QUESTION_BYTES or message[5] != GET_AUTH_CAPABILITIES.code or not message[6] & _ASKS_V20:
        return b""
    head = bytes((message[3], message[1] + 4))  # back to who asked; network function + 1
    body = bytes((message[0], message[4], message[5], _INVALID_FIELD))
    return Packet15(head + checksum(head) + body + checksum(body)).encode()


def _send(upstream: socket.socket, datagram: bytes) -> None:
    try:
        upstream.send(datagram)
    except ConnectionRefusedError:
        return  # the report of an earlier datagram: the BMC is gone


def _send_to(server: socket.socket, client: Endpoint, datagram: bytes) -> None:
    server.sendto(datagram, client)


def _endpoint(text: str) -> Endpoint:
    address, _, port = text.rpartition(":")
    return address or _LOOPBACK, int(port)


async def _serve(endpoints: list[Endpoint], manner: Manner) -> None:
    async with asyncio.TaskGroup() as group:
        for listen, bmc in zip(endpoints[::2], endpoints[1::2], strict=True):
            relay = Relay(listen, bmc, manner)
            group.create_task(relay.run(asyncio.Event()), name=f"old BMC {listen[1]}")


def main() -> None:
    """Relay until killed."""
    parser = argparse.ArgumentParser(prog="python -m fibrix.lab.bmc15", description="Make BMCs speak IPMI 1.5 only.")
    parser.add_argument("endpoints", nargs="+", type=_endpoint, metavar="LISTEN BMC")
    parser.add_argument("--refuse-question", action="store_true", help="answer CCh when asked for IPMI 2.0")
    arguments = parser.parse_args()
    if len(arguments.endpoints) % 2:
        parser.error("each LISTEN needs its BMC")
    asyncio.run(_serve(arguments.endpoints, OldBmc(refuses_question=arguments.refuse_question)))


if __name__ == "__main__":
    main()
