"""The sockets of one interface: one hears and sends routed replies, one sends frames to clients without an address."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final, TypeAlias

from fibrix.runtime.interface import Interface
from fibrix.services.dhcp.datagram import IP_PKTINFO, MOST, Datagram
from fibrix.services.dhcp.datagrams import datagrams_of
from fibrix.services.dhcp.outbox import Item, Outbox
from fibrix.services.dhcp.query import Arrival
from fibrix.services.dhcp.reply import Reply, Way
from fibrix.types import mac_from_octets
from fibrix.wire.ethernet import IPV4, EthernetFrame
from fibrix.wire.ipv4 import UdpDatagram

_DRAIN: Final = 256  # datagrams taken per wake-up, before others get their turn
_POLL_S: Final = 0.001  # under load the socket is looked at in a rhythm: a wake-up costs as much as a decision
_BUSY: Final = 32  # wake-ups in a row, each that soon after the one before, that make a load
_IDLE: Final = 20  # looks in vain that end it
_RECEIVE_BUFFER: Final = 8 << 20  # octets: a burst of clients waits here, 10,000 and more after a power failure
_SEND_BUFFER: Final = 4 << 20  # a batch of answers waits here while the kernel asks for a relay's MAC
_RCVBUFFORCE: Final = 33  # of <asm-generic/socket.h>: more than the system's limit, for who may
_SNDBUFFORCE: Final = 32
_ARRIVALS: Final = 64  # destinations that are kept ready; there are two or three


@dataclass(frozen=True, slots=True)
class Ports:
    """UDP ports: 67 and 68 but for tests."""

    server: int
    client: int


Heard: TypeAlias = tuple[bytes, Arrival]
"""A datagram, and where it came in."""


class Endpoint:
    """Open sockets on one interface. `take` gets what came in, `taken` follows the last of it for now.

    `lost` is told of replies that were to leave a little later and could not. None of them may raise.
    """

    def __init__(
        self,
        interface: str,
        ports: Ports,
        take: Callable[["Endpoint", Sequence[Heard]], None],
        taken: Callable[[], None],
        lost: Callable[[int], None],
    ) -> None:
        """Open. Raises OSError: no such interface, port in use, no permission."""
        self.interface = interface
        self.fault = ""  # why it can no longer hear; empty: it can
        self._ports = ports
        self._take = take
        self._taken = taken
        self._place = Interface(interface)
        self._arrivals: dict[bytes, Arrival] = {}
        with contextlib.ExitStack() as stack:
            self._udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK))
            self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one socket per interface, one port
            self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
            self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            self._udp.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
            with contextlib.suppress(PermissionError):
                self._udp.setsockopt(socket.SOL_SOCKET, _RCVBUFFORCE, _RECEIVE_BUFFER)
                self._udp.setsockopt(socket.SOL_SOCKET, _SNDBUFFORCE, _SEND_BUFFER)
            self._udp.bind(("0.0.0.0", ports.server))  # noqa: S104 - bound to the interface, and broadcasts are wanted
            self._frames = stack.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK))
            self._frames.bind((interface, 0))  # protocol 0: it sends only
            self._mac = mac_from_octets(self._frames.getsockname()[4])
            self._stack = stack.pop_all()
        self._datagrams = datagrams_of(self._udp, self._place.index)
        self._outbox = Outbox(self._datagrams, self._frames, lost)
        self._loop = asyncio.get_running_loop()
        self._look: asyncio.TimerHandle | None = None
        self._woken_s = 0.0
        self._soon = 0  # wake-ups in a row that came soon after the one before
        self._in_vain = 0
        self._loop.add_reader(self._udp, self._wake)

    def close(self) -> None:
        """Close the sockets."""
        self._loop.remove_reader(self._udp)
        if self._look is not None:
            self._look.cancel()
        self._outbox.close()
        self._stack.close()

    def check(self) -> str:
        """Why these sockets are of no more use; empty when they are."""
        return self._place.gone() or self.fault

    def send(self, replies: Sequence[Reply]) -> dict[int, str]:
        """Send each on the way that it names; why some cannot be sent, by their place."""
        return self._outbox.send([self._item(reply) for reply in replies])

    def _item(self, reply: Reply) -> Item:
        if reply.way is Way.FRAME:
            return self._frame(reply)
        port = self._ports.server if reply.way is Way.RELAY else self._ports.client
        return Datagram(reply.payload, reply.source, reply.destination, port)

    def _frame(self, reply: Reply) -> bytes:
        datagram = UdpDatagram(reply.source, self._ports.server, reply.destination, self._ports.client, reply.payload)
        return EthernetFrame(reply.hardware, self._mac, IPV4, datagram.encode()).encode()

    def _arrival(self, destination: bytes) -> Arrival:
        """An arrival at this interface, made once per destination."""
        arrival = self._arrivals.get(destination)
        if arrival is None:
            arrival = Arrival(self.interface, IPv4Address(destination))
            if len(self._arrivals) < _ARRIVALS:
                self._arrivals[destination] = arrival
        return arrival

    def _wake(self) -> None:
        """Something has come in. When that is so again and again, go over to looking in a rhythm."""
        now_s = self._loop.time()
        self._soon = self._soon + 1 if now_s - self._woken_s < 2 * _POLL_S else 0
        self._woken_s = now_s
        self._drain()
        if self._soon >= _BUSY and not self.fault:
            self._loop.remove_reader(self._udp)
            self._in_vain = 0
            self._look = self._loop.call_later(_POLL_S, self._poll)

    def _poll(self) -> None:
        """Look whether something has come in, until nothing does for a while."""
        self._in_vain = 0 if self._drain() else self._in_vain + 1
        if self.fault:
            return
        if self._in_vain < _IDLE:
            self._look = self._loop.call_later(_POLL_S, self._poll)
        else:
            self._look, self._soon = None, 0
            self._loop.add_reader(self._udp, self._wake)

    def _drain(self) -> int:
        """Take what has come in; how much. A socket that fails is closed and opened anew by its owner."""
        taken, more = 0, True
        try:
            while more and taken < _DRAIN:
                heard = self._datagrams.receive()
                arrivals = self._arrivals
                self._take(self, [(data, arrivals.get(to) or self._arrival(to)) for data, to in heard])
                taken += len(heard)
                more = len(heard) == MOST
        except OSError as exc:
            self.fault = f"cannot receive: {exc}"
            self._loop.remove_reader(self._udp)  # it would be called again and again
        self._taken()
        return taken
