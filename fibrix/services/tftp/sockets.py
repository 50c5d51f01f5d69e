"""The UDP sockets of TFTP, and what goes out on them besides a file."""

import fcntl
import socket
import struct
from contextlib import ExitStack, suppress
from ipaddress import IPv4Address
from typing import Final

from fibrix.domain.network import Subnet
from fibrix.services.tftp.burst import Address
from fibrix.wire.tftp import Error, Opcode

DATAGRAM_BYTES: Final = 2048  # no request is longer
ANSWER_BYTES: Final = 256  # an ACK has 4; the text of a longer ERROR is cut
_OVERHEAD_BYTES: Final = 20 + 8 + 4  # IPv4, UDP and TFTP headers: what is left of the MTU is the block
_ETHERNET_MTU: Final = 1500
_SIOCGIFMTU: Final = 0x8921  # linux/sockios.h


def bound(address: IPv4Address, port: int) -> socket.socket:
    """Open a non-blocking socket on an own address; port 0 takes a free one. Raises OSError."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        sock.bind((str(address), port))
    except OSError:
        sock.close()
        raise
    return sock


def transfer_sockets(address: IPv4Address, peer: Address) -> tuple[socket.socket, socket.socket]:
    """Open two sockets on one free port: the first connected to the peer, the second for everyone else.

    The port is free, and chosen before sharing it is allowed: a port that is shared could be given out twice.
    Raises OSError.
    """
    with ExitStack() as stack:
        door = stack.enter_context(bound(address, 0))
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        line = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK))
        line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        line.bind(door.getsockname())
        line.connect(peer)
        stack.pop_all()
    return line, door


def block_limit(subnet: Subnet) -> int:
    """The longest block, in octets, that reaches the subnet's machines in one piece: boot ROMs lose fragments."""
    request = struct.pack("16si", subnet.interface.encode()[:15], 0)
    mtu = _ETHERNET_MTU
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        mtu = struct.unpack("16si", fcntl.ioctl(sock, _SIOCGIFMTU, request))[1]
    return min(mtu, subnet.mtu or mtu) - _OVERHEAD_BYTES


def send_error(sock: socket.socket, peer: Address | None, error: Error) -> None:
    """Send an ERROR once; no `peer` where the socket is connected.

    It is never acknowledged (RFC 1350 §7), so one that cannot leave is not worth more.
    """
    with suppress(OSError):
        if peer is None:
            sock.send(error.encode())
        else:
            sock.sendto(error.encode(), peer)


def is_error(datagram: bytes) -> bool:
    """An ERROR is never answered with another."""
    return datagram[:2] == Opcode.ERROR.to_bytes(2)
