"""Where the parts of a frame are."""

from typing import Final, NamedTuple

IPV4: Final = 0x0800
IPV6: Final = 0x86DD
LLDP: Final = 0x88CC
ICMP: Final = 1
TCP: Final = 6
UDP: Final = 17
ICMP6: Final = 58

_TAGS: Final = frozenset({0x8100, 0x88A8, 0x9100})
_LATER_FRAGMENT: Final = 0x1FFF
_EXTENSIONS: Final = frozenset({0, 43, 60})  # of IPv6: hop by hop, routing, destination
_UDP_HEADER: Final = 8
_NOTHING: Final = slice(0, 0)


class Layers(NamedTuple):
    """Parts of a frame as slices of it. What is not there, or lies about its length, is empty."""

    ethertype: int = 0
    payload: slice = _NOTHING  # of Ethernet, behind VLAN tags
    header: slice = _NOTHING  # of IPv4
    addresses: slice = _NOTHING  # of IP, source and destination
    protocol: int = 0  # of what is in the IP packet
    segment: slice = _NOTHING  # what is in it, with its own header
    ports: tuple[int, ...] = ()  # of UDP, source and destination
    datagram: slice = _NOTHING  # what is in the UDP segment


def layers(frame: bytes) -> Layers:
    """Find the parts. Never raises, whatever the frame is."""
    at, ethertype = 14, int.from_bytes(frame[12:14])
    while ethertype in _TAGS:
        at, ethertype = at + 4, int.from_bytes(frame[at + 2 : at + 4])
    if ethertype == IPV4 and len(frame) >= at + 20:
        return _ipv4(frame, at)
    if ethertype == IPV6 and len(frame) >= at + 40:
        return _ipv6(frame, at)
    return Layers(ethertype, slice(at, len(frame)))


def _ipv4(frame: bytes, at: int) -> Layers:
    """RFC 791 §3.1."""
    header, length = (frame[at] & 0x0F) * 4, int.from_bytes(frame[at + 2 : at + 4])
    end = min(at + length, len(frame))
    whole = not int.from_bytes(frame[at + 6 : at + 8]) & _LATER_FRAGMENT and header >= 20
    return _transport(
        frame,
        Layers(
            ethertype=IPV4,
            payload=slice(at, len(frame)),
            header=slice(at, at + header),
            addresses=slice(at + 12, at + 20),
            protocol=frame[at + 9],
            segment=slice(at + header, end) if whole and at + header <= end else _NOTHING,
        ),
    )


def _ipv6(frame: bytes, at: int) -> Layers:
    """RFC 8200 §3; extension headers: §4."""
    end = min(at + 40 + int.from_bytes(frame[at + 4 : at + 6]), len(frame))
    following, segment = frame[at + 6], at + 40
    while following in _EXTENSIONS and segment + 8 <= end:
        following, segment = frame[segment], segment + 8 + 8 * frame[segment + 1]
    return _transport(
        frame,
        Layers(
            ethertype=IPV6,
            payload=slice(at, len(frame)),
            addresses=slice(at + 8, at + 40),
            protocol=following,
            segment=slice(segment, end) if segment <= end else _NOTHING,
        ),
    )


def _transport(frame: bytes, found: Layers) -> Layers:
    """Add what UDP says (RFC 768)."""
    begin, end = found.segment.start, found.segment.stop
    if found.protocol != UDP or end - begin < _UDP_HEADER:
        return found
    ports = (int.from_bytes(frame[begin : begin + 2]), int.from_bytes(frame[begin + 2 : begin + 4]))
    return found._replace(ports=ports, datagram=slice(begin + _UDP_HEADER, end))
