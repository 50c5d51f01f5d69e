"""The DHCPv4 server's decisions (RFC 2131 §4.3), pure: a datagram, where it came in, what is served, and the time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from ipaddress import IPv4Address

from fibrix.domain.boot_file import BootFile, boot_file
from fibrix.domain.lease import Binding, Leases
from fibrix.domain.network import Subnet, SubnetMode
from fibrix.domain.rack import RackSnapshot
from fibrix.events.base import Event
from fibrix.events.rack import DiscoverSeen, LeaseGranted
from fibrix.services.dhcp.proxy import offer, proxied
from fibrix.services.dhcp.query import Arrival, Query, read
from fibrix.services.dhcp.reply import Reply, Terms, answer, refuse
from fibrix.types import MacAddress
from fibrix.wire.dhcp4.message import ANY
from fibrix.wire.dhcp4.options import MessageType


class Verdict(Enum):
    """What became of a datagram."""

    OFFERED = "offered"
    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"  # DHCPNAK
    INFORMED = "informed"
    RELEASED = "released"
    DECLINED = "declined"
    EXHAUSTED = "exhausted"  # no address to offer
    IGNORED = "ignored"  # not ours to answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """All that one datagram leads to; the service carries it out in this order."""

    mac: MacAddress
    xid: int
    kind: MessageType  # what the client sent
    verdict: Verdict
    reason: str = ""
    address: IPv4Address | None = None
    binding: Binding | None = None  # durable before the reply leaves: RFC 2131 §3.1 step 4
    reply: Reply | None = None
    events: tuple[Event, ...] = ()


class Engine:
    """Decides, and keeps the leases. The snapshot comes with each datagram: a change takes effect with the next one."""

    def __init__(self, leases: Leases, *, http_port: int) -> None:
        self._leases = leases
        self._http_port = http_port

    def receive(self, datagram: bytes, arrival: Arrival, snapshot: RackSnapshot, now: datetime) -> Outcome:
        """Decide about one datagram. Raises MalformedPacketError."""
        query = read(datagram, arrival)
        exchange = _Exchange(query, _subnets(query, snapshot), snapshot, self._leases, self._http_port, now)
        if not exchange.subnets and (subnet := proxied(query, snapshot)) is not None:
            return exchange.beside(subnet)
        return exchange.decide()


def _subnets(query: Query, snapshot: RackSnapshot) -> tuple[Subnet, ...]:
    """The served subnets that a client may belong to.

    Behind a relay, that of `giaddr`. A unicast comes from whoever has `ciaddr`, maybe through routers and past its
    relay (RFC 2131 §4.3.2, RENEWING). Else those of the interface.
    """
    served = (subnet for subnet in snapshot.subnets if subnet.mode is SubnetMode.SERVE)
    if query.relayed:
        return tuple(subnet for subnet in served if query.message.giaddr in subnet.network)
    if query.message.ciaddr != ANY and not query.arrival.broadcast:
        return tuple(subnet for subnet in served if query.message.ciaddr in subnet.network)
    return tuple(subnet for subnet in served if subnet.interface == query.arrival.interface)


@dataclass(frozen=True, slots=True)
class _Exchange:
    """One query with all that is needed to decide about it."""

    query: Query
    subnets: Sequence[Subnet]
    snapshot: RackSnapshot
    leases: Leases
    http_port: int
    now: datetime

    def decide(self) -> Outcome:
        """Go by the type of the message; `read` lets no other type through."""
        ways = {
            MessageType.DISCOVER: self._discover,
            MessageType.REQUEST: self._request,
            MessageType.DECLINE: self._decline,
            MessageType.RELEASE: self._release,
            MessageType.INFORM: self._inform,
        }
        return ways[self.query.kind]()

    def beside(self, subnet: Subnet) -> Outcome:
        """Another server gives the addresses: say only what to boot."""
        events = (self._seen(),) if self.query.kind is MessageType.DISCOVER else ()
        known = self.query.mac in self.snapshot.boot
        proposal = offer(self.query, subnet, known=known, http_port=self.http_port)
        if proposal.reply is None:
            return self._ignore(proposal.reason, events)
        return self._outcome(Verdict.OFFERED, reply=proposal.reply, events=events)

    def _discover(self) -> Outcome:
        """Offer an address, and hold it (RFC 2131 §4.3.1)."""
        seen = (self._seen(),)
        if not self.subnets:
            return self._ignore(self._nothing_served(), events=seen)
        reason = ""
        for subnet in sorted(self.subnets, key=lambda one: self.leases.binding(one, self.query.mac) is None):
            choice = self.leases.choose(subnet, self.query.mac, self.query.requested, self.now)
            if choice.address is not None:
                self.leases.hold(subnet, self.query.mac, choice.address, self.now)
                terms = self._terms(subnet, choice.address)
                return self._outcome(
                    Verdict.OFFERED,
                    reason=terms.boot.reason if terms.boot else "",
                    address=choice.address,
                    reply=answer(self.query, subnet, MessageType.OFFER, terms),
                    events=seen,
                )
            reason = choice.reason
        return self._outcome(Verdict.EXHAUSTED, reason=reason, events=seen)

    def _request(self) -> Outcome:
        """Tell the client's state by the fields that it filled in (RFC 2131 §4.3.2, table 4)."""
        if self.query.server is not None:
            return self._selecting(self.query.server)
        if self.query.message.ciaddr != ANY:
            return self._extending(self.query.message.ciaddr)
        if self.query.requested is not None:
            return self._rebooting(self.query.requested)
        return self._ignore("a request for no address")

    def _selecting(self, server: IPv4Address) -> Outcome:
        """SELECTING: the client took up an offer, ours or another server's."""
        ours = [one for one in self.subnets if one.address == server]
        if not ours:
            for other in self.subnets:
                self.leases.withdraw(other, self.query.mac)
            return self._ignore(f"the client chose server {server}")
        if self.query.requested is None:
            return self._refuse(ours[0], "no address requested")
        subnet = next((one for one in ours if self.query.requested in one.network), ours[0])
        offered = self.leases.offered(subnet, self.query.mac, self.now)
        if offered is not None and offered != self.query.requested:
            return self._refuse(subnet, f"{offered} was offered, not {self.query.requested}")
        return self._grant_or_refuse(subnet, self.query.requested)

    def _rebooting(self, requested: IPv4Address) -> Outcome:
        """INIT-REBOOT: the client remembers an address and asks whether it is still its own."""
        if not self.subnets:
            return self._ignore(self._nothing_served())
        subnet = next((one for one in self.subnets if requested in one.network), None)
        if subnet is None:
            return self._refuse(self.subnets[0], f"{requested} is not on this network")
        binding = self.leases.binding(subnet, self.query.mac)
        own = self.leases.reserved(subnet, self.query.mac, self.now) or (binding.address if binding else None)
        if own is None:
            return self._ignore("no record of this client")  # another server's may be the lease: silence is a MUST
        if own != requested:
            return self._refuse(subnet, f"{own} is the address of this machine, not {requested}")
        return self._grant_or_refuse(subnet, requested)

    def _extending(self, ciaddr: IPv4Address) -> Outcome:
        """RENEWING, when it came by unicast, or REBINDING: the client wants to keep the address that it uses."""
        subnet = next((one for one in self.subnets if ciaddr in one.network), None)
        if subnet is None:
            return self._wrong_network(ciaddr)
        binding = self.leases.binding(subnet, self.query.mac)
        if binding is None and self.query.arrival.broadcast:
            return self._ignore("no record of this client")
        if binding is not None and binding.address != ciaddr:
            return self._refuse(subnet, f"{binding.address} is the address of this machine, not {ciaddr}")
        return self._grant_or_refuse(subnet, ciaddr)

    def _wrong_network(self, ciaddr: IPv4Address) -> Outcome:
        """A client that uses an address of another network; one on a link that we serve is told so."""
        served = (one for one in self.snapshot.subnets if one.mode is SubnetMode.SERVE)
        link = next((one for one in served if one.interface == self.query.arrival.interface), None)
        if link is None or self.query.relayed:
            return self._ignore(f"{ciaddr} is in no subnet that is served here")
        return self._refuse(link, f"{ciaddr} is not on this network")

    def _decline(self) -> Outcome:
        """The client found someone else on its address: let it rest (RFC 2131 §4.3.3)."""
        requested = self.query.requested or ANY
        ours = (one for one in self.subnets if one.address == self.query.server)
        subnet = next((one for one in ours if requested in one.network), None)
        if subnet is None:
            return self._ignore(f"declines {requested} of server {self.query.server}")
        binding = self.leases.decline(subnet, self.query.mac, requested, self.now)
        if binding is None:
            return self._ignore(f"declines {requested}, which it does not have")
        reason = f"another host answers on {binding.address}"
        return self._outcome(Verdict.DECLINED, reason=reason, address=binding.address, binding=binding)

    def _release(self) -> Outcome:
        """The client gives its address back; it is remembered for it (RFC 2131 §4.3.4)."""
        ciaddr = self.query.message.ciaddr
        if not any(one.address == self.query.server for one in self.subnets):
            return self._ignore(f"a release for server {self.query.server}")
        binding = self.leases.release(self.query.mac, ciaddr, self.now)
        if binding is None:
            return self._ignore(f"releases {ciaddr}, which it does not have")
        return self._outcome(Verdict.RELEASED, address=binding.address, binding=binding)

    def _inform(self) -> Outcome:
        """The client has an address from elsewhere and asks for the rest (RFC 2131 §4.3.5): no lease, no binding."""
        ciaddr = self.query.message.ciaddr
        subnet = next((one for one in self.subnets if ciaddr in one.network), None)
        if subnet is None:
            return self._ignore(f"{ciaddr} is in no subnet that is served here")
        terms = Terms(hostname=self._hostname(subnet), boot=self._boot_file(subnet))
        reply = answer(self.query, subnet, MessageType.ACK, terms)
        return self._outcome(Verdict.INFORMED, address=ciaddr, reply=reply)

    def _grant_or_refuse(self, subnet: Subnet, address: IPv4Address) -> Outcome:
        if reason := self.leases.refusal(subnet, self.query.mac, address, self.now):
            return self._refuse(subnet, reason)
        binding = self.leases.grant(subnet, self.query.mac, address, self.query.hostname, self.now)
        terms = self._terms(subnet, address)
        return self._outcome(
            Verdict.ACKNOWLEDGED,
            reason=terms.boot.reason if terms.boot else "",
            address=address,
            binding=binding,
            reply=answer(self.query, subnet, MessageType.ACK, terms),
            events=(self._granted(subnet, binding),),
        )

    def _refuse(self, subnet: Subnet, reason: str) -> Outcome:
        self.leases.withdraw(subnet, self.query.mac)
        reply = refuse(self.query, subnet, reason)
        return self._outcome(Verdict.REFUSED, reason=reason, reply=reply)

    def _ignore(self, reason: str, events: tuple[Event, ...] = ()) -> Outcome:
        return self._outcome(Verdict.IGNORED, reason=reason, events=events)

    def _outcome(
        self,
        verdict: Verdict,
        *,
        reason: str = "",
        address: IPv4Address | None = None,
        binding: Binding | None = None,
        reply: Reply | None = None,
        events: tuple[Event, ...] = (),
    ) -> Outcome:
        """Put the client's name to an outcome."""
        return Outcome(
            mac=self.query.mac,
            xid=self.query.message.xid,
            kind=self.query.kind,
            verdict=verdict,
            reason=reason,
            address=address,
            binding=binding,
            reply=reply,
            events=events,
        )

    def _nothing_served(self) -> str:
        if self.query.relayed:
            return f"no subnet of relay {self.query.message.giaddr} is served"
        return f"no subnet is served on {self.query.arrival.interface}"

    def _terms(self, subnet: Subnet, address: IPv4Address) -> Terms:
        return Terms(
            address=address,
            lease_s=subnet.lease_s,
            hostname=self._hostname(subnet),
            boot=self._boot_file(subnet),
        )

    def _hostname(self, subnet: Subnet) -> str:
        """The name that the region has for this machine, else its reservation's."""
        entry = self.snapshot.boot.get(self.query.mac)
        if entry is not None and entry.hostname:
            return entry.hostname
        return next((one.hostname for one in subnet.reservations if one.mac == self.query.mac), "")

    def _boot_file(self, subnet: Subnet) -> BootFile | None:
        if self.query.boot is None:
            return None
        known = self.query.mac in self.snapshot.boot
        return boot_file(self.query.boot, subnet, known=known, http_port=self.http_port)

    def _seen(self) -> DiscoverSeen:
        return DiscoverSeen(
            at=self.now,
            mac=self.query.mac,
            interface=self.query.arrival.interface,
            network_boot=self.query.boot is not None,
            vendor_class=self.query.vendor_class,
        )

    def _granted(self, subnet: Subnet, binding: Binding) -> LeaseGranted:
        return LeaseGranted(
            at=self.now,
            mac=binding.mac,
            address=binding.address,
            subnet=subnet.name,
            lease_s=subnet.lease_s,
            hostname=binding.hostname,
        )
