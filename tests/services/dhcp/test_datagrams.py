"""Many datagrams per call and one per call: the same to who uses them."""

import socket
from collections.abc import Iterator
from contextlib import closing
from ipaddress import IPv4Address

import pytest

from fibrix.services.dhcp.datagram import IP_PKTINFO, MOST, Datagram
from fibrix.services.dhcp.datagrams import Datagrams, KernelDatagrams, PlainDatagrams, has_no_room

HOME = IPv4Address("127.0.0.1")
OTHER = IPv4Address("127.0.0.2")
SO_NO_CHECK = 11  # of <asm-generic/socket.h>
NOT_OURS = IPv4Address("192.0.2.1")


@pytest.fixture
def sock() -> Iterator[socket.socket]:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)) as made:
        made.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        made.bind(("", 0))
        yield made


@pytest.fixture(params=[KernelDatagrams, PlainDatagrams])
def ours(request: pytest.FixtureRequest, sock: socket.socket) -> Datagrams:
    made: Datagrams = request.param(sock, socket.if_nametoindex("lo"))
    return made


@pytest.fixture
def peer() -> Iterator[socket.socket]:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as made:
        made.bind(("127.0.0.1", 0))
        made.settimeout(2)
        yield made


def test_what_comes_is_taken_whole_and_in_order_with_the_address_that_it_was_sent_to(
    ours: Datagrams, sock: socket.socket, peer: socket.socket
) -> None:
    port = sock.getsockname()[1]
    for size in range(MOST + 3):
        peer.sendto(bytes(size), ("127.0.0.1" if size % 2 else "127.0.0.2", port))
    first, rest = ours.receive(), ours.receive()
    assert (len(first), len(rest), len(ours.receive())) == (MOST, 3, 0)
    assert [(len(data), to) for data, to in (*first, *rest)] == [
        (size, (HOME if size % 2 else OTHER).packed) for size in range(MOST + 3)
    ]


def test_what_is_sent_arrives_in_order_from_the_address_that_it_names(ours: Datagrams, peer: socket.socket) -> None:
    port = peer.getsockname()[1]
    for _ in range(2):  # the slots are used again
        said = [Datagram(bytes((n,)) * (300 + n), OTHER if n % 2 else HOME, HOME, port) for n in range(MOST)]
        assert ours.send(said) == (MOST, 0)
        heard = [peer.recvfrom(2048) for _ in said]
        assert [(data, IPv4Address(source[0])) for data, source in heard] == [(o.payload, o.source) for o in said]


def test_equal_ones_to_one_place_and_others_between_them_arrive_each_by_itself_and_in_order(
    ours: Datagrams, peer: socket.socket
) -> None:
    port = peer.getsockname()[1]
    sizes = [300] * 5 + [301] + [300] * 20 + [600] * 3 + [0, 0] + [1] * 9 + [4096] * 2 + [548] * 20
    said = [
        Datagram(bytes((n,)) * size, OTHER if n in (2, 3, 22) else HOME, HOME, port) for n, size in enumerate(sizes)
    ]
    assert ours.send(said) == (len(said), 0)
    heard = [peer.recvfrom(8192) for _ in said]
    assert [(data, IPv4Address(source[0])) for data, source in heard] == [(o.payload, o.source) for o in said]


def test_where_they_cannot_go_together_they_go_one_by_one(sock: socket.socket, peer: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)  # without checksums the kernel cuts nothing
    ours = KernelDatagrams(sock, socket.if_nametoindex("lo"))
    said = [Datagram(bytes((n,)) * 300, HOME, HOME, peer.getsockname()[1]) for n in range(9)]
    assert ours.send(said) == (0, 0)
    assert ours.send(said) == (9, 0)
    assert [peer.recv(2048) for _ in said] == [one.payload for one in said]


def test_one_that_cannot_be_sent_stops_the_call_and_says_why(ours: Datagrams, peer: socket.socket) -> None:
    good = Datagram(b"good", HOME, HOME, peer.getsockname()[1])
    bad = good._replace(source=NOT_OURS)
    sent, fault = ours.send([good, bad, good])
    assert sent == 1
    if not fault:  # the kernel tells of it at the next call
        sent, fault = ours.send([bad, good])
        assert sent == 0
    assert fault
    assert not has_no_room(fault)


def test_a_payload_that_is_longer_than_a_slot_is_cut_and_harms_no_other(
    ours: Datagrams, sock: socket.socket, peer: socket.socket
) -> None:
    to = ("127.0.0.1", sock.getsockname()[1])
    for data in (b"a" * 5000, b"b"):
        peer.sendto(data, to)
    assert [data for data, _ in ours.receive()] == [b"a" * 4096, b"b"]
