"""What the engine decided about a datagram: values that the service carries out."""

from datetime import datetime
from enum import Enum
from ipaddress import IPv4Address

import msgspec

from fibrix.domain.binding import Binding
from fibrix.events.base import Event
from fibrix.events.rack import ConflictSeen, ServerChosen
from fibrix.services.dhcp.query import Query
from fibrix.services.dhcp.reply import Answer, Reply
from fibrix.types import MacAddress
from fibrix.wire.dhcp4.options import MessageType


class Verdict(Enum):
    """What became of a datagram: a word for it, and the type of message that is the answer, if there is one."""

    OFFERED = "offered", "offer"
    ACKNOWLEDGED = "acknowledged", "ack"
    REFUSED = "refused", "nak"
    INFORMED = "informed", "ack"
    RELEASED = "released", ""
    DECLINED = "declined", ""
    EXHAUSTED = "exhausted", ""  # no address to offer
    IGNORED = "ignored", ""  # not ours to answer

    def __init__(self, word: str, answer: str) -> None:
        self.word = word
        self.answer = answer


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """All that one datagram leads to; the service carries it out in this order."""

    mac: MacAddress
    xid: int
    kind: MessageType | None  # what the client sent; None: BOOTP
    verdict: Verdict
    reason: str = ""
    number: int | None = None  # the address that it is about
    binding: Binding | None = None  # durable before the reply leaves: RFC 2131 §3.1 step 4
    answer: Answer | Reply | None = None
    events: tuple[Event, ...] = ()

    @property
    def address(self) -> IPv4Address | None:
        """The address that it is about."""
        return None if self.number is None else IPv4Address(self.number)

    @property
    def reply(self) -> Reply | None:
        """The answer, written: each time anew."""
        return self.answer.written() if isinstance(self.answer, Answer) else self.answer


def chosen(query: Query, now: datetime) -> tuple[Event, ...]:
    """What there is to tell when a client on the link took up another server's offer."""
    if query.server is None or query.relayed:
        return ()
    return (ServerChosen(at=now, address=IPv4Address(query.server), interface=query.arrival.interface),)


def conflict(binding: Binding, now: datetime, *, told: bool = False) -> Outcome:
    """What it leads to that someone was found on an address that nobody was given: it rests. `told`: that was known."""
    seen = ConflictSeen(at=now, address=binding.address, subnet=binding.subnet, mac=binding.mac, found="probe")
    return Outcome(
        mac=binding.mac,
        xid=0,
        kind=MessageType.DECLINE,
        verdict=Verdict.DECLINED,
        reason=f"{binding.mac} answers on it, and was not given it",
        number=binding.number,
        binding=binding,
        events=() if told else (seen,),
    )
