"""What an active scan sends, to where, and how long that takes; what of it is refused. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from fibrix.domain.network import AddressRange, Subnet
from fibrix.domain.network_rules import WAN
from fibrix.domain.scan_target import Target, read_target
from fibrix.errors import Fault, InvalidError
from fibrix.types import MacAddress, OperationId

MOST_ADDRESSES: Final = 65_536
"""A scan asks for so many IPv4 addresses at most: a /16."""
MOST_RATE: Final = 1_000
"""Packets a second, at most."""
LATE_S: Final = 0.02
"""Timers go off late, by milliseconds: so much of that is made up for, of each second."""
TRIES: Final = 2
"""An ARP request, a solicitation, an echo or an RMCP ping that is not answered is sent so often."""
AGAIN_S: Final = 1.0
"""From the first to the second, and so long answers are waited for after the last."""
REDFISH_PACKETS: Final = 20
"""So many packets a Redfish probe is taken for: a TCP connection, a TLS handshake, a request, its answer."""
REDFISH_S: Final = 8.0
"""So long a Redfish probe takes at most, from the SYN to the end of the answer."""
REDFISH_AT_ONCE: Final = 16
"""So many of them are under way at once."""
UNKNOWN: Final = MacAddress("")
"""The MAC of a host behind routers."""


class ScanKind(Enum):
    """What is asked. In this order a host is asked."""

    ARP = "arp"  # who has this IPv4 address (RFC 826); on a link only
    ND = "nd"  # an echo to all nodes, and who has a given IPv6 address (RFC 4861 §4.3); on a link only
    PING = "ping"  # ICMP echo (RFC 792)
    RMCP = "rmcp"  # ASF presence ping to UDP port 623
    REDFISH = "redfish"  # GET /redfish/v1/ on TCP port 443, without credentials


ON_LINK: Final = frozenset({ScanKind.ARP, ScanKind.ND})
"""What does not go through routers."""
AFTER_ARP: Final = (ScanKind.PING, ScanKind.RMCP, ScanKind.REDFISH)
"""On a link only those are asked this who answered ARP: what nobody has costs no more than the ARP requests."""


class ScanSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A scan that is asked for."""

    targets: Annotated[tuple[str, ...], Meta(min_length=1, max_length=256)]
    kinds: Annotated[tuple[ScanKind, ...], Meta(min_length=1)] = tuple(ScanKind)
    rate: Annotated[int, Meta(ge=1, le=MOST_RATE)] = 100  # packets a second


class ScanShare(msgspec.Struct, frozen=True, kw_only=True):
    """What of a scan is done in one subnet."""

    subnet: str
    interface: str
    source: IPv4Address  # the rack's own address there
    relayed: bool = False  # its hosts are reached through routers
    kinds: tuple[ScanKind, ...]
    spans: tuple[AddressRange, ...] = ()  # ascending, apart from one another
    all_nodes: bool = False  # all IPv6 hosts of the link are asked: only where the whole subnet is scanned
    neighbours: tuple[IPv6Address, ...] = ()  # IPv6 hosts that are asked for by name

    @property
    def count(self) -> int:
        """How many IPv4 addresses there are."""
        return sum(int(span.last) - int(span.first) + 1 for span in self.spans)

    def holds(self, address: IPv4Address) -> bool:
        """Whether an address is one of those."""
        return any(span.first <= address <= span.last for span in self.spans)


class ScanOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A scan as the rack is told to do it."""

    id: OperationId
    shares: tuple[ScanShare, ...]
    rate: int  # packets a second, of all shares together


class Sending(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent of one kind in one subnet."""

    subnet: str
    kind: ScanKind
    hosts: int  # that are asked, at most
    packets: int  # at most
    sure: int  # of those, so many whoever answers


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What a scan costs."""

    packets: int  # at most
    least_s: float  # when nobody answers
    most_s: float  # when everybody does, and Redfish as slowly as it may


def shares_of(spec: ScanSpec, subnets: Sequence[Subnet], roles: Mapping[str, str]) -> tuple[ScanShare, ...]:
    """Plan a scan: what is done in which subnet, in the order of the subnets. `roles`: of interfaces, by name.

    Raises InvalidError with every fault: a target that cannot be read, is in no subnet or behind a relay where only ARP
    is asked for; an interface with the role wan; too many addresses.
    """
    faults: list[Fault] = []
    found: dict[str, list[Target]] = {}
    for number, words in enumerate(spec.targets):
        target = read_target(words, subnets)
        if isinstance(target, str):
            faults.append(Fault(target, f"/targets/{number}"))
            continue
        found.setdefault(target.subnet, []).append(target)
    wanted = [subnet for subnet in subnets if subnet.name in found]
    faults += [Fault(words, "/targets") for subnet in wanted if (words := _refusal(subnet, spec.kinds, roles))]
    shares = tuple(_share(subnet, spec.kinds, found[subnet.name]) for subnet in wanted)
    if (count := sum(share.count for share in shares)) > MOST_ADDRESSES:
        words = f"{count} addresses are too many: a scan asks for {MOST_ADDRESSES} at most; name ranges"
        faults.append(Fault(words, "/targets"))
    faults += [_nothing(share) for share in shares if not share.kinds]
    if faults:
        raise InvalidError("; ".join(fault.detail for fault in faults), faults=faults)
    return shares


def sendings(share: ScanShare) -> Iterator[Sending]:
    """Say what is sent in one subnet, in order."""
    count = share.count
    for kind in share.kinds:
        if kind is ScanKind.ND:
            asked = share.all_nodes + len(share.neighbours)
            yield Sending(subnet=share.subnet, kind=kind, hosts=asked, packets=TRIES * asked, sure=TRIES * asked)
        else:
            packets = count * (REDFISH_PACKETS if kind is ScanKind.REDFISH else TRIES)
            sure = packets if kind is ScanKind.ARP or share.relayed else 0
            yield Sending(subnet=share.subnet, kind=kind, hosts=count, packets=packets, sure=sure)


def cost(shares: Sequence[ScanShare], rate: int) -> Cost:
    """Say what a scan costs at a pace of so many packets a second."""
    told = [sending for share in shares for sending in sendings(share)]
    redfish = sum(sending.hosts for sending in told if sending.kind is ScanKind.REDFISH)
    packets, sure = sum(sending.packets for sending in told), sum(sending.sure for sending in told)
    waits, each_s = 2 * AGAIN_S, (1 + LATE_S) / rate
    slow = -(-redfish // REDFISH_AT_ONCE) * REDFISH_S
    return Cost(packets=packets, least_s=sure * each_s + waits, most_s=packets * each_s + waits + slow)


def kinds_in(subnet: Subnet, wanted: Iterable[ScanKind]) -> tuple[ScanKind, ...]:
    """Which of the kinds are possible in a subnet, in their order; what comes after ARP brings ARP along on a link."""
    asked = set(wanted)
    if subnet.relayed:
        asked -= ON_LINK
    elif asked & set(AFTER_ARP):
        asked.add(ScanKind.ARP)
    return tuple(kind for kind in ScanKind if kind in asked)


def _refusal(subnet: Subnet, kinds: Iterable[ScanKind], roles: Mapping[str, str]) -> str:
    """Say why a subnet cannot be scanned; empty: it can."""
    interface = subnet.interface
    if WAN in {roles.get(interface), roles.get(interface.partition(".")[0])}:
        return f"subnet {subnet.name!r} is on {interface}, which has the role wan: nothing is ever sent there"
    if not kinds_in(subnet, kinds):
        words = "ARP and ND do not reach it; ping, rmcp and redfish are possible"
        return f"subnet {subnet.name!r} is behind a relay: {words}"
    return ""


def _share(subnet: Subnet, kinds: Iterable[ScanKind], targets: Sequence[Target]) -> ScanShare:
    possible = kinds_in(subnet, kinds)
    nd = ScanKind.ND in possible
    spans = tuple(_usable(subnet, [span for target in targets for span in target.spans]))
    neighbours = tuple(sorted({target.neighbour for target in targets if target.neighbour is not None})) if nd else ()
    all_nodes = nd and any(target.whole for target in targets)
    left = {kind for kind in possible if (all_nodes or neighbours if kind is ScanKind.ND else spans)}
    return ScanShare(
        subnet=subnet.name,
        interface=subnet.interface,
        source=subnet.address,
        relayed=subnet.relayed,
        kinds=tuple(kind for kind in possible if kind in left),
        spans=spans if left - {ScanKind.ND} else (),
        all_nodes=all_nodes,
        neighbours=neighbours,
    )


def _nothing(share: ScanShare) -> Fault:
    own = "its own address, the network's and the broadcast address are never asked"
    words = f"nothing is left to ask in subnet {share.subnet!r}: {own}, and nd takes whole subnets or IPv6 addresses"
    return Fault(words, "/targets")


def _usable(subnet: Subnet, spans: Iterable[AddressRange]) -> Iterator[AddressRange]:
    """Join ranges that touch; leave out the rack's own address, the network's and the broadcast address."""
    skipped = sorted({int(subnet.address), *_of_network(subnet.network)})
    for first, last in _joined(spans):
        begin = first
        for number in skipped:
            if begin <= number <= last:
                if begin < number:
                    yield AddressRange(first=IPv4Address(begin), last=IPv4Address(number - 1))
                begin = number + 1
        if begin <= last:
            yield AddressRange(first=IPv4Address(begin), last=IPv4Address(last))


def _of_network(network: IPv4Network) -> set[int]:
    """The network's own and its broadcast address; a /31 and a /32 have none (RFC 3021)."""
    ends = {int(network.network_address), int(network.broadcast_address)}
    return ends if network.prefixlen < 31 else set()  # noqa: PLR2004 - the two prefix lengths without them


def _joined(spans: Iterable[AddressRange]) -> Iterator[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for first, last in sorted((int(span.first), int(span.last)) for span in spans):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return iter(joined)


def unfit(share: ScanShare, subnets: Iterable[Subnet]) -> str:
    """Why what was planned in a subnet must not be done, as the subnets are now; empty: it may."""
    subnet = next((one for one in subnets if one.name == share.subnet), None)
    if subnet is None:
        return "the subnet is gone"
    there = (subnet.interface, subnet.address, subnet.relayed) == (share.interface, share.source, share.relayed)
    inside = all(span.first in subnet.network and span.last in subnet.network for span in share.spans)
    return "" if there and inside else "the subnet was changed"
