"""Which address is named when those of a host change."""

from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from tests.services.sniffer.wire import A, B, Wire, arp

X, Y = "10.0.0.10", "10.0.0.11"
SEEN = f"host.seen {A} eth1 arp Supermicro {X}"


def gives_up(address: str) -> bytes:
    said = BOOTP(op=1, chaddr=bytes.fromhex(A.replace(":", "")), ciaddr=address) / DHCP(
        options=[("message-type", 7), "end"]
    )
    return bytes(Ether(src=A, dst=B) / IP(src=address, dst="10.0.0.1") / UDP(sport=68, dport=67) / said)


def changed(address: str = "") -> str:
    return f"host.changed {A} eth1 addresses {address}".strip()


def test_the_new_one_is_named_though_another_was_used_since() -> None:
    wire = Wire()
    wire.hears(arp(A, X), 0)
    wire.hears(arp(A, Y), 5)
    wire.hears(arp(A, X), 5.1)
    wire.waits(10)
    assert wire.said == [SEEN, changed(Y)]


def test_one_that_comes_and_goes_at_once_is_no_news() -> None:
    wire = Wire()
    wire.hears(arp(A, X), 0)
    wire.hears(arp(A, Y), 5)
    wire.hears(gives_up(Y), 5.1)
    wire.waits(10)
    assert wire.said == [SEEN]
    assert [one.address for one in wire.host(A).addresses] == [X]


def test_other_news_of_that_time_are_told() -> None:
    wire = Wire()
    wire.hears(arp(A, "0.0.0.0"), 0)
    wire.hears(arp(A, X), 5)
    wire.hears(arp(A, Y), 5.1)
    wire.hears(gives_up(Y), 5.2)
    wire.waits(10)
    assert wire.said[1:] == [changed(X)]


def test_that_the_only_one_is_given_up_is_news() -> None:
    wire = Wire()
    wire.hears(arp(A, X), 0)
    wire.hears(gives_up(X), 5)
    wire.waits(10)
    assert wire.said == [SEEN, changed()]
    assert wire.host(A).addresses == ()


def test_the_same_is_never_told_twice_in_a_row() -> None:
    wire = Wire()
    wire.hears(arp(A, X), 0)
    wire.hears(arp(A, Y), 5)
    wire.waits(10)
    wire.hears(gives_up(Y), 20)
    wire.hears(arp(A, Y), 20.2)
    wire.waits(30)
    assert wire.said == [SEEN, changed(Y)]
    wire.hears(gives_up(Y), 40)
    wire.waits(50)
    wire.hears(arp(A, Y), 60)
    wire.waits(70)
    assert wire.said == [SEEN, changed(Y), changed(X), changed(Y)]
