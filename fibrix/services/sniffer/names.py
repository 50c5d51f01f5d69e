"""What hosts call themselves: mDNS, LLMNR, NetBIOS.

A name is believed when its address in the same message is the one that the message comes from: a reflector, which
repeats what it heard elsewhere, speaks for addresses that are not its own. A question shows no more than that its
sender is there.
"""

from collections.abc import Iterable
from typing import Final

from fibrix.domain.census.sighting import Means, NetService, Sighting
from fibrix.services.sniffer.heard import Heard
from fibrix.wire import nbns
from fibrix.wire.dns.codes import RecordType
from fibrix.wire.dns.multicast import MDNS_PORT, TENTATIVE, Labels, Message, Record

_SERVICE_LABELS: Final = 4  # instance, service, protocol, domain: RFC 6763 §4.1
_LOCAL: Final = "local"


def sight_mdns(heard: Heard) -> tuple[Sighting, ...]:
    """Read a message of RFC 6762. Raises MalformedPacketError.

    Services are believed whose host is the sender: by a name that it has in this message or had before.
    """
    message = Message.decode(heard.payload)
    if not message.response or heard.source_port != MDNS_PORT:
        return (_there(heard, Means.MDNS),)
    records = [one for one in (*message.answers, *message.additional) if one.ttl_s]
    names = _own(heard, records)
    hosts = {host.lower() for host in (*names, heard.name) if host}
    services = tuple(
        service for one in records if one.type == RecordType.SRV.value and (service := _service(one, hosts)) is not None
    )
    return (_there(heard, Means.MDNS, names[0] if names else "", services),)


def sight_llmnr(heard: Heard) -> tuple[Sighting, ...]:
    """Read a message of RFC 4795. Raises MalformedPacketError."""
    message = Message.decode(heard.payload)
    settled = message.response and not message.flags & TENTATIVE
    names = _own(heard, message.answers) if settled else []
    return (_there(heard, Means.LLMNR, names[0] if names else ""),)


def sight_nbns(heard: Heard) -> tuple[Sighting, ...]:
    """Read a message of RFC 1002. Raises MalformedPacketError."""
    message = nbns.Message.decode(heard.payload)
    own = [
        one
        for one in message.claims
        if not one.group and one.suffix in (nbns.WORKSTATION, nbns.FILE_SERVER) and heard.source in one.addresses
    ]
    return (_there(heard, Means.NBNS, own[0].name if own else ""),)


def _there(heard: Heard, means: Means, name: str = "", services: tuple[NetService, ...] = ()) -> Sighting:
    return Sighting(mac=heard.mac, means=means, addresses=(heard.source,), name=name, services=services)


def _own(heard: Heard, records: Iterable[Record]) -> list[str]:
    """The names whose address is the sender's, without the domain `local`."""
    return list(dict.fromkeys(host(one.name) for one in records if one.address == heard.source and one.name))


def host(labels: Labels) -> str:
    """Write a host's name; `local` is left out."""
    kept = labels[:-1] if len(labels) > 1 and labels[-1].lower() == _LOCAL else labels
    return ".".join(kept)


def _service(record: Record, hosts: set[str]) -> NetService | None:
    if len(record.name) < _SERVICE_LABELS or host(record.target).lower() not in hosts:
        return None
    instance, service, protocol = record.name[:3]
    return NetService(kind=f"{service}.{protocol}", name=instance, port=record.port)
