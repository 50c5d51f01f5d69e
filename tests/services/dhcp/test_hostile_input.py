"""Whatever comes in, the engine stands, and no address is given twice."""

from contextlib import suppress
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.domain.binding import SECOND_US
from fibrix.domain.lease import Leases
from fibrix.errors import MalformedPacketError
from fibrix.services.dhcp.outcome import Verdict
from fibrix.services.dhcp.query import Arrival
from fibrix.wire.dhcp4.message import Message, Op
from fibrix.wire.dhcp4.options import MessageType
from tests.services.dhcp.rack import (
    EVERYONE,
    MAC,
    NOW,
    OTHER,
    SERVER,
    Rack,
    discover,
    ip,
    kind,
    message,
    reply,
    request,
)

ACK = MessageType.ACK


@pytest.mark.parametrize(
    ("spoken", "reason"),
    [
        (Message(op=Op.REQUEST, xid=1, chaddr=bytes(6), options={53: b"\1"}), "no machine's Ethernet address"),
        (Message(op=Op.REQUEST, xid=1, chaddr=b"\xff" * 6, options={53: b"\1"}), "no machine's Ethernet address"),
        (Message(op=Op.REQUEST, xid=1, chaddr=b"\2\0\0\0\0\1\2", options={53: b"\1"}), "no machine's Ethernet address"),
        (Message(op=Op.REQUEST, xid=1, htype=32, chaddr=b"\2\0\0\0\0\1", options={53: b"\1"}), "type 32"),
        (Message(op=Op.REPLY, xid=1, chaddr=b"\2\0\0\0\0\1", options={53: b"\1"}), "op REPLY"),
        (Message(op=Op.REQUEST, xid=1, chaddr=b"\2\0\0\0\0\1", options={53: b"\2"}), "type OFFER"),
        (Message(op=Op.REQUEST, xid=1, chaddr=b"\2\0\0\0\0\1", options={53: b"\1", 50: b"\1"}), "option 50"),
        (Message(op=Op.REQUEST, xid=1, chaddr=b"\2\0\0\0\0\1", hops=17, options={53: b"\1"}), "17 hops"),
    ],
)
def test_what_no_client_says_is_refused_with_the_reason(spoken: Message, reason: str) -> None:
    with pytest.raises(MalformedPacketError, match=reason):
        Rack().hear(spoken)


@given(st.binary(max_size=400), st.dictionaries(st.integers(1, 254), st.binary(max_size=40), max_size=8))
def test_no_bytes_break_the_engine(garbage: bytes, options: dict[int, bytes]) -> None:
    rack = Rack()
    half_sane = message(MessageType.REQUEST, options={53: b"\3"} | options)
    for datagram in (garbage, half_sane.encode(), half_sane.encode()[: 200 + len(garbage)]):
        with suppress(MalformedPacketError):
            rack.engine.receive(datagram, Arrival("eth1", EVERYONE), rack.snapshot, NOW)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["discover", "select", "reboot", "renew", "rebind", "decline", "release", "restart", "set"]
            ),
            st.sampled_from([MAC, OTHER, type(MAC)("52:54:00:77:00:03")]),
            st.integers(99, 104),
            st.integers(0, 400),
        ),
        max_size=40,
    )
)
def test_no_two_clients_are_acknowledged_one_address_at_a_time(steps: list[tuple[str, str, int, int]]) -> None:
    rack = Rack()
    held: dict[IPv4Address, tuple[str, float]] = {}
    clock = 0
    for step, mac_text, last, wait in steps:
        mac, address = type(MAC)(mac_text), ip(f"10.77.0.{last}")
        rack.wait(wait)
        clock += wait
        if step == "restart":
            rack = Rack(leases=Leases(list(rack.leases.all()), offer_s=30, decline_s=600), now=rack.now)
            continue
        if step == "set":  # the clock, by a day
            rack.leases.shift(86_400 * SECOND_US)
            rack.wait(86_400)
            continue
        spoken, to = {
            "discover": (discover(mac, requested=address), EVERYONE),
            "select": (request(mac, server=SERVER, requested=address), EVERYONE),
            "reboot": (request(mac, requested=address), EVERYONE),
            "renew": (request(mac, ciaddr=address), SERVER),
            "rebind": (request(mac, ciaddr=address), EVERYONE),
            "decline": (message(MessageType.DECLINE, mac, server=SERVER, requested=address), EVERYONE),
            "release": (message(MessageType.RELEASE, mac, server=SERVER, ciaddr=address), SERVER),
        }[step]
        outcome = rack.hear(spoken, to=to)
        if kind(outcome) is ACK:
            granted = reply(outcome).yiaddr
            holder, until = held.get(granted, (mac, clock))
            assert holder == mac or until <= clock
            held = {one: who for one, who in held.items() if who[0] != mac} | {granted: (mac, clock + 600)}
        elif outcome.verdict is Verdict.RELEASED:
            del held[address]
        elif outcome.verdict is Verdict.DECLINED:
            held[address] = ("someone", clock + 600)
