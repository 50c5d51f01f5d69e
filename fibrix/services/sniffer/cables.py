"""What LLDP and CDP say of the device at the other end of a cable."""

from typing import Final

from fibrix.domain.census.sighting import Means, Neighbour, Sighting
from fibrix.services.sniffer.heard import UnprovedError
from fibrix.types import mac_from_octets
from fibrix.wire import cdp, lldp
from fibrix.wire.frame import Frame

_LLDP_GROUPS: Final = frozenset(bytes.fromhex(f"0180c20000{last}") for last in ("0e", "03", "00"))
_CDP_GROUP: Final = bytes.fromhex("01000ccccccc")
_LONGEST: Final = 255


def sight_lldp(frame: Frame) -> tuple[Sighting, ...]:
    """Read an LLDP frame, which has to be to one of its groups (IEEE 802.1AB §7.1). Raises MalformedPacketError.

    One with a time to live of 0 takes back what was said: it shows no more than that the device is there.
    """
    if frame.destination not in _LLDP_GROUPS:
        raise UnprovedError(f"LLDP: to {frame.destination.hex(':')}")
    said = lldp.Announcement.decode(frame.payload)
    mac = mac_from_octets(frame.source)
    if not said.ttl_s:
        return (Sighting(mac=mac, means=Means.LLDP),)
    neighbour = Neighbour(
        chassis=said.chassis,
        port=said.port,
        port_note=said.port_description,
        name=said.name,
        description=said.description,
        addresses=tuple(map(str, said.addresses)),
        vlan=said.vlan,
        capabilities=said.enabled,
    )
    return (Sighting(mac=mac, means=Means.LLDP, name=said.name, neighbour=neighbour),)


def sight_cdp(frame: Frame) -> tuple[Sighting, ...]:
    """Read a CDP frame, which has to be to its group. Raises MalformedPacketError."""
    if frame.destination != _CDP_GROUP:
        raise UnprovedError(f"CDP: to {frame.destination.hex(':')}")
    said = cdp.Announcement.decode(frame.payload)
    mac = mac_from_octets(frame.source)
    if not said.ttl_s:
        return (Sighting(mac=mac, means=Means.CDP),)
    neighbour = Neighbour(
        chassis=said.device,
        port=said.port,
        name=said.device,
        description=f"{said.platform} {said.version}".strip()[:_LONGEST],
        addresses=tuple(map(str, said.management or said.addresses)),
        vlan=said.vlan,
        capabilities=said.capabilities,
    )
    return (Sighting(mac=mac, means=Means.CDP, name=said.device, neighbour=neighbour),)
