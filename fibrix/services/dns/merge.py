"""What a forwarder answered, told to who asked; after what our own zones had to say before it."""

from typing import Final

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from fibrix.services.dns.engine import Forward, answering_edns
from fibrix.services.dns.lookup import Owned
from fibrix.wire.dns.answer import AnswerWriter, Section
from fibrix.wire.dns.codes import OUR_BYTES, STREAM_BYTES, Flag, Rcode
from fibrix.wire.dns.heard import Heard
from fibrix.wire.dns.names import encode_name
from fibrix.wire.dns.query import PAIR, Query

_KEPT: Final = Flag.RD | Flag.CD


def told(asked: Forward, heard: Heard | None, age_s: int, *, stream: bool) -> bytes:
    """Make the answer, unsigned: SERVFAIL where nobody could say, truncated where it does not fit."""
    query = asked.query
    flags = Flag.QR | Flag.RA | query.flags & _KEPT
    limit = (STREAM_BYTES if stream else min(query.limit, OUR_BYTES)) - asked.seal.octets
    edns = answering_edns(query)
    if heard is None:
        return _bare(query, flags | Rcode.SERVFAIL)
    if asked.chain is not None:
        return _merged(asked, heard, age_s, flags, limit)
    if heard.size(edns) > limit:
        return _bare(query, flags | Flag.TC)
    octets = heard.told(query.id, flags, query.question, age_s, edns)
    if edns is None or not (edns.dnssec or query.flags & Flag.AD):  # who does not ask is not told: RFC 6840 §5.8
        octets = octets[:3] + bytes([octets[3] & ~Flag.AD]) + octets[4:]
    return octets


def _bare(query: Query, flags: int) -> bytes:
    writer, edns = AnswerWriter(query.question), answering_edns(query)
    if edns is not None:
        writer.add_raw(Section.ADDITIONAL, edns.encode())
    return writer.done(query.id, flags)


def _merged(asked: Forward, heard: Heard, age_s: int, flags: int, limit: int) -> bytes:
    """Put our CNAMEs before the answer; dnspython reads and writes, as this is rare."""
    query = asked.query
    question = encode_name(asked.name) + PAIR.pack(query.type, query.klass)
    try:
        message = dns.message.from_wire(heard.told(query.id, flags, question, age_s, None))
        message.question = [_asked(query)]
        ours = asked.chain.answer if asked.chain else []
        message.answer = [*map(_rrset, ours), *message.answer]
        edns = answering_edns(query)
        if edns is not None:
            message.use_edns(0, dns.flags.DO if edns.dnssec else 0, OUR_BYTES)
        message.flags &= ~Flag.AD
        return message.to_wire(max_size=limit)
    except dns.exception.TooBig:
        return _bare(query, flags | Flag.TC)
    except (dns.exception.DNSException, ValueError):
        return _bare(query, flags | Rcode.SERVFAIL)


def _asked(query: Query) -> dns.rrset.RRset:
    kind = dns.rdatatype.RdataType.make(query.type)
    return dns.rrset.RRset(dns.name.from_wire(query.name, 0)[0], dns.rdataclass.IN, kind)


def _rrset(owned: Owned) -> dns.rrset.RRset:
    owner, rrset = owned
    name = dns.name.from_wire(owner, 0)[0]
    kind = dns.rdatatype.RdataType.make(rrset.type)
    data = [dns.rdata.from_wire(dns.rdataclass.IN, kind, item, 0, len(item)) for item in rrset.data]
    return dns.rrset.from_rdata_list(name, rrset.ttl, data)
