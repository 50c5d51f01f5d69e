"""What the zones say to one question: RFC 1034 §4.3.2, with wildcards (RFC 4592) and absence (RFC 2308)."""

from dataclasses import dataclass, field
from typing import Final

from fibrix.services.dns.zone import Node, ReadyZone, RRset
from fibrix.services.dns.zones import Zones
from fibrix.wire.dns.codes import Rcode, RecordType
from fibrix.wire.dns.names import encode_name, is_below, name_text, parent

_LONGEST_CHAIN: Final = 16  # CNAME records that one question may lead along
_TARGETS: Final = {RecordType.NS.value: 0, RecordType.MX.value: 2, RecordType.SRV.value: 6}
_MOVING: Final = (*_TARGETS, RecordType.SOA)  # what is told with them comes from other names too
_ADDRESSES: Final = (RecordType.A, RecordType.AAAA)

Owned = tuple[bytes, RRset]  # a name on the wire, and its records


@dataclass(slots=True)
class Findings:
    """What to put into an answer."""

    rcode: Rcode = Rcode.NOERROR
    authoritative: bool = True
    answer: list[Owned] = field(default_factory=list)
    authority: list[Owned] = field(default_factory=list)
    additional: list[Owned] = field(default_factory=list)
    leads_to: str = ""  # where a chain of CNAMEs leaves our zones
    delegated: bool = False
    glue: bool = False  # the additional section is needed to go on (RFC 9471)
    only: str = ""  # the name whose records alone made this; empty: more than one name had a say


def look_up(zones: Zones, zone: ReadyZone, name: str, kind: int) -> Findings:
    """Answer a question about a name that is in `zone`."""
    found, asked = Findings(), name
    seen = {name}
    while True:
        cut = zone.cut_above(name)
        if cut is not None and not (cut == name and kind == RecordType.DS):
            _refer(zones, zone, cut, found)
            return found
        node = zone.node(name)
        direct = node is not None
        if node is None and not zone.exists(name):
            node = zone.wildcard(name)
        if node is None:
            _deny(zone, found, absent=not zone.exists(name))
            return found
        alias = node.get(RecordType.CNAME)
        if alias is None or kind in (RecordType.CNAME, RecordType.ANY):
            _tell(zones, zone, found, encode_name(name), (node, kind))
            if direct and name == asked and found.answer and found.answer[0][1].type not in _MOVING:
                found.only = name
            return found
        found.answer.append((encode_name(name), alias))
        name = name_text(alias.data[0])
        onward = zones.find(name)
        if onward is None or name in seen or len(seen) > _LONGEST_CHAIN:
            found.leads_to = name if onward is None else ""
            return found
        seen.add(name)
        zone = onward


def _tell(zones: Zones, zone: ReadyZone, found: Findings, owner: bytes, asked: tuple[Node, int]) -> None:
    node, kind = asked
    rrset = next(iter(node.values()), None) if kind == RecordType.ANY else node.get(kind)  # ANY: RFC 8482 §4.1
    if rrset is None:
        _deny(zone, found, absent=False)
        return
    found.answer.append((owner, rrset))
    _add_targets(zones, rrset, found)


def _deny(zone: ReadyZone, found: Findings, *, absent: bool) -> None:
    """Say that there is nothing, with the SOA record that says for how long (RFC 2308 §2)."""
    found.rcode = Rcode.NXDOMAIN if absent else Rcode.NOERROR
    found.authority.append((zone.owner, zone.soa._replace(ttl=zone.negative_ttl)))


def _refer(zones: Zones, zone: ReadyZone, cut: str, found: Findings) -> None:
    """Point to the servers of a zone below, with their addresses where they are known."""
    servers = (zone.node(cut) or {}).get(RecordType.NS)
    if servers is None:  # none of them can be used
        found.rcode = Rcode.SERVFAIL
        return
    found.authoritative, found.delegated = bool(found.answer), True
    found.authority.append((encode_name(cut), servers))
    _add_targets(zones, servers, found)
    found.glue = any(is_below(name_text(owner), cut) for owner, _ in found.additional)


def _add_targets(zones: Zones, rrset: RRset, found: Findings) -> None:
    """Add the addresses of what the records point to, where they are in our zones."""
    skip = _TARGETS.get(rrset.type)
    if skip is None:
        return
    for target in dict.fromkeys(name_text(data[skip:]) for data in rrset.data):
        zone = zones.find(target)
        node = zone.node(target) if zone else None
        for kind in _ADDRESSES:
            if node and kind in node:
                found.additional.append((encode_name(target), node[kind]))


def zone_of(zones: Zones, name: str, kind: int) -> ReadyZone | None:
    """Find the zone that has to answer: for DS that above the name's own (RFC 4035 §3.1.4.1)."""
    zone = zones.find(name)
    if kind == RecordType.DS and zone is not None and zone.zone.name == name and name:
        return zones.find(parent(name)) or zone
    return zone
