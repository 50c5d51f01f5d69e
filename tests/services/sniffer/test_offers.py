"""SSDP, WS-Discovery, SLP: what hosts offer; RMCP: that they are BMCs."""

import pytest

from fibrix.domain.census.sighting import Means
from fibrix.wire.ipmi.presence import Pong, ping
from tests.services.sniffer.peers import A4, A6, udp
from tests.services.sniffer.wire import A, Wire, arp

SSDP, WSD = "239.255.255.250", "239.255.255.250"
REDFISH = "urn:dmtf-org:service:redfish-rest:1"
HELLO = """<?xml version="1.0"?><e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"
 xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"
 xmlns:p="http://schemas.microsoft.com/windows/2006/08/wdp/print"><e:Body><d:Hello>
 <a:EndpointReference><a:Address>urn:uuid:1-2</a:Address></a:EndpointReference>
 <d:Types>p:PrintDeviceType</d:Types><d:XAddrs>http://10.0.0.10:80/wsd</d:XAddrs></d:Hello></e:Body></e:Envelope>"""


def alive(target: str, location: str) -> bytes:
    lines = ["NOTIFY * HTTP/1.1", "HOST: 239.255.255.250:1900", f"NT: {target}", "NTS: ssdp:alive"]
    return "\r\n".join([*lines, f"USN: uuid:9::{target}", f"AL: {location}", "", ""]).encode()


def slp(*urls: str) -> bytes:
    entries = b"".join(b"\0\x0e\x10" + len(url).to_bytes(2) + url.encode() + b"\0" for url in urls)
    body = b"\0\x02en" + b"\0\0" + len(urls).to_bytes(2) + entries
    return b"\x02\x02" + (12 + len(body)).to_bytes(3) + bytes(5) + b"\0\1" + body


def test_a_redfish_service_is_a_bmc() -> None:
    wire = Wire()
    wire.hears(udp(A, alive(REDFISH, f"https://{A4}/redfish/v1/"), 1900, to=SSDP))
    host = wire.host(A)
    assert (host.kind, host.bmc, host.roles) == ("BMC", "announces Redfish by SSDP", ("bmc",))
    assert [(one.kind, one.location) for one in host.services] == [(REDFISH, f"https://{A4}/redfish/v1/")]
    assert wire.said == [
        f"host.seen {A} eth1 ssdp Supermicro {A4}",
        f"bmc.seen {A} eth1 {A4} announces Redfish by SSDP",
    ]


def test_a_bmc_is_named_by_an_address_that_can_be_reached_from_elsewhere() -> None:
    wire = Wire()
    wire.hears(arp(A, A4))
    wire.hears(udp(A, alive(REDFISH, f"https://{A4}/redfish/v1/"), 1900, to="ff02::c", source=A6), 1)
    assert f"bmc.seen {A} eth1 {A4} announces Redfish by SSDP" in wire.said


def test_a_url_elsewhere_is_not_kept() -> None:
    wire = Wire()
    wire.hears(udp(A, alive("upnp:rootdevice", "http://evil.example/"), 1900, to=SSDP))
    assert [(one.kind, one.location) for one in wire.host(A).services] == [("upnp:rootdevice", "")]


def test_a_printer_says_hello() -> None:
    wire = Wire()
    wire.hears(udp(A, HELLO.encode(), 3702, to=WSD))
    host = wire.host(A)
    assert host.kind == "printer"
    assert [(one.kind, one.location) for one in host.services] == [("wsd:PrintDeviceType", "http://10.0.0.10:80/wsd")]


def test_a_service_agent_tells_its_own_services_and_not_those_of_others() -> None:
    wire = Wire()
    wire.hears(arp(A, A4))
    wire.hears(
        udp(A, slp(f"service:wbem:https://{A4}:5989", "service:x://10.0.0.77"), 40_000, to="10.0.0.1", sport=427), 1
    )
    wire.waits(3)
    assert [one.kind for one in wire.host(A).services] == ["service:wbem:https"]


