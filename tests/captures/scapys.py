"""Frames as scapy reads them, in the words of `fibrix/wire/`: what an independent reader says of each field."""

from collections.abc import Callable, Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final, TypeAlias

from scapy.config import conf
from scapy.contrib import cdp, lldp
from scapy.layers import inet6
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.dns import DNS
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, LLC, Dot1AD, Dot1Q, Dot3, Ether
from scapy.packet import NoPayload, Packet

conf.contribs["LLDP"].strict_mode_disable()

Fields: TypeAlias = dict[str, Any]
Read: TypeAlias = Callable[[Packet], Fields]

NAMES: Final = (5353, 5355)
_LLDP_BITS: Final = (
    ("other", "other"), ("repeater", "repeater"), ("mac_bridge", "bridge"), ("wlan_access_point", "wlan access point"),
    ("router", "router"), ("telephone", "telephone"), ("docsis_cable_device", "docsis"), ("station_only", "station"),
)  # fmt: skip
_CDP_WORDS: Final = {"Host": "station", "TransparentBridge": "bridge", "Router": "router", "Switch": "switch"}


def _octets(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def _words(value: object) -> str:
    return " ".join(_octets(value).decode().split())


def _mac(value: str) -> bytes:
    return bytes.fromhex(value.replace(":", ""))


def read(frame: bytes) -> Mapping[str, Fields]:
    """The layers of a frame that it knows, each with its fields."""
    packet = Ether(frame)
    found: dict[str, Fields] = {"frame": _frame(packet)}
    found |= {name: fields(packet[layer]) for layer, (name, fields) in _LAYERS.items() if layer in packet}
    if UDP in packet and {packet[UDP].sport, packet[UDP].dport}.intersection(NAMES):
        found["dns"] = _dns(DNS(bytes(packet[UDP].payload)))
    for layer, (name, fields) in _DISCOVERY.items():
        if layer in packet:
            found[name] = {"source": IPv6Address(packet[IPv6].src).packed, **fields(packet[layer])}
    if ICMP in packet and packet[ICMP].type == 0:
        found["echo"] = {"reply": True}
    return found


def _frame(packet: Packet) -> Fields:
    tags = [layer.vlan for layer in _layers(packet) if isinstance(layer, Dot1Q | Dot1AD) and layer.vlan]
    last = [layer for layer in _layers(packet) if isinstance(layer, Ether | Dot3 | Dot1Q | Dot1AD)][-1]
    fields: Fields = {"source": _mac(packet.src), "destination": _mac(packet.dst), "vlans": tuple(tags)}
    if LLC not in packet:
        fields["protocol"] = last.type
    return fields


def _layers(packet: Packet) -> Iterator[Packet]:
    while not isinstance(packet, NoPayload):
        yield packet
        packet = packet.payload


def _arp(arp: Packet) -> Fields:
    return {
        "operation": arp.op,
        "sender_mac": arp.hwsrc,
        "sender": arp.psrc,
        "target_mac": arp.hwdst,
        "target": arp.pdst,
    }


def _ipv4(ip: Packet) -> Fields:
    return {"source": IPv4Address(ip.src), "destination": IPv4Address(ip.dst)}


def _ipv6(ip: Packet) -> Fields:
    addresses = {"source": IPv6Address(ip.src).packed, "destination": IPv6Address(ip.dst).packed}
    return {**addresses, "hop_limit": ip.hlim}


def _udp(udp: Packet) -> Fields:
    payload = bytes(udp.payload)[: udp.len - 8]
    return {"source_port": udp.sport, "destination_port": udp.dport, "payload": payload}


def _dhcp(bootp: Packet) -> Fields:
    numbers = {name: getattr(bootp, name) for name in ("op", "htype", "hops", "xid", "secs")}
    addresses = {name: str(getattr(bootp, name)) for name in ("ciaddr", "yiaddr", "siaddr", "giaddr")}
    chaddr = bootp.chaddr[: bootp.hlen]
    return {**numbers, **addresses, "flags": int(bootp.flags), "chaddr": chaddr, "options": _options(bootp)}


def _options(bootp: Packet) -> dict[int, bytes]:
    """The options by code, as scapy would write again what it read; the ones that it cannot write are left out."""
    found: dict[int, bytes] = {}
    for option in bootp[DHCP].options if DHCP in bootp else ():
        if option in ("end", "pad"):
            continue
        octets = bytes(DHCP(options=[option]))
        found[octets[0]] = found.get(octets[0], b"") + octets[2 : 2 + octets[1]]
    return found


def _lldp(first: Packet) -> Fields:
    fields: Fields = {"addresses": ()}
    for tlv in _layers(first):
        if isinstance(tlv, lldp.LLDPDUManagementAddress) and tlv.management_address_subtype in (1, 2):
            one = IPv4Address if tlv.management_address_subtype == 1 else IPv6Address
            fields["addresses"] += (one(tlv.management_address),)
        elif read_tlv := _TLVS.get(type(tlv)):
            fields |= read_tlv(tlv)
    return fields


def _capabilities(tlv: Packet) -> Fields:
    return {
        what: tuple(ours for bit, ours in _LLDP_BITS if getattr(tlv, f"{bit}_{word}"))
        for what, word in (("capabilities", "available"), ("enabled", "enabled"))
    }


def _of_organisation(tlv: Packet) -> Fields:
    return {"vlan": int.from_bytes(tlv.data)} if (tlv.org_code, tlv.subtype) == (0x80C2, 1) else {}


_TLVS: Final[Mapping[type[Packet], Read]] = {
    lldp.LLDPDUChassisID: lambda tlv: {"chassis_kind": tlv.subtype, "chassis": _words(tlv.id)},
    lldp.LLDPDUPortID: lambda tlv: {"port_kind": tlv.subtype, "port": _words(tlv.id)},
    lldp.LLDPDUTimeToLive: lambda tlv: {"ttl_s": tlv.ttl},
    lldp.LLDPDUPortDescription: lambda tlv: {"port_description": _words(tlv.description)},
    lldp.LLDPDUSystemName: lambda tlv: {"name": _words(tlv.system_name)},
    lldp.LLDPDUSystemDescription: lambda tlv: {"description": _words(tlv.description)},
    lldp.LLDPDUSystemCapabilities: _capabilities,
    lldp.LLDPDUGenericOrganisationSpecific: _of_organisation,
}


def _cdp(header: Packet) -> Fields:
    fields: Fields = {"ttl_s": header.ttl}
    for tlv in header.msg:
        match tlv:
            case cdp.CDPMsgDeviceID():
                fields["device"] = _words(tlv.val)
            case cdp.CDPMsgPortID():
                fields["port"] = _words(tlv.iface)
            case cdp.CDPMsgSoftwareVersion():
                fields["version"] = _words(tlv.val)
            case cdp.CDPMsgPlatform():
                fields["platform"] = _words(tlv.val)
            case cdp.CDPMsgCapabilities():
                fields["capabilities"] = {_CDP_WORDS.get(word, word) for word in str(tlv.cap).split("+") if word}
            case cdp.CDPMsgMgmtAddr():
                fields["management"] = [one.addr for one in tlv.addr]
            case cdp.CDPMsgAddr():
                fields["addresses"] = [one.addr for one in tlv.addr]
            case _:
                pass
    return fields


def _dns(message: Packet) -> Fields:
    sections = {"answers": message.an, "authority": message.ns, "additional": message.ar}
    records = {name: [_record(one) for one in of or () if one.type in _RECORDS] for name, of in sections.items()}
    questions = [(_name(one.qname), one.qtype) for one in message.qd or ()]
    return {"response": bool(message.qr), "questions": questions, **records}


_RECORDS: Final = (1, 12, 16, 28, 33)


def _record(one: Packet) -> tuple[object, ...]:
    head = (_name(one.rrname), one.type, one.ttl, bool(one.cacheflush))
    if one.type == 33:
        return (*head, _name(one.target), one.port)
    if one.type == 12:
        return (*head, _name(one.rdata))
    if one.type == 16:
        return (*head, tuple(text.decode() for text in one.rdata if text))
    return (*head, str(one.rdata))


def _name(name: bytes) -> str:
    return name.decode().rstrip(".").lower()


def _router_solicitation(message: Packet) -> Fields:
    return {"mac": _lladdr(message, inet6.ICMPv6NDOptSrcLLAddr)}


def _router_advertisement(message: Packet) -> Fields:
    prefixes = [one for one in _layers(message) if isinstance(one, inet6.ICMPv6NDOptPrefixInfo)]
    return {
        "hop_limit": message.chlim,
        "managed": bool(message.M),
        "other": bool(message.O),
        "lifetime_s": message.routerlifetime,
        "mac": _lladdr(message, inet6.ICMPv6NDOptSrcLLAddr),
        "prefixes": [_prefix(one) for one in prefixes],
    }


def _prefix(one: Packet) -> tuple[object, ...]:
    network = IPv6Address(one.prefix).packed
    return network, one.prefixlen, bool(one.L), bool(one.A), one.validlifetime, one.preferredlifetime


def _solicitation(message: Packet) -> Fields:
    return {"target": IPv6Address(message.tgt).packed, "mac": _lladdr(message, inet6.ICMPv6NDOptSrcLLAddr)}


def _advertisement(message: Packet) -> Fields:
    flags = {"router": bool(message.R), "solicited": bool(message.S), "override": bool(message.O)}
    mac = _lladdr(message, inet6.ICMPv6NDOptDstLLAddr)
    return {"target": IPv6Address(message.tgt).packed, "mac": mac, **flags}


def _lladdr(message: Packet, option: type[Packet]) -> bytes | None:
    return _mac(message[option].lladdr) if option in message else None


_LAYERS: Final[Mapping[type[Packet], tuple[str, Read]]] = {
    ARP: ("arp", _arp),
    IP: ("ipv4", _ipv4),
    IPv6: ("ipv6", _ipv6),
    UDP: ("udp", _udp),
    BOOTP: ("dhcp", _dhcp),
    lldp.LLDPDU: ("lldp", _lldp),
    cdp.CDPv2_HDR: ("cdp", _cdp),
}
_DISCOVERY: Final[Mapping[type[Packet], tuple[str, Read]]] = {
    inet6.ICMPv6ND_RS: ("solicits routers", _router_solicitation),
    inet6.ICMPv6ND_RA: ("advertises router", _router_advertisement),
    inet6.ICMPv6ND_NS: ("solicits", _solicitation),
    inet6.ICMPv6ND_NA: ("advertises", _advertisement),
}
