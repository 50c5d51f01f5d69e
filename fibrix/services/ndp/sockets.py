"""The socket of one interface for router solicitations and advertisements."""

import socket
import struct
from dataclasses import dataclass
from typing import Final

from fibrix.runtime.interface import Interface
from fibrix.wire.icmp6 import ADVERTISEMENT, HOP_LIMIT, SOLICITATION

_ALL_ROUTERS: Final = "ff02::2"
_ICMP6_FILTER: Final = 1  # of <linux/icmpv6.h>: 256 bits, a set one keeps the type out
_MOST_OCTETS: Final = 2048


@dataclass(frozen=True, slots=True)
class Heard:
    """An ICMPv6 message, and what its IPv6 header said."""

    message: bytes
    hop_limit: int
    source: str


class RouterSocket:
    """A member of all-routers on one interface. Opening raises OSError: no IPv6 there, or no permission."""

    def __init__(self, interface: str) -> None:
        self._place = Interface(interface)
        self._raw = raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.IPPROTO_ICMPV6)
        try:
            raw.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, _filter(SOLICITATION, ADVERTISEMENT))
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
            raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, HOP_LIMIT)
            raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
            raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
            group = socket.inet_pton(socket.AF_INET6, _ALL_ROUTERS) + struct.pack("=I", self._place.index)
            raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
        except OSError:
            raw.close()
            raise

    def fileno(self) -> int:
        """For `add_reader`."""
        return self._raw.fileno()

    def close(self) -> None:
        """Close it."""
        self._raw.close()

    def gone(self) -> str:
        """Why it is of no more use; empty while its interface is there."""
        return self._place.gone()

    def receive(self) -> Heard:
        """Take one message. Raises BlockingIOError when there is none, and other OSErrors."""
        message, ancillary, _, peer = self._raw.recvmsg(_MOST_OCTETS, socket.CMSG_SPACE(4))
        hops = next((data for _, kind, data in ancillary if kind == socket.IPV6_HOPLIMIT), b"\0\0\0\0")
        return Heard(message, struct.unpack("=i", hops)[0], peer[0].partition("%")[0])

    def send(self, message: bytes, address: str) -> None:
        """Send to an address of this link. Raises OSError."""
        self._raw.sendto(message, (address, 0, 0, self._place.index))


def _filter(*types: int) -> bytes:
    """Let only these types through."""
    blocked = (1 << 256) - 1
    for one in types:
        blocked &= ~(1 << one)
    words = (blocked >> (32 * index) & 0xFFFFFFFF for index in range(8))
    return struct.pack("=8I", *words)
