"""Watches over the local links: DHCP servers that are not ours, and addresses that someone sits on."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from ipaddress import IPv4Address
from typing import Final, Protocol

import structlog

from fibrix.bus import Bus, Subscription
from fibrix.domain.network import Subnet, SubnetMode
from fibrix.domain.rack import RackSnapshot
from fibrix.errors import MalformedPacketError
from fibrix.events.rack import ServerChosen, ServerSeen
from fibrix.runtime.cell import Cell
from fibrix.runtime.clock import monotonic_s, utc_now
from fibrix.services.dhcp.foreign import ForeignServers, Server
from fibrix.services.dhcp.lookout import Lookout
from fibrix.services.dhcp.probe import Prober, probe, question
from fibrix.types import MacAddress
from fibrix.wire.arp import ArpPacket
from fibrix.wire.ethernet import EthernetFrame

log = structlog.get_logger()

_TICK_S: Final = 0.25
_CHOSEN: Final = 64  # servers that clients name and whose MAC is asked for; more are no servers
_ASK_AGAIN_S: Final = 60.0


class Addresses(Protocol):
    """Who has which address, as the DHCP service knows it."""

    def vacant(self, number: int) -> bool:
        """Whether nobody has, or is offered, an address."""
        ...

    def occupied(self, subnet: Subnet, number: int, mac: MacAddress) -> bool:
        """Someone sits on this vacant address: let it rest. False when it is its last holder, who only came back."""
        ...


class Watch:
    """The service. `counts` counts what it heard by name; `closed` says which interfaces it cannot hear, and why."""

    name = "dhcp_watch"

    def __init__(
        self,
        snapshot: Cell[RackSnapshot],
        bus: Bus,
        addresses: Addresses,
        clock: Callable[[], datetime] = utc_now,
        seconds: Callable[[], float] = monotonic_s,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.closed: dict[str, str] = {}
        self._snapshot = snapshot
        self._bus = bus
        self._addresses = addresses
        self._clock = clock
        self._seconds = seconds
        self._lookouts: dict[str, Lookout] = {}
        self._servers = ForeignServers()
        self._probers: dict[str, Prober] = {}
        self._asked: dict[tuple[str, IPv4Address], float] = {}  # servers that clients named, by interface, and when

    async def run(self, ready: asyncio.Event) -> None:
        """Hear, and probe, until cancelled. `ready` once each interface was tried."""
        with self._bus.subscribe(ServerChosen, limit=_CHOSEN, name=self.name) as facts:
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._ask_all(facts), name="dhcp_watch.ask")
                    while True:
                        self._fit()
                        ready.set()
                        for prober in list(self._probers.values()):
                            self._probe(prober)
                        await asyncio.sleep(_TICK_S)
            finally:
                for interface in list(self._lookouts):
                    self._lookouts.pop(interface).close()

    async def _ask_all(self, facts: Subscription) -> None:
        """Ask for the MACs of servers that clients name: what those answered, only the client may have heard."""
        while True:
            for fact in await facts.batch():
                if isinstance(fact, ServerChosen):
                    self._ask(fact.address, fact.interface)

    def _ask(self, address: IPv4Address, interface: str) -> None:
        now, key = self._seconds(), (interface, address)
        for old in [one for one, at in self._asked.items() if not 0 <= now - at < _ASK_AGAIN_S]:
            del self._asked[old]
        here = (one for one in self._snapshot.value.subnets if one.interface == interface and address in one.network)
        subnet, lookout = next(here, None), self._lookouts.get(interface)
        if subnet is None or lookout is None or key in self._asked or len(self._asked) >= _CHOSEN:
            return
        self._asked[key] = now
        try:
            lookout.send(question(lookout.mac, subnet.address, address))
        except OSError as exc:
            self._unsent(lookout, exc)

    def servers(self) -> tuple[Server, ...]:
        """The DHCP servers that were heard lately and are not ours, expected ones among them."""
        return self._servers.present(self._clock())

    def clear_of(self, numbers: Sequence[int]) -> Sequence[int]:
        """Those of many for which nobody answered a short while ago, in their order. Who does makes an address rest."""
        now = self._seconds()
        for prober in self._probers.values():
            if clear := prober.clear_of(numbers, now):
                return clear
        return ()

    def _fit(self) -> None:
        """Open and close sockets, begin and end probing, as the snapshot and the interfaces change."""
        here = [subnet for subnet in self._snapshot.value.subnets if not subnet.relayed]
        wanted = {subnet.interface for subnet in here}
        for interface, lookout in list(self._lookouts.items()):
            if reason := lookout.check() if interface in wanted else "no subnet is on it any more":
                self._lookouts.pop(interface).close()
                log.info("dhcp_watch.closed", interface=interface, reason=reason)
        for interface in self.closed.keys() - wanted:
            del self.closed[interface]
        for interface in sorted(wanted - self._lookouts.keys()):
            self._open(interface)
        probed = {subnet.name: subnet for subnet in here if _is_probed(subnet) and subnet.interface in self._lookouts}
        for name in [name for name, one in self._probers.items() if probed.get(name) != one.subnet]:
            del self._probers[name]
        for name in probed.keys() - self._probers.keys():
            self._probers[name] = Prober(probed[name])

    def _open(self, interface: str) -> None:
        try:
            self._lookouts[interface] = Lookout(interface, self._take_dhcp, self._take_arp)
        except OSError as exc:
            if self.closed.get(interface) != str(exc):
                log.warning("dhcp_watch.deaf", interface=interface, reason=str(exc))
            self.closed[interface] = str(exc)
            return
        self.closed.pop(interface, None)
        log.info("dhcp_watch.hears", interface=interface)

    def _probe(self, prober: Prober) -> None:
        """Send the probes that are due. What cannot be sent is no proof of anything: begin anew."""
        lookout = self._lookouts[prober.subnet.interface]
        try:
            for number in prober.due(self._seconds(), self._addresses.vacant):
                lookout.send(probe(lookout.mac, number))
                self.counts["probes"] += 1
        except OSError as exc:
            del self._probers[prober.subnet.name]
            self._unsent(lookout, exc)

    def _unsent(self, lookout: Lookout, exc: OSError) -> None:
        self.counts["unsent"] += 1
        log.debug("dhcp_watch.unsent", interface=lookout.interface, reason=str(exc))

    def _take_dhcp(self, lookout: Lookout, frame: bytes) -> None:
        own = frozenset({lookout.mac})
        now = self._clock()
        try:
            server = self._servers.heard(frame, lookout.interface, own, self._snapshot.value, now)
        except MalformedPacketError as exc:
            self._malformed(lookout, frame, exc)
            return
        self.counts["answers"] += 1
        if server is not None:
            self._tell(server)

    def _tell(self, server: Server) -> None:
        log.log(
            logging.INFO if server.expected else logging.WARNING,
            "dhcp.other_server" if server.expected else "dhcp.foreign_server",
            subnet=server.subnet,
            interface=server.interface,
            address=str(server.address),
            mac=server.mac,
            answer=server.answer,
        )
        self.counts["expected" if server.expected else "foreign"] += 1
        self._bus.publish(
            ServerSeen(
                at=server.last,
                address=server.address,
                mac=server.mac,
                interface=server.interface,
                subnet=server.subnet,
                answer=server.answer,
                expected=server.expected,
            )
        )

    def _take_arp(self, lookout: Lookout, frame: bytes) -> None:
        try:
            packet = ArpPacket.decode(EthernetFrame.decode(frame).payload)
        except MalformedPacketError as exc:
            self._malformed(lookout, frame, exc)
            return
        if packet.sender_mac == lookout.mac:
            return
        if (lookout.interface, packet.sender) in self._asked:
            self._take_server(lookout, packet)
        for prober in self._probers.values():
            if prober.subnet.interface == lookout.interface:
                self._take_sender(prober, packet)

    def _take_server(self, lookout: Lookout, packet: ArpPacket) -> None:
        """An answer to the question who a server is that a client named."""
        server = self._servers.chosen(
            packet.sender, packet.sender_mac, lookout.interface, self._snapshot.value, self._clock()
        )
        if server is not None:
            self._tell(server)

    def _take_sender(self, prober: Prober, packet: ArpPacket) -> None:
        proxied = prober.answers_for_all(packet.sender_mac)
        mac = prober.heard(packet, self._seconds(), self._addresses.vacant)
        if mac is not None and self._addresses.occupied(prober.subnet, int(packet.sender), mac):
            self.counts["conflicts"] += 1
        if not proxied and prober.answers_for_all(packet.sender_mac):
            log.warning("address.proxy_arp", subnet=prober.subnet.name, mac=packet.sender_mac)

    def _malformed(self, lookout: Lookout, frame: bytes, exc: MalformedPacketError) -> None:
        self.counts["malformed"] += 1
        log.debug("dhcp_watch.malformed", interface=lookout.interface, size=len(frame), reason=str(exc))


def _is_probed(subnet: Subnet) -> bool:
    return subnet.mode is SubnetMode.SERVE and subnet.probe and bool(subnet.ranges)


def foreign(servers: tuple[Server, ...]) -> str:
    """What the operator has to know about servers that are not expected; empty: all is well."""
    return "; ".join(_words(one) for one in servers if not one.expected)


def _words(server: Server) -> str:
    where = f"{server.interface} ({server.subnet})"
    return f"a DHCP server that is not ours answers on {where}: {server.address}, {server.mac}"
