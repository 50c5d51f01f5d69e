"""One exchange's decision (RFC 2131 §4.3): what the client is in the middle of, and what it is told."""

from collections.abc import Sequence
from datetime import datetime
from ipaddress import IPv4Address

from fibrix.domain.binding import Binding
from fibrix.domain.boot_file import boot_file
from fibrix.domain.lease import Leases
from fibrix.events.base import Event
from fibrix.events.rack import ConflictSeen, DiscoverSeen, LeaseGranted
from fibrix.services.dhcp.outcome import Outcome, Verdict, chosen
from fibrix.services.dhcp.query import Query
from fibrix.services.dhcp.reply import Answer, Reply, Terms, refuse
from fibrix.services.dhcp.served import Network, Served
from fibrix.types import MacAddress
from fibrix.wire.dhcp4.message import ANY
from fibrix.wire.dhcp4.options import MessageType


class Exchange:
    """One query with all that is needed to decide about it."""

    __slots__ = ("at_us", "http_port", "leases", "network", "now", "query", "subnets")

    def __init__(
        self, query: Query, network: Network, leases: Leases, http_port: int, at: tuple[datetime, int]
    ) -> None:
        """`at`: the time, and once more as `instant_us` of it."""
        self.query = query
        self.network = network
        self.leases = leases
        self.http_port = http_port
        self.now, self.at_us = at
        self.subnets = self._subnets()

    def _subnets(self) -> Sequence[Served]:
        """The served subnets that a client may belong to.

        Behind a relay, that of `giaddr` or of what stands for it. A unicast comes from whoever has `ciaddr`, maybe
        through routers and past its relay (RFC 2131 §4.3.2, RENEWING). Else those of the interface.
        """
        query = self.query
        if query.link:
            return self.network.holding(query.link)
        if query.message.ciaddr is not ANY and not query.arrival.broadcast:
            return self.network.holding(int(query.message.ciaddr))
        return self.network.on(query.arrival.interface)

    def decide(self) -> Outcome:
        """Go by the type of the message; `read` lets nothing through that only servers say."""
        match self.query.kind:
            case MessageType.DISCOVER:
                outcome = self._discover()
            case MessageType.REQUEST:
                outcome = self._request()
            case MessageType.DECLINE:
                outcome = self._decline()
            case MessageType.RELEASE:
                outcome = self._release()
            case MessageType.INFORM:
                outcome = self._inform()
            case None:
                outcome = self._bootp()
            case MessageType.LEASE_QUERY:  # RFC 4388: an untrue "unknown" would cut off who has a lease
                outcome = self._ignore("lease queries are not answered here: the API tells who has which address")
            case kind:
                outcome = self._ignore(f"{kind.name} is not for this server")
        return outcome

    def _discover(self) -> Outcome:
        """Offer an address, and hold it (RFC 2131 §4.3.1)."""
        seen = (self._seen(),)
        if not self.subnets:
            return self._ignore(self._nothing_served(), events=seen)
        reason = ""
        for served in self._best_first():
            choice = self.leases.offer(served.subnet, self.query.client, self.query.requested, self.at_us)
            if choice.number is not None:
                terms = self._terms(served, choice.number)
                return self._outcome(
                    Verdict.OFFERED,
                    reason=terms.boot.reason if terms.boot else "",
                    address=choice.number,
                    answer=Answer(self.query, served, MessageType.OFFER, terms),
                    events=seen,
                )
            reason = choice.reason
        return self._outcome(Verdict.EXHAUSTED, reason=reason, events=seen)

    def _best_first(self) -> Sequence[Served]:
        """The client's subnets: first where something is reserved for it, then where it had an address before."""
        if len(self.subnets) == 1:
            return self.subnets
        return sorted(
            self.subnets,
            key=lambda one: (
                self.leases.reservation(one.subnet, self.query.client) is None,
                self.leases.binding(one.subnet, self.query.mac) is None,
            ),
        )

    def _request(self) -> Outcome:
        """Tell the client's state by the fields that it filled in (RFC 2131 §4.3.2, table 4)."""
        if self.query.server is not None:
            return self._selecting(self.query.server)
        if self.query.message.ciaddr is not ANY:
            return self._extending(self.query.message.ciaddr)
        if self.query.requested is not None:
            return self._rebooting(self.query.requested)
        return self._ignore("a request for no address")

    def _selecting(self, server: int) -> Outcome:
        """SELECTING: the client took up an offer, ours or another server's."""
        ours = [one for one in self.subnets if self._chosen(one)]
        if not ours:
            for other in self.subnets:
                self.leases.withdraw(other.subnet, self.query.mac)
            return self._ignore(f"the client chose server {IPv4Address(server)}", chosen(self.query, self.now))
        requested = self.query.requested
        if requested is None:
            return self._refuse(ours[0], "no address requested")
        served = next((one for one in ours if requested in one), ours[0])
        offered = self.leases.offered(served.subnet, self.query.mac, self.at_us)
        if offered is not None and offered != requested:
            return self._refuse(served, f"{IPv4Address(offered)} was offered, not {IPv4Address(requested)}")
        return self._grant_or_refuse(served, requested)

    def _rebooting(self, number: int) -> Outcome:
        """INIT-REBOOT: the client remembers an address and asks whether it is still its own."""
        if not self.subnets:
            return self._ignore(self._nothing_served())
        served = next((one for one in self.subnets if number in one), None)
        if served is None:
            return self._refuse_stranger(self.subnets[0], f"{IPv4Address(number)} is not on this network")
        binding = self.leases.binding(served.subnet, self.query.mac)
        own = self.leases.reserved(served.subnet, self.query.client, self.at_us) or (binding and binding.number)
        if own is None:
            return self._no_record(served, number)
        if own != number:
            return self._refuse(served, f"{IPv4Address(own)} is the address of this machine, not {IPv4Address(number)}")
        return self._grant_or_refuse(served, number)

    def _no_record(self, served: Served, number: int) -> Outcome:
        """Refuse what nobody can have given to this client; else the lease may be another server's.

        Then silence is a MUST (RFC 2131 §4.3.2).
        """
        reason = self.leases.refusal(served.subnet, self.query.client, number, self.at_us)
        if reason and served.subnet.authoritative:
            return self._refuse(served, reason)
        return self._ignore("no record of this client")

    def _extending(self, ciaddr: IPv4Address) -> Outcome:
        """RENEWING, when it came by unicast, or REBINDING: the client wants to keep the address that it uses."""
        number = int(ciaddr)
        served = next((one for one in self.subnets if number in one), None)
        if served is None:
            return self._wrong_network(ciaddr)
        binding = self.leases.binding(served.subnet, self.query.mac)
        if binding is None and (self.query.arrival.broadcast or self.query.relayed):
            return self._no_record(served, number)
        if binding is None and not served.subnet.authoritative:
            return self._ignore("no record of this client")
        if binding is not None and binding.number != number:
            return self._refuse(served, f"{binding.address} is the address of this machine, not {ciaddr}")
        return self._grant_or_refuse(served, number)

    def _wrong_network(self, ciaddr: IPv4Address) -> Outcome:
        """A client that uses an address of another network; one on a link that we serve is told so."""
        link = next(iter(self.network.on(self.query.arrival.interface)), None)
        if link is None or self.query.relayed:
            return self._ignore(f"{ciaddr} is in no subnet that is served here")
        return self._refuse_stranger(link, f"{ciaddr} is not on this network")

    def _decline(self) -> Outcome:
        """The client found someone else on its address: let it rest (RFC 2131 §4.3.3)."""
        number = self.query.requested or 0
        ours = (one for one in self.subnets if self._chosen(one))
        served = next((one for one in ours if number in one), None)
        if served is None:
            return self._ignore(f"declines {IPv4Address(number)} of server {self._server}")
        binding = self.leases.decline(served.subnet, self.query.mac, number, self.at_us)
        if binding is None:
            return self._ignore(f"declines {IPv4Address(number)}, which it does not have")
        reason = f"another host answers on {binding.address}"
        seen = ConflictSeen(
            at=self.now, address=binding.address, subnet=served.name, mac=MacAddress(""), found="decline"
        )
        return self._outcome(Verdict.DECLINED, reason=reason, address=binding.number, binding=binding, events=(seen,))

    def _release(self) -> Outcome:
        """The client gives its address back; it is remembered for it (RFC 2131 §4.3.4)."""
        ciaddr = self.query.message.ciaddr
        to_us_alone = self.query.server is None and not self.query.arrival.broadcast  # as systemd-networkd does it
        if not to_us_alone and not any(self._chosen(one) for one in self.subnets):
            return self._ignore(f"a release for server {self._server}")
        binding = self.leases.release(self.query.mac, int(ciaddr), self.at_us)
        if binding is None:
            return self._ignore(f"releases {ciaddr}, which it does not have")
        return self._outcome(Verdict.RELEASED, address=binding.number, binding=binding)

    def _chosen(self, served: Served) -> bool:
        """Whether the client speaks to a subnet's server."""
        server = self.query.server
        if server is None or server == served.address:
            return server is not None
        return self.query.stand_in is not None and server == int(self.query.stand_in)

    @property
    def _server(self) -> str:
        """The server that the client speaks to, in words."""
        return "none" if self.query.server is None else str(IPv4Address(self.query.server))

    def _inform(self) -> Outcome:
        """The client has an address from elsewhere and asks for the rest (RFC 2131 §4.3.5): no lease, no binding."""
        number = int(self.query.message.ciaddr)
        served = next((one for one in self.subnets if number in one), None)
        if served is None:
            return self._ignore(f"{self.query.message.ciaddr} is in no subnet that is served here")
        terms = self._terms(served, 0, lease=False)
        answer = Answer(self.query, served, MessageType.ACK, terms)
        return self._outcome(Verdict.INFORMED, address=number, answer=answer)

    def _bootp(self) -> Outcome:
        """A BOOTP client (RFC 951, RFC 1534 §2): it gets its reservation, for ever, or nothing."""
        for served in self.subnets:
            number = self.leases.reserved(served.subnet, self.query.client, self.at_us)
            if number is not None:
                answer = Answer(self.query, served, MessageType.ACK, self._terms(served, number, lease=False))
                return self._outcome(Verdict.INFORMED, address=number, answer=answer)
        return self._ignore("a BOOTP client without a reservation")

    def _grant_or_refuse(self, served: Served, number: int) -> Outcome:
        subnet = served.subnet
        if reason := self.leases.refusal(subnet, self.query.client, number, self.at_us):
            return self._refuse(served, reason)
        binding = self.leases.grant(subnet, self.query.client, number, self.query.hostname, self.at_us)
        terms = self._terms(served, number)
        return self._outcome(
            Verdict.ACKNOWLEDGED,
            reason=terms.boot.reason if terms.boot else "",
            address=number,
            binding=binding,
            answer=Answer(self.query, served, MessageType.ACK, terms),
            events=(self._granted(served, binding),),
        )

    def _refuse_stranger(self, served: Served, reason: str) -> Outcome:
        """Refuse an address of elsewhere; where other servers may be, only if this is a client of ours."""
        subnet = served.subnet
        if not subnet.authoritative and not self.leases.is_known(subnet, self.query.client, self.at_us):
            return self._ignore(f"no record of this client; {reason}")
        return self._refuse(served, reason)

    def _refuse(self, served: Served, reason: str) -> Outcome:
        self.leases.withdraw(served.subnet, self.query.mac)
        return self._outcome(Verdict.REFUSED, reason=reason, answer=refuse(self.query, served, reason))

    def _ignore(self, reason: str, events: tuple[Event, ...] = ()) -> Outcome:
        return self._outcome(Verdict.IGNORED, reason=reason, events=events)

    def _outcome(
        self,
        verdict: Verdict,
        *,
        reason: str = "",
        address: int | None = None,
        binding: Binding | None = None,
        answer: Answer | Reply | None = None,
        events: tuple[Event, ...] = (),
    ) -> Outcome:
        """Put the client's name to an outcome."""
        return Outcome(
            mac=self.query.mac,
            xid=self.query.message.xid,
            kind=self.query.kind,
            verdict=verdict,
            reason=reason,
            number=address,
            binding=binding,
            answer=answer,
            events=events,
        )

    def _nothing_served(self) -> str:
        if self.query.relayed:
            return f"no subnet of relay {self.query.message.giaddr} is served"
        return f"no subnet is served on {self.query.arrival.interface}"

    def _terms(self, served: Served, number: int, *, lease: bool = True) -> Terms:
        """What this client is told that others are not: the region's name for it comes before its reservation's."""
        reservation = self.leases.reservation(served.subnet, self.query.client)
        entry = self.network.boot.get(self.query.mac)
        hostname = "" if entry is None else entry.hostname
        boot = None
        if self.query.boot is not None:
            boot = boot_file(self.query.boot, served.subnet, known=entry is not None, http_port=self.http_port)
        if reservation is None:
            return Terms(number=number, lease=lease, hostname=hostname, boot=boot)
        hostname = hostname or reservation.hostname
        return Terms(number=number, lease=lease, hostname=hostname, boot=boot, options=reservation.options)

    def _seen(self) -> DiscoverSeen:
        return DiscoverSeen(
            at=self.now,
            mac=self.query.mac,
            interface=self.query.arrival.interface,
            network_boot=self.query.boot is not None,
            vendor_class=self.query.vendor_class,
        )

    def _granted(self, served: Served, binding: Binding) -> LeaseGranted:
        return LeaseGranted(
            at=self.now,
            mac=binding.mac,
            address=binding.address,
            subnet=served.name,
            lease_s=served.subnet.lease_s,
            hostname=binding.hostname,
        )
