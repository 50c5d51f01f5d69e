"""What hosts offer: SSDP, WS-Discovery, SLP; and BMCs, by RMCP.

A URL is believed when it is at the address that the message comes from. Without it, what SSDP and WS-Discovery say is
still the sender's; an SLP reply is not, as a directory agent lists what others offer.
"""

from typing import Final
from urllib.parse import urlsplit

from fibrix.domain.census.sighting import Means, NetService, Sighting
from fibrix.errors import MalformedPacketError
from fibrix.services.sniffer.heard import Heard
from fibrix.wire import slp, ssdp, wsd
from fibrix.wire.ipmi.presence import Pong, is_ping

RMCP_PORT: Final = 623

_ANNOUNCES: Final = frozenset({ssdp.Kind.ALIVE, ssdp.Kind.UPDATE, ssdp.Kind.ANSWER})
_TELLS: Final = frozenset({wsd.Kind.HELLO, wsd.Kind.PROBE_MATCHES, wsd.Kind.RESOLVE_MATCHES})
_RMCP: Final = 6  # first octet: the version
_RMCP_CLASS: Final = 0x1F  # of the fourth
_IPMI: Final = 7
_RMCP_HEADER: Final = 4


def sight_ssdp(heard: Heard) -> tuple[Sighting, ...]:
    """Read a message of UPnP. Raises MalformedPacketError."""
    message = ssdp.Message.decode(heard.payload)
    if message.kind not in _ANNOUNCES or not message.target or message.target.startswith("uuid:"):
        return (_there(heard, Means.SSDP),)
    location = message.location if _at(message.location, heard) else ""
    return (_there(heard, Means.SSDP, NetService(kind=message.target, name=message.usn, location=location)),)


def sight_wsd(heard: Heard) -> tuple[Sighting, ...]:
    """Read a message of WS-Discovery. Raises MalformedPacketError."""
    message = wsd.Message.decode(heard.payload)
    if message.kind not in _TELLS:
        return (_there(heard, Means.WSD),)
    services = []
    for endpoint in message.endpoints:
        location = next((url for url in endpoint.urls if _at(url, heard)), "")
        services += [NetService(kind=f"wsd:{kind}", name=endpoint.name, location=location) for kind in endpoint.types]
    return (_there(heard, Means.WSD, *services),)


def sight_slp(heard: Heard) -> tuple[Sighting, ...]:
    """Read a message of SLP. Raises MalformedPacketError."""
    message = slp.Message.decode(heard.payload)
    if message is None:
        return (_there(heard, Means.SLP),)
    urls = [one.url for one in message.urls]
    services = [NetService(kind=url.partition("://")[0], location=url) for url in urls if _at(url, heard)]
    return (_there(heard, Means.SLP, *services),)


def sight_rmcp(heard: Heard) -> tuple[Sighting, ...]:
    """Read a message of RMCP: who answers a presence ping as one that knows IPMI, or answers in IPMI, is a BMC.

    An answer comes from the port and does not go to it: some who ask use the port for themselves. Raises
    MalformedPacketError.
    """
    payload = heard.payload
    if len(payload) < _RMCP_HEADER or payload[0] != _RMCP:
        raise MalformedPacketError("RMCP: too short, or not version 6")
    if heard.source_port != RMCP_PORT or heard.destination_port == RMCP_PORT or is_ping(payload):
        return (_there(heard, Means.RMCP),)
    if payload[3] & _RMCP_CLASS == _IPMI:
        return (_bmc(heard, "speaks IPMI"),)
    return (_bmc(heard, "answers RMCP") if Pong.decode(payload).ipmi else _there(heard, Means.RMCP),)


def _bmc(heard: Heard, evidence: str) -> Sighting:
    return Sighting(mac=heard.mac, means=Means.RMCP, addresses=(heard.source,), bmc=evidence)


def _there(heard: Heard, means: Means, *services: NetService) -> Sighting:
    return Sighting(mac=heard.mac, means=means, addresses=(heard.source,), services=services)


def _at(url: str, heard: Heard) -> bool:
    """Whether a URL is at the address that a message comes from. SLP's begin with `service:` and a type."""
    scheme, slashes, rest = url.partition("://")
    try:
        return bool(scheme and slashes) and urlsplit(f"//{rest}").hostname == str(heard.source)
    except ValueError:
        return False
