"""What becomes of a client where another server gives the addresses and we say what to boot (subnets in proxy mode)."""

from datetime import datetime

from fibrix.domain.rack import RackSnapshot
from fibrix.events.rack import DiscoverSeen
from fibrix.services.dhcp.outcome import Outcome, Verdict, chosen
from fibrix.services.dhcp.proxy import offer, proxied
from fibrix.services.dhcp.query import Query
from fibrix.wire.dhcp4.options import MessageType


def beside(query: Query, snapshot: RackSnapshot, http_port: int, now: datetime) -> Outcome | None:
    """Decide about a query that no served subnet is concerned with; None: no subnet in proxy mode is either.

    Raises MalformedPacketError.
    """
    subnet = proxied(query, snapshot)
    if subnet is None:
        return None
    proposal = offer(query, subnet, known=query.mac in snapshot.boot, http_port=http_port)
    return Outcome(
        mac=query.mac,
        xid=query.message.xid,
        kind=query.kind,
        verdict=Verdict.IGNORED if proposal.reply is None else Verdict.OFFERED,
        reason=proposal.reason,
        answer=proposal.reply,
        events=(_seen(query, now),) if query.kind is MessageType.DISCOVER else chosen(query, now),
    )


def _seen(query: Query, now: datetime) -> DiscoverSeen:
    return DiscoverSeen(
        at=now,
        mac=query.mac,
        interface=query.arrival.interface,
        network_boot=query.boot is not None,
        vendor_class=query.vendor_class,
    )
