"""Captured clients are replayed: each gets the answers that its case describes."""

import tomllib
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import msgspec
import pytest
from scapy.layers.dhcp import BOOTP, DHCP

from fibrix.domain.network import Reservation
from fibrix.domain.rack import RackSnapshot
from fibrix.services.dhcp.outcome import Outcome
from fibrix.services.dhcp.query import Arrival
from fibrix.services.dhcp.reply import Way
from fibrix.types import parse_mac
from fibrix.wire.dhcp4.message import Message
from fibrix.wire.dhcp4.options import MESSAGE_TYPE
from fibrix.wire.ethernet import BROADCAST, EthernetFrame
from fibrix.wire.ipv4 import UdpDatagram
from tests.services.dhcp.rack import RACK, Rack
from tests.support.pcap import Captured, frames

CAPTURES = Path(__file__).parents[2] / "captures" / "dhcp4"


@dataclass(frozen=True)
class Case:
    """A capture and the facts beside it."""

    name: str
    facts: dict[str, Any]
    captured: tuple[Captured, ...]

    def rack(self) -> Rack:
        """A rack where the client has the address that the server of the capture gave it."""
        mac, address = parse_mac(self.facts["client"]), IPv4Address(self.facts["address"])
        subnet = msgspec.structs.replace(
            RACK, lease_s=self.facts["lease_s"], reservations=(Reservation(mac=mac, address=address),)
        )
        return Rack(RackSnapshot(subnets=(subnet,)))


def _cases() -> list[Case]:
    """The cases that say what Fibrix answers."""
    facts = {path: tomllib.loads(path.read_text()) for path in sorted(CAPTURES.glob("*.toml"))}
    return [
        Case(path.stem, of, tuple(frames(path.with_suffix(".pcap")))) for path, of in facts.items() if "answers" in of
    ]


CASES = _cases()


def datagram(captured: Captured) -> UdpDatagram:
    return UdpDatagram.decode(EthernetFrame.decode(captured.frame).payload)


def line(outcome: Outcome) -> str:
    """An outcome in the words of the cases: verdict, address, boot file, the way of the reply."""
    if outcome.reply is None:
        return f"{outcome.verdict.word} {outcome.address or outcome.reason}"
    boot_file = Message.decode(outcome.reply.payload).file.decode() or "no-file"
    way = outcome.reply.way.value
    if outcome.reply.way is Way.FRAME:
        way = "broadcast" if outcome.reply.hardware == BROADCAST else "frame"
    return f"{outcome.verdict.word} {outcome.address} {boot_file} {way}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_captured_client_gets_the_answers_that_its_case_describes(case: Case) -> None:
    rack, answers = case.rack(), []
    for captured in case.captured:
        heard = datagram(captured)
        if heard.destination_port == 67:
            arrival = Arrival("eth1", heard.destination)
            answers.append(line(rack.engine.receive(heard.payload, arrival, rack.snapshot, captured.at)))
    assert answers == case.facts["answers"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_another_reader_sees_the_same_in_each_captured_message(case: Case) -> None:
    for captured in case.captured:
        payload = datagram(captured).payload
        message, seen = Message.decode(payload), BOOTP(payload)
        kind = message.get(MESSAGE_TYPE)
        assert (message.xid, message.secs, str(message.ciaddr)) == (seen.xid, seen.secs, seen.ciaddr)
        assert (str(message.yiaddr), str(message.siaddr), message.flags) == (seen.yiaddr, seen.siaddr, int(seen.flags))
        assert ("message-type", kind.value if kind else None) in seen[DHCP].options
        assert Message.decode(message.encode(len(payload))) == message
