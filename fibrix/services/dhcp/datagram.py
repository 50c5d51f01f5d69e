"""A datagram to send, and what the calls to the kernel need to know about all of them."""

import struct
from ipaddress import IPv4Address
from typing import Final, NamedTuple

IP_PKTINFO: Final = 8  # of <linux/in.h>; Python names it from 3.14 on
MOST: Final = 64  # datagrams per call
SLOT: Final = 4096  # octets; no client has more to say
SOCKADDR: Final = struct.Struct("@HH4s8x")  # sockaddr_in: family, port, address


class Datagram(NamedTuple):
    """What is to be sent."""

    payload: bytes
    source: IPv4Address
    destination: IPv4Address
    port: int
