"""mDNS, LLMNR, NetBIOS: what hosts call themselves."""

from typing import Any

from scapy.layers.dns import DNS, DNSQR, DNSRR, DNSRRSRV
from scapy.layers.netbios import NBNSHeader, NBNSRegistrationRequest

from fibrix.domain.census.sighting import Means
from tests.services.sniffer.peers import A4, A6, udp
from tests.services.sniffer.wire import A, Wire, arp

MDNS, LLMNR, NETS = "224.0.0.251", "224.0.0.252", "10.0.0.255"


def answer(name: str, address: str, ttl: int = 120) -> Any:
    return DNSRR(rrname=name, type="AAAA" if ":" in address else "A", rdata=address, ttl=ttl, rclass=0x8001)


def said(*records: Any) -> DNS:
    return DNS(qr=1, aa=1, rd=0, qd=[], an=list(records))


def names(wire: Wire) -> list[tuple[str, str]]:
    return [(one.means, one.name) for one in wire.host(A).names]


def test_a_host_tells_its_name_by_mdns() -> None:
    wire = Wire()
    wire.hears(udp(A, said(answer("server-7.local.", A4)), 5353, to=MDNS))
    assert names(wire) == [("mdns", "server-7")]
    assert wire.said == [f"host.seen {A} eth1 mdns Supermicro {A4}"]


def test_and_over_ipv6() -> None:
    wire = Wire()
    wire.hears(udp(A, said(answer("server-7.local.", A6)), 5353, to="ff02::fb", source=A6))
    assert names(wire) == [("mdns", "server-7")]


def test_a_reflector_does_not_take_the_names_of_others() -> None:
    wire = Wire()
    wire.hears(udp(A, said(answer("printer.local.", "10.9.9.9")), 5353, to=MDNS))
    assert names(wire) == []


def test_services_are_those_of_a_name_that_the_host_has() -> None:
    ssh = DNSRRSRV(rrname="server-7._ssh._tcp.local.", target="server-7.local.", port=22, ttl=120, rclass=0x8001)
    other = DNSRRSRV(rrname="x._http._tcp.local.", target="elsewhere.local.", port=80, ttl=120, rclass=0x8001)
    wire = Wire()
    wire.hears(udp(A, said(answer("server-7.local.", A4)), 5353, to=MDNS))
    wire.hears(udp(A, said(ssh, other), 5353, to=MDNS), 1)
    wire.waits(3)
    assert [(one.kind, one.name, one.port) for one in wire.host(A).services] == [("_ssh._tcp", "server-7", 22)]
    assert wire.said[1:] == [f"host.changed {A} eth1 services {A4} server-7"]


def test_a_goodbye_and_a_question_tell_no_name() -> None:
    wire = Wire()
    wire.hears(udp(A, said(answer("server-7.local.", A4, ttl=0)), 5353, to=MDNS))
    wire.hears(udp(A, DNS(qd=DNSQR(qname="other.local.")), 5353, to=MDNS), 1)
    assert names(wire) == []


def test_an_answer_to_one_host_counts_only_from_an_address_that_is_known_to_be_its() -> None:
    frame = udp(A, said(answer("server-7.local.", A4)), 5353, to="10.0.0.1")
    wire = Wire()
    wire.hears(frame)
    assert wire.told == []
    assert wire.engine.counts[Means.MDNS].unproved == 1
    wire.hears(arp(A, A4), 1)
    wire.hears(frame, 2)
    wire.waits(4)
    assert names(wire) == [("mdns", "server-7")]


def test_a_host_tells_its_name_by_llmnr() -> None:
    wire = Wire()
    wire.hears(arp(A, A4))
    wire.hears(udp(A, said(answer("WIN-7.", A4)), 50_000, to="10.0.0.1", sport=5355), 1)
    wire.waits(3)
    assert names(wire) == [("llmnr", "WIN-7")]


def test_a_host_registers_its_name_by_netbios() -> None:
    claim = NBNSRegistrationRequest(QUESTION_NAME=b"FILES", SUFFIX=0x4341, NB_ADDRESS=A4)  # 20h: it shares files
    registration = NBNSHeader(OPCODE=5, QDCOUNT=1, ARCOUNT=1) / claim
    wire = Wire()
    wire.hears(udp(A, registration, 137, to=NETS))
    assert names(wire) == [("nbns", "FILES")]


def test_the_best_name_is_first() -> None:
    wire = Wire()
    wire.hears(udp(A, said(answer("server-7.local.", A4)), 5355, to=LLMNR))
    wire.hears(udp(A, said(answer("server-7.local.", A4)), 5353, to=MDNS), 1)
    wire.waits(3)
    assert [means for means, _ in names(wire)] == ["mdns", "llmnr"]


def test_a_sender_that_cannot_be_a_host_is_not_believed() -> None:
    wire = Wire()
    wire.hears(udp(A, said(answer("x.local.", "0.0.0.0")), 5353, to=MDNS, source="0.0.0.0"))
    assert wire.told == []


def test_too_many_of_one_sender_are_not_read() -> None:
    wire = Wire()
    for number in range(200):
        wire.hears(udp(A, said(answer(f"name-{number}.local.", A4)), 5353, to=MDNS), number / 1000)
    count = wire.engine.counts[Means.MDNS]
    assert (count.read, count.limited) == (20, 180)
