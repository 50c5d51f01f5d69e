"""The kernel's filter: lets through what the engine reads, and nothing else."""

from collections.abc import Collection
from typing import Final

from fibrix.wire.bpf import DROP, OUTGOING, PACKET_TYPE, TAKE, VLAN_TAG, VLAN_TAG_PRESENT, Line, any_of, assemble
from fibrix.wire.frame import ARP, IPV4, IPV6, LLDP, TAGS

_ICMP: Final = 1
_UDP: Final = 17
_ICMP6: Final = 58
_ECHO_REPLY: Final = 0
_ECHO_REPLY6: Final = 129
_ROUTER_SOLICITATION: Final = 133  # the first of the four messages of neighbour discovery that are read
_NEIGHBOUR_ADVERTISEMENT: Final = 136  # the last one
_DHCP: Final = (67, 68)
_NBNS: Final = 137
_SLP: Final = 427
_SSDP: Final = 1900
_WSD: Final = 3702
_MDNS: Final = 5353
_LLMNR: Final = 5355
_PORTS4: Final = (*_DHCP, _MDNS, _LLMNR, _NBNS, _SSDP, _WSD, _SLP)
_PORTS6: Final = (_MDNS, _LLMNR, _SSDP, _WSD)
_RMCP: Final = 623
_TAGS: Final = tuple(sorted(TAGS))
_MOST_LENGTH: Final = 1500  # IEEE 802.3: what is not more is a length, and LLC follows

_MOST_VLANS: Final = 1900  # that are left out: the kernel takes 4,096 steps

# X is the octets of the VLAN tags that are still in the frame, at most two: the kernel takes out the outermost one.
_KIND: Final[tuple[Line, ...]] = (
    ("ldx", 0),
    ("ldh", 12),
    ("jeq", ARP, "take", ""),
    *any_of(_TAGS, "one tag", "kind"),
    "one tag",
    ("ldx", 4),
    ("ldh", 16),
    *any_of(_TAGS, "two tags", "kind"),
    "two tags",
    ("ldx", 8),
    ("ldh", 20),
    "kind",
    ("jeq", IPV4, "ipv4", ""),
    ("jeq", ARP, "take", ""),
    ("jeq", IPV6, "ipv6", ""),
    ("jeq", LLDP, "take", ""),
    ("jgt", _MOST_LENGTH, "drop", ""),
    ("ld_x", 14),
    ("jeq", 0xAAAA0300, "", "drop"),  # SNAP, and the first octet of the OUI
    ("ld_x", 18),
    ("jeq", 0x000C2000, "take", "drop"),  # the rest of Cisco's OUI, CDP
)
_BEHIND_HEADER: Final[tuple[Line, ...]] = (
    ("ldb_x", 14),  # X: so many octets more as the IPv4 header has
    ("and", 0x0F),
    ("shift_left", 2),
    ("add_x", 0),
    ("tax", 0),
)
_OF_IPV4: Final[tuple[Line, ...]] = (
    "ipv4",
    ("ldh_x", 20),
    ("jset", 0x1FFF, "drop", ""),  # a later fragment: it has no ports
    ("ldb_x", 23),
    ("jeq", _UDP, "udp", ""),
    ("jeq", _ICMP, "", "drop"),
    *_BEHIND_HEADER,
    ("ldb_x", 14),
    ("jeq", _ECHO_REPLY, "take", "drop"),
    "udp",
    *_BEHIND_HEADER,
    ("ldh_x", 14),
    *any_of((*_PORTS4, _RMCP), "take"),
    ("ldh_x", 16),
    *any_of(_PORTS4, "take", "drop"),
)
_OF_IPV6: Final[tuple[Line, ...]] = (
    "ipv6",
    ("ldb_x", 20),
    ("jeq", _UDP, "udp6", ""),
    ("jeq", _ICMP6, "", "drop"),
    ("ldb_x", 54),
    ("jeq", _ECHO_REPLY6, "take", ""),
    ("jge", _ROUTER_SOLICITATION, "", "drop"),
    ("jgt", _NEIGHBOUR_ADVERTISEMENT, "drop", "take"),
    "udp6",
    ("ldh_x", 54),
    *any_of(_PORTS6, "take"),
    ("ldh_x", 56),
    *any_of(_PORTS6, "take", "drop"),
)


def program(without: Collection[int] = ()) -> bytes:
    """Make it for one interface. `without`: VLANs that are heard elsewhere, on interfaces of their own.

    What this machine sends is left out too.
    """
    return assemble(
        ("ld", PACKET_TYPE),
        ("jeq", OUTGOING, "ours", "theirs"),
        "ours",
        DROP,
        "theirs",
        *_tagged(sorted(without)),
        *_KIND,
        *_OF_IPV4,
        *_OF_IPV6,
        "take",
        TAKE,
        "drop",
        DROP,
    )


def _tagged(without: list[int]) -> list[Line]:
    """Leave VLANs out, as the tag that the kernel took out says."""
    if not without:
        return []
    lines: list[Line] = [("ld", VLAN_TAG_PRESENT), ("jeq", 1, "tagged", ""), ("jump", 0, "here", ""), "tagged"]
    lines += [("ld", VLAN_TAG), ("and", 0xFFF)]
    for vlan in without[:_MOST_VLANS]:
        lines += [("jeq", vlan, "", f"not {vlan}"), DROP, f"not {vlan}"]
    return [*lines, "here"]