def test_who_answers_a_presence_ping_is_a_bmc() -> None:
    wire = Wire()
    wire.hears(arp(A, A4))
    wire.hears(udp(A, Pong(1, 343, ipmi=True, asf=True).encode(), 40_000, to="10.0.0.1", sport=623), 1)
    assert wire.said[1:] == [f"bmc.seen {A} eth1 {A4} answers RMCP"]
    wire.waits(3)
    assert wire.said[2:] == [f"host.changed {A} eth1 kind {A4} BMC"]


def test_who_speaks_ipmi_is_a_bmc() -> None:
    wire = Wire()
    wire.hears(arp(A, A4))
    wire.hears(udp(A, bytes.fromhex("0600ff07") + bytes(20), 40_000, to="10.0.0.1", sport=623), 1)
    assert wire.said[1:] == [f"bmc.seen {A} eth1 {A4} speaks IPMI"]


def test_an_answer_through_a_router_does_not_make_the_router_a_bmc() -> None:
    wire = Wire()
    wire.hears(arp(A, A4))
    wire.hears(
        udp(A, Pong(1, 343, ipmi=True, asf=True).encode(), 40_000, to="10.0.0.1", source="10.8.0.5", sport=623), 1
    )
    wire.waits(3)
    assert len(wire.said) == 1
    assert wire.engine.counts[Means.RMCP].unproved == 1


@pytest.mark.parametrize("payload", [ping(1), bytes.fromhex("0600ff07") + bytes(20)], ids=["ping", "IPMI"])
@pytest.mark.parametrize("port", [623, 40_000])
def test_who_looks_for_bmcs_is_none(payload: bytes, port: int) -> None:
    wire = Wire()
    wire.hears(arp(A, A4))
    wire.hears(udp(A, payload, 623, to="10.0.0.1", sport=port), 1)
    wire.waits(3)
    assert len(wire.said) == 1


SEARCH = b'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nST: ssdp:all\r\n\r\n'
PROBE = HELLO.replace("Hello", "Probe")
ASKS = bytes.fromhex("0201000010000000000000010002") + b"en"


@pytest.mark.parametrize(
    ("payload", "port", "means"),
    [
        (SEARCH, 1900, "ssdp"),
        (alive("uuid:9", ""), 1900, "ssdp"),
        (PROBE.encode(), 3702, "wsd"),
        (ASKS, 427, "slp"),
        (Pong(1, 343, ipmi=False, asf=True).encode(), 623, "rmcp"),  # a desktop's management
    ],
    ids=["SSDP search", "SSDP name", "WSD probe", "SLP request", "pong without IPMI"],
)
def test_who_only_asks_or_says_little_is_there(payload: bytes, port: int, means: str) -> None:
    wire = Wire()
    wire.hears(udp(A, payload, port, to=SSDP))
    assert wire.said == [f"host.seen {A} eth1 {means} Supermicro {A4}"]
    assert (wire.host(A).services, wire.host(A).bmc) == ((), "")


@pytest.mark.parametrize(
    ("payload", "port", "means"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 1900, Means.SSDP),
        (b"<html/>", 3702, Means.WSD),
        (b"\1\1", 427, Means.SLP),
        (b"\6\0", 623, Means.RMCP),
        (b"\0", 5353, Means.MDNS),
        (b"\0", 137, Means.NBNS),
    ],
)
def test_what_no_codec_accepts_is_counted(payload: bytes, port: int, means: Means) -> None:
    wire = Wire()
    wire.hears(udp(A, payload, port, to=SSDP))
    assert wire.told == []
    assert wire.engine.counts[means].malformed == 1


@pytest.mark.parametrize("location", ["http://[10.0.0.10/", "10.0.0.10", "http://10.0.0.10.evil.example/", ""])
def test_a_url_that_is_none_is_not_kept(location: str) -> None:
    wire = Wire()
    wire.hears(udp(A, alive("upnp:rootdevice", location), 1900, to=SSDP))
    assert [one.location for one in wire.host(A).services] == [""]
