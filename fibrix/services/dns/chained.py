"""The answer to a name of ours that is a CNAME to a name of others. dnspython reads and writes, as this is rare."""

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
from fibrix.wire.dns.codes import OUR_BYTES, Flag, Rcode
from fibrix.wire.dns.heard import Heard
from fibrix.wire.dns.names import encode_name
from fibrix.wire.dns.query import PAIR, Query


def chained(asked: Forward, heard: Heard, age_s: int, flags: int, limit: int) -> bytes | Flag | Rcode:
    """Put our CNAMEs before the answer; what is to be said instead where it cannot be: TC or SERVFAIL."""
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
        return Flag.TC
    except (dns.exception.DNSException, ValueError):
        return Rcode.SERVFAIL


def _asked(query: Query) -> dns.rrset.RRset:
    kind = dns.rdatatype.RdataType.make(query.type)
    return dns.rrset.RRset(dns.name.from_wire(query.name, 0)[0], dns.rdataclass.IN, kind)


def _rrset(owned: Owned) -> dns.rrset.RRset:
    owner, rrset = owned
    name = dns.name.from_wire(owner, 0)[0]
    kind = dns.rdatatype.RdataType.make(rrset.type)
    data = [dns.rdata.from_wire(dns.rdataclass.IN, kind, item, 0, len(item)) for item in rrset.data]
    return dns.rrset.from_rdata_list(name, rrset.ttl, data)
