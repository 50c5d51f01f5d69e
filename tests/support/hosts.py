"""Hosts as the sniffer tells of them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from fibrix.domain.census.host import Host, HostAddress
from fibrix.events.base import Event
from fibrix.events.discovery import HostSeen
from fibrix.events.rack import HostTold
from fibrix.types import parse_mac

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SERVER = "00:14:22:00:00:01"
ITS_BMC = "00:14:22:00:00:03"


def host(mac: str, *addresses: str, **fields: Any) -> Host:
    """A host that was heard at noon on eth1."""
    plain = Host(
        mac=parse_mac(mac),
        interface="eth1",
        first=NOON,
        last=NOON,
        addresses=tuple(HostAddress(address=address, first=NOON, last=NOON) for address in addresses),
        means=("arp",),
    )
    return replace(plain, **fields)


def seen(one: Host) -> HostSeen:
    """The event of its first appearance."""
    address = one.addresses[0].address if one.addresses else ""
    return HostSeen(
        at=one.first,
        mac=one.mac,
        interface=one.interface,
        vlan=one.vlan,
        means="arp",
        vendor=one.vendor,
        address=address,
    )


def told(one: Host, *said: Event) -> HostTold:
    """What the sniffer publishes of a host: without words, that it was heard again."""
    return HostTold(at=one.last, host=one, said=said)


def news(hosts: Sequence[Host]) -> list[HostTold]:
    """The same of hosts that are new."""
    return [told(one, seen(one)) for one in hosts]
