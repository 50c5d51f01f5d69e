"""Answers IPv6 router solicitations on one interface, offering nothing: `python -m fibrix.lab.router INTERFACE`.

iPXE waits 13 s for an advertisement before each boot. A switch with a router beside it answers at once; the lab has
no router, so this stands in for one. Lifetime 0 and no prefix: no machine gets an address or a route from it (RFC 4861
§4.2).
"""

import socket
import struct
import sys
from typing import Final

_SOLICITATION: Final = 133  # ICMPv6 type, RFC 4861 §4.1
_ADVERTISEMENT: Final = 134
_ALL_NODES: Final = "ff02::1"
_ALL_ROUTERS: Final = "ff02::2"
_HOP_LIMIT: Final = 255  # anything less is discarded by the receiver: RFC 4861 §6.1.2

# type, code, checksum (the kernel's work), current hop limit, flags, router lifetime, reachable time, retransmit timer
EMPTY_ADVERTISEMENT: Final = struct.pack("!BBHBBHII", _ADVERTISEMENT, 0, 0, 64, 0, 0, 0, 0)


def open_socket(interface: str) -> socket.socket:
    """Open a raw ICMPv6 socket on one interface, member of all-routers. Needs root."""
    raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
    raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, _HOP_LIMIT)
    group = socket.inet_pton(socket.AF_INET6, _ALL_ROUTERS) + struct.pack("@I", socket.if_nametoindex(interface))
    raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
    return raw


def serve(interface: str) -> None:
    """Answer until killed."""
    with open_socket(interface) as raw:
        target = (_ALL_NODES, 0, 0, socket.if_nametoindex(interface))
        while True:
            if raw.recv(2048)[:1] == bytes([_SOLICITATION]):
                raw.sendto(EMPTY_ADVERTISEMENT, target)


if __name__ == "__main__":
    serve(sys.argv[1])
