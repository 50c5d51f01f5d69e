"""What a forwarder answered, told to who asked; after what our own zones had to say before it."""

from typing import Final

from fibrix.services.dns.engine import Forward, answering_edns
from fibrix.wire.dns.answer import AnswerWriter, Section
from fibrix.wire.dns.codes import OUR_BYTES, STREAM_BYTES, Flag, Rcode
from fibrix.wire.dns.heard import Heard
from fibrix.wire.dns.query import Query

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
        from fibrix.services.dns.chained import chained  # dnspython, 2 MB: few have such a CNAME  # noqa: PLC0415

        made = chained(asked, heard, age_s, flags, limit)
        return made if isinstance(made, bytes) else _bare(query, flags | made)
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
