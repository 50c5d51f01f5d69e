"""The events about one host."""

from datetime import datetime
from typing import Any, Final

from fibrix.domain.census.moment import SECOND
from fibrix.domain.census.places import Place
from fibrix.domain.census.sighting import Means, Role
from fibrix.domain.census.track import Track, address_text
from fibrix.events.base import Event
from fibrix.events.discovery import (
    AddressContested,
    BmcSeen,
    DhcpServerSeen,
    GatewaySeen,
    HostChanged,
    HostGone,
    HostMoved,
    HostReturned,
    HostSeen,
    MacDuplicated,
)
from fibrix.types import mac_from_octets

_ADDRESSES: Final = ("addresses",)


def seen(track: Track, at: datetime, means: Means, vendor: str) -> Event:
    """It is there."""
    return HostSeen(**_of(track, at), means=means.value, vendor=vendor, address=track.newest)


def changed(track: Track, at: datetime) -> list[Event]:
    """What was not said is said; nothing, where an address came and went, or is back as it was told last."""
    fields, address = track.news, track.latest
    named = address if fields == _ADDRESSES else None
    if not fields or (named is not None and named == track.named):
        return []
    track.named = named
    text = address_text(address)
    return [HostChanged(**_of(track, at), fields=fields, address=text, name=track.name, kind=track.kind)]


def moved(track: Track, at: datetime, left: Place) -> Event:
    """It is in its place now, and was in another."""
    return HostMoved(**_of(track, at), from_interface=left[0], from_vlan=left[1])


def duplicate(track: Track, at: datetime, other: Place) -> Event:
    """It is in two places."""
    return MacDuplicated(**_of(track, at), other_interface=other[0], other_vlan=other[1])


def gone(track: Track, at: datetime, silent_us: int) -> Event:
    """It is silent."""
    return HostGone(**_of(track, at), silent_s=silent_us // SECOND)


def returned(track: Track, at: datetime, away_us: int) -> Event:
    """It is heard again."""
    return HostReturned(**_of(track, at), away_s=max(0, away_us // SECOND))


def contested(track: Track, at: datetime, address: str, rival: Track) -> Event:
    """Another uses its address."""
    return AddressContested(**_of(track, at), address=address, other=mac_from_octets(rival.mac))


def plays(track: Track, at: datetime, role: Role, address: bytes = b"") -> Event | None:
    """It has a role, by this address, else its newest; None: one that is not told by an event of its own."""
    if role is Role.BMC:
        return BmcSeen(**_of(track, at), address=track.reachable, evidence=track.bmc)
    kind = {Role.GATEWAY: GatewaySeen, Role.DHCP_SERVER: DhcpServerSeen}.get(role)
    return None if kind is None else kind(**_of(track, at), address=address_text(address) or track.newest)


def _of(track: Track, at: datetime) -> dict[str, Any]:
    return {"at": at, "mac": mac_from_octets(track.mac), "interface": track.interface, "vlan": track.vlan}
