"""The DHCPv4 server without its sockets, pure: a datagram, where it came in, what is served, and the time."""

from collections.abc import Sequence
from datetime import datetime

from fibrix.domain.binding import instant_us
from fibrix.domain.lease import Leases
from fibrix.domain.rack import RackSnapshot
from fibrix.errors import MalformedPacketError
from fibrix.services.dhcp.beside import beside
from fibrix.services.dhcp.exchange import Exchange
from fibrix.services.dhcp.outcome import Outcome
from fibrix.services.dhcp.query import Arrival, Query, read
from fibrix.services.dhcp.served import Network
from fibrix.types import MacAddress


class Engine:
    """Decides, and keeps the leases. The snapshot comes with each datagram: a change takes effect with the next one."""

    def __init__(self, leases: Leases, *, http_port: int) -> None:
        self._leases = leases
        self._http_port = http_port
        self._snapshot: RackSnapshot | None = None
        self._network = Network(RackSnapshot())

    def receive(self, datagram: bytes, arrival: Arrival, snapshot: RackSnapshot, now: datetime) -> Outcome:
        """Read one datagram and decide about it. Raises MalformedPacketError."""
        (outcome,) = self.decide([read(datagram, arrival)], snapshot, now)
        if isinstance(outcome, MalformedPacketError):
            raise outcome
        return outcome

    def decide(
        self, queries: Sequence[Query], snapshot: RackSnapshot, now: datetime
    ) -> list[Outcome | MalformedPacketError]:
        """Decide about one query after the other; or what is wrong with it, which nobody noticed before."""
        network, at = self._ready(snapshot), (now, instant_us(now))
        return [self._decide(query, network, snapshot, at) for query in queries]

    def _decide(
        self, query: Query, network: Network, snapshot: RackSnapshot, at: tuple[datetime, int]
    ) -> Outcome | MalformedPacketError:
        try:
            exchange = Exchange(query, network, self._leases, self._http_port, at)
            if not exchange.subnets and (outcome := beside(query, snapshot, self._http_port, at[0])) is not None:
                return outcome
            return exchange.decide()
        except MalformedPacketError as exc:
            return exc

    def expects(self, mac: MacAddress, relay: int, interface: str, snapshot: RackSnapshot) -> bool:
        """Whether a message is of a machine that is known, has an address or was offered one. Cheap.

        `relay` is `giaddr`; 0: it came in on the interface's own link.
        """
        network = self._ready(snapshot)
        if mac in network.known:
            return True
        subnets = network.holding(relay) if relay else network.on(interface)
        for served in subnets:  # noqa: SIM110 - asked for every datagram
            if self._leases.expects(served.name, mac):
                return True
        return False

    def _ready(self, snapshot: RackSnapshot) -> Network:
        """The snapshot made ready for questions."""
        if snapshot is not self._snapshot:
            self._network = Network(snapshot, self._network)
            self._snapshot = snapshot
            self._leases.known = self._network.known
        return self._network
