"""What is said to one message: an answer from the zones, a transfer, a question for others, or nothing."""

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final, TypeAlias

from fibrix.domain.dns import Zone
from fibrix.errors import MalformedPacketError
from fibrix.services.dns.lookup import Findings, look_up, zone_of
from fibrix.services.dns.seal import UNSEALED, Seal, sealed_with
from fibrix.services.dns.zone import ReadyZone
from fibrix.services.dns.zones import Zones
from fibrix.wire.dns.answer import AnswerWriter, Section
from fibrix.wire.dns.codes import (
    CLASS_IN,
    HEADER_BYTES,
    OPCODE_MASK,
    OUR_BYTES,
    RCODE_MASK,
    STREAM_BYTES,
    Flag,
    Opcode,
    Rcode,
    RecordType,
    opcode_of,
    type_name,
)
from fibrix.wire.dns.edns import OPT_BYTES, Edns
from fibrix.wire.dns.names import name_text
from fibrix.wire.dns.query import Query, bare_answer, decode_query

_TRANSFERS: Final = (RecordType.AXFR, RecordType.IXFR)
_NO_QUESTIONS: Final = (RecordType.OPT, RecordType.TSIG)
_NOT_KNOWN: Final = (RecordType.TKEY, RecordType.MAILA, RecordType.MAILB)
_OUR_EDNS: Final = Edns(OUR_BYTES)
_OUR_EDNS_DO: Final = Edns(OUR_BYTES, dnssec=True)
_BADVERS: Final = Edns(OUR_BYTES, extended=Rcode.BADVERS >> 4)


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and how."""

    address: IPv4Address
    stream: bool = False  # over TCP
    recursion: bool = False  # questions about other zones are forwarded for them


@dataclass(frozen=True, slots=True)
class Reply:
    """What to send back."""

    octets: bytes
    kind: str  # type that was asked for, for counting
    rcode: str
    only: str = ""  # the name that it depends on; empty: on several, or none
    kept: bool = False  # may be given again to whoever sends the same octets, but for the id
    malformed: str = ""  # why it could not be read


@dataclass(frozen=True, slots=True)
class Forward:
    """A question for the forwarders; `chain` is what our own zones have to say before it."""

    query: Query
    name: str  # to be asked
    seal: Seal = UNSEALED
    chain: Findings | None = None

    @property
    def kind(self) -> str:
        """The type that is asked for."""
        return type_name(self.query.type)


@dataclass(frozen=True, slots=True)
class Transfer:
    """A zone is to be sent, over TCP."""

    query: Query
    zone: Zone
    seal: Seal = UNSEALED

    @property
    def kind(self) -> str:
        """AXFR or IXFR."""
        return type_name(self.query.type)


@dataclass(frozen=True, slots=True)
class Drop:
    """Nothing is said."""

    reason: str


Decision: TypeAlias = Reply | Forward | Transfer | Drop


class Engine:
    """Decides about messages from what the zones hold at the time."""

    def __init__(self, zones: Zones) -> None:
        self._zones = zones

    def decide(self, data: bytes, asker: Asker, now: int) -> Decision:
        """Decide about one message. `now` is seconds since 1970, for signatures. Raises nothing for any bytes."""
        if len(data) < HEADER_BYTES:
            return Drop("malformed")
        flags = int.from_bytes(data[2:4])
        if flags & Flag.QR:
            return Drop("answer")  # never answered: two servers would go on for ever
        if opcode_of(flags) != Opcode.QUERY:
            return Reply(bare_answer(data, Rcode.NOTIMP), f"OPCODE{opcode_of(flags)}", "NOTIMP")
        try:
            query = decode_query(data)
            seal = sealed_with(data, query, self._zones.keys, now) if query.tsig_at else UNSEALED
        except MalformedPacketError as exc:
            return Reply(bare_answer(data, Rcode.FORMERR), "none", "FORMERR", malformed=str(exc))
        if seal.refusal:
            return _reply(query, seal.refuse(_writer(query, Rcode.NOTAUTH)), Rcode.NOTAUTH)
        return self._decide(query, asker, seal)

    def _decide(self, query: Query, asker: Asker, seal: Seal) -> Decision:
        refused = _refused(query)
        if refused is not None:
            return self._bare(query, refused, asker, seal)
        name = name_text(query.name)
        zone = zone_of(self._zones, name, query.type)
        if query.type in _TRANSFERS:
            return self._transfer(query, zone if zone and zone.zone.name == name else None, asker, seal)
        if zone is None:
            return self._elsewhere(query, name, asker, seal)
        found = look_up(self._zones, zone, name, query.type)
        if asker.recursion and query.flags & Flag.RD and (found.leads_to or found.delegated):
            chain = found if found.answer else None
            onward = found.leads_to or (_end_of(chain) if chain else name)
            return Forward(query, onward, seal, chain)
        return self._tell(query, found, asker, seal)

    def _elsewhere(self, query: Query, name: str, asker: Asker, seal: Seal) -> Decision:
        if asker.recursion and query.flags & Flag.RD:
            return Forward(query, name, seal)
        return self._bare(query, Rcode.REFUSED, asker, seal)

    def _transfer(self, query: Query, zone: ReadyZone | None, asker: Asker, seal: Seal) -> Decision:
        if zone is None:
            return self._bare(query, Rcode.NOTAUTH, asker, seal)
        if not seal.opens(zone.zone, asker.address):
            return self._bare(query, Rcode.REFUSED, asker, seal)
        if asker.stream:
            return Transfer(query, zone.zone, seal)
        if query.type == RecordType.AXFR:
            return self._bare(query, Rcode.FORMERR, asker, seal)
        soa = Findings(answer=[(zone.owner, zone.soa)])  # they see its serial, and come by TCP: RFC 1995 §2
        return self._tell(query, soa, asker, seal)

    def _bare(self, query: Query, rcode: Rcode, asker: Asker, seal: Seal) -> Reply:
        return self._tell(query, Findings(rcode=rcode, authoritative=False), asker, seal)

    def _tell(self, query: Query, found: Findings, asker: Asker, seal: Seal) -> Reply:
        limit = STREAM_BYTES if asker.stream else min(query.limit, OUR_BYTES)
        edns = answering_edns(query)
        writer = AnswerWriter(query.question, limit - seal.octets - (OPT_BYTES if edns else 0))
        write(found, writer)
        if edns is not None:
            writer.add_raw(Section.ADDITIONAL, (_BADVERS if found.rcode == Rcode.BADVERS else edns).encode())
        flags = Flag.QR | query.flags & (Flag.RD | Flag.CD) | found.rcode & RCODE_MASK
        flags |= (Flag.AA if found.authoritative else 0) | (Flag.RA if asker.recursion else 0)
        octets = writer.done(query.id, flags)
        kept = seal is UNSEALED and not asker.stream and query.type not in _TRANSFERS
        return _reply(query, seal.sign(octets), found.rcode, only=found.only, kept=kept)


def write(found: Findings, writer: AnswerWriter) -> None:
    """Write what was found. What does not fit makes a truncated answer, unless it is only there to help."""
    for section, owned in ((Section.ANSWER, found.answer), (Section.AUTHORITY, found.authority)):
        for owner, rrset in owned:
            if not writer.add(section, owner, *rrset):
                writer.truncate()
                return
    for owner, rrset in found.additional:
        if not writer.add(Section.ADDITIONAL, owner, *rrset) and found.glue:
            writer.truncate()
            return


def answering_edns(query: Query) -> Edns | None:
    """Give the OPT record of an answer: none to those who sent none (RFC 6891 §7); DO as they said (RFC 3225 §3)."""
    if query.edns is None:
        return None
    return _OUR_EDNS_DO if query.edns.dnssec else _OUR_EDNS


def _refused(query: Query) -> Rcode | None:
    """Why a question is not looked at."""
    if query.edns is not None and query.edns.version:
        return Rcode.BADVERS
    if query.klass != CLASS_IN:
        return Rcode.REFUSED
    if query.type in _NO_QUESTIONS:
        return Rcode.FORMERR
    return Rcode.NOTIMP if query.type in _NOT_KNOWN else None


def _writer(query: Query, rcode: Rcode) -> bytes:
    flags = Flag.QR | query.flags & (OPCODE_MASK | Flag.RD) | rcode
    return AnswerWriter(query.question).done(query.id, flags)


def _end_of(found: Findings) -> str:
    return name_text(found.answer[-1][1].data[0])


def _reply(query: Query, octets: bytes, rcode: Rcode, *, only: str = "", kept: bool = False) -> Reply:
    return Reply(octets, type_name(query.type), rcode.name, only, kept)
