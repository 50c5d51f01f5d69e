"""Frames that the sniffer reads, and others that look like them, as hex digits and by name."""

from collections.abc import Sequence

SOURCE = bytes.fromhex("525400770001")
EVERYONE = b"\xff" * 6
LLDP_GROUP = bytes.fromhex("0180c200000e")
CDP_GROUP = bytes.fromhex("01000ccccccc")


def frame(kind: int, payload: bytes, tags: Sequence[int] = (), to: bytes = EVERYONE, source: bytes = SOURCE) -> bytes:
    """An Ethernet frame; a tag is 32 bits, its type and its control."""
    return to + source + b"".join(tag.to_bytes(4) for tag in tags) + kind.to_bytes(2) + payload.ljust(46, b"\0")


def arp(source: bytes = SOURCE, address: bytes = bytes([10, 77, 0, 9]), tags: Sequence[int] = ()) -> bytes:
    """A gratuitous one."""
    said = bytes.fromhex("0001080006040001") + source + address + bytes(6) + address
    return frame(0x0806, said, tags, source=source)


def ipv4(protocol: int, payload: bytes, *, fragment: int = 0, options: bytes = b"") -> bytes:
    """A packet without checksums, which no filter looks at."""
    words = 5 + len(options) // 4
    total = 4 * words + len(payload)
    head = bytes([0x40 | words, 0]) + total.to_bytes(2) + b"\0\1" + fragment.to_bytes(2) + bytes([64, protocol, 0, 0])
    return head + bytes([10, 77, 0, 9]) + bytes([10, 77, 0, 255]) + options + payload


def ipv6(following: int, payload: bytes) -> bytes:
    """A packet without extension headers."""
    head = b"\x60\0\0\0" + len(payload).to_bytes(2) + bytes([following, 255])
    return head + bytes.fromhex("fe80" + 12 * "00" + "0001") + bytes.fromhex("ff02" + 12 * "00" + "00fb") + payload


def udp(source: int, destination: int) -> bytes:
    """A datagram of nothing much."""
    return source.to_bytes(2) + destination.to_bytes(2) + b"\0\x0c\0\0" + b"some"


def kinds() -> dict[str, tuple[bool, int, bytes]]:
    """By name: whether it is read, the type, and the payload."""
    cases: dict[str, tuple[bool, int, bytes]] = {
        "ARP": (True, 0x0806, bytes.fromhex("0001080006040001")),
        "LLDP": (True, 0x88CC, bytes.fromhex("020704525400770001")),
        "CDP": (True, 60, bytes.fromhex("aaaa0300000c200002b4")),
        "spanning tree": (False, 38, bytes.fromhex("424203000000000080")),
        "SNAP that is not CDP": (False, 60, bytes.fromhex("aaaa0300000c200402b4")),
        "SNAP of somebody else": (False, 60, bytes.fromhex("aaaa0300000d200002b4")),
        "EAPOL": (False, 0x888E, b"\1"),
        "TCP": (False, 0x0800, ipv4(6, udp(5353, 5353))),
        "echo request": (False, 0x0800, ipv4(1, b"\x08\0\0\0")),
        "echo reply": (True, 0x0800, ipv4(1, b"\0\0\0\0")),
        "echo reply behind IPv4 options": (True, 0x0800, ipv4(1, b"\0\0\0\0", options=b"\x94\x04\0\0")),
        "later fragment": (False, 0x0800, ipv4(17, udp(68, 67), fragment=0x2001)),
        "first fragment": (True, 0x0800, ipv4(17, udp(68, 67), fragment=0x2000)),
        "DHCP behind IPv4 options": (True, 0x0800, ipv4(17, udp(68, 67), options=bytes(40))),
        "other UDP": (False, 0x0800, ipv4(17, udp(40000, 53))),
        "to RMCP": (False, 0x0800, ipv4(17, udp(40000, 623))),
        "from RMCP": (True, 0x0800, ipv4(17, udp(623, 40000))),
        "other UDP over IPv6": (False, 0x86DD, ipv6(17, udp(40000, 53))),
        "NBNS over IPv6": (False, 0x86DD, ipv6(17, udp(137, 137))),
        "TCP over IPv6": (False, 0x86DD, ipv6(6, udp(5353, 5353))),
    }
    for port in (67, 68, 137, 427, 1900, 3702, 5353, 5355):
        cases[f"UDP to {port}"] = True, 0x0800, ipv4(17, udp(40000, port))
        cases[f"UDP from {port}"] = True, 0x0800, ipv4(17, udp(port, 40000))
    for port in (1900, 3702, 5353, 5355):
        cases[f"UDP to {port} over IPv6"] = True, 0x86DD, ipv6(17, udp(40000, port))
        cases[f"UDP from {port} over IPv6"] = True, 0x86DD, ipv6(17, udp(port, 40000))
    for kind in (1, 128, 129, 130, 132, 133, 134, 135, 136, 137, 143):
        read = kind in {129, 133, 134, 135, 136}
        cases[f"ICMPv6 {kind}"] = read, 0x86DD, ipv6(58, bytes([kind]) + bytes(23))
    return cases
