"""The sockets that a scan has open in one subnet."""

import asyncio
import contextlib
import errno
import socket
import struct
from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Final, Protocol

from fibrix.domain.scan import ScanKind, ScanShare
from fibrix.errors import MalformedPacketError
from fibrix.runtime.packet import filtered
from fibrix.services.scan.engine import Heard, Probe
from fibrix.services.scan.frames import Station, echo4, frame_of, read_arp, read_echo, read_ipv6
from fibrix.services.scan.kernel import link_local, routed
from fibrix.types import mac_from_octets
from fibrix.wire.bpf import DROP, TAKE, VLAN_TAG_PRESENT, Line, assemble
from fibrix.wire.ethernet import ARP
from fibrix.wire.frame import IPV6
from fibrix.wire.ipmi import presence, rmcp
from fibrix.wire.ipv6 import ICMPV6

_ICMP_FILTER: Final = 1  # of <linux/icmp.h>, on level SOL_RAW: a set bit keeps the type out
_SOL_RAW: Final = 255
_ECHO_REPLIES: Final = struct.pack("=I", 0xFFFFFFFE)
_MOST_OCTETS: Final = 2048
_DRAIN: Final = 64  # packets taken per wake-up, before others get their turn
_PASSING: Final = frozenset({errno.ENOBUFS, errno.EAGAIN, errno.EHOSTUNREACH})  # the next one may go out

# A frame whose VLAN tag the kernel took out belongs to another interface, though it is heard on this one.
_UNTAGGED: Final[tuple[Line, ...]] = (("ld", VLAN_TAG_PRESENT), ("jeq", 0, "", "drop"))
_ARP_REPLIES: Final = assemble(*_UNTAGGED, ("ldh", 20), ("jeq", 2, "", "drop"), TAKE, "drop", DROP)
_NEIGHBOURS: Final = assemble(
    *_UNTAGGED,
    ("ldb", 20),  # the next header
    ("jeq", ICMPV6, "", "drop"),
    ("ldb", 54),  # the type
    ("jeq", 129, "take", ""),  # an echo reply
    ("jeq", 136, "", "drop"),  # a neighbor advertisement
    "take",
    TAKE,
    "drop",
    DROP,
)


class Listener(Protocol):
    """Who is told what a link hears."""

    def heard(self, subnet: str, answer: Heard) -> None:
        """Take an answer."""
        ...

    def deaf(self, subnet: str, reason: str) -> None:
        """The link hears nothing any more."""
        ...

    def malformed(self, subnet: str, reason: str) -> None:
        """Something came in that no codec accepts."""
        ...


class ScanLink:
    """Open sockets of one share of a scan. All of them are bound to its interface: nothing leaves by another one."""

    def __init__(self, share: ScanShare, mark: int, listener: Listener) -> None:
        """Open. Raises OSError: no such interface, no permission, no route."""
        self.share = share
        self._listener = listener
        self._mark = mark
        self._readers: list[socket.socket] = []
        if share.relayed and not routed(share.spans, share.interface):
            raise OSError(errno.ENETUNREACH, "no route leads to it by this interface")
        with contextlib.ExitStack() as stack:
            self._icmp = stack.enter_context(_icmp(share.interface)) if ScanKind.PING in share.kinds else None
            self._udp = stack.enter_context(_udp(share)) if ScanKind.RMCP in share.kinds else None
            self._arp = None if share.relayed else stack.enter_context(filtered(share.interface, ARP, _ARP_REPLIES))
            stack.enter_context(contextlib.closing(self))
            self._read(self._icmp, self._take_icmp)
            self._read(self._udp, self._take_udp)
            self._read(self._arp, self._take_arp)
            self.station = self._station()
            if self.hears_ipv6 and ScanKind.ND in share.kinds:
                nd = stack.enter_context(filtered(share.interface, IPV6, _NEIGHBOURS))
                self._read(nd, self._take_nd)
            stack.pop_all()

    @property
    def hears_ipv6(self) -> bool:
        """Whether there is an IPv6 address to ask from."""
        return self.station is not None and self.station.source6 is not None

    def close(self) -> None:
        """Close the sockets."""
        loop = asyncio.get_running_loop()
        for one in self._readers:
            loop.remove_reader(one)
            one.close()
        self._readers.clear()

    def send(self, probe: Probe) -> None:
        """Send a packet. Raises OSError when no more can be sent; what is lost once is lost."""
        try:
            if self._arp is not None and self.station is not None:
                self._arp.send(frame_of(probe, self.station))
            elif self._icmp is not None and probe.kind is ScanKind.PING:
                self._icmp.sendto(echo4(self._mark), (str(probe.address), 0))
            elif self._udp is not None:
                self._udp.sendto(presence.ping(0), (str(probe.address), rmcp.PORT))
        except OSError as exc:
            if exc.errno not in _PASSING:
                raise

    def _station(self) -> Station | None:
        """Ourselves, where frames are sent."""
        if self._arp is None:
            return None
        mac, port = mac_from_octets(self._arp.getsockname()[4]), self._udp.getsockname()[1] if self._udp else 0
        return Station(mac, self.share.source, link_local(self.share.interface), self._mark, port)

    def _read(self, one: socket.socket | None, take: Callable[[socket.socket], Heard | None]) -> None:
        if one is not None:
            self._readers.append(one)
            asyncio.get_running_loop().add_reader(one, self._drain, one, take)

    def _drain(self, one: socket.socket, take: Callable[[socket.socket], Heard | None]) -> None:
        for _ in range(_DRAIN):
            try:
                answer = take(one)
            except BlockingIOError:
                return
            except MalformedPacketError as exc:
                self._listener.malformed(self.share.subnet, str(exc))
                continue
            except OSError as exc:
                self._listener.deaf(self.share.subnet, _words(self.share.interface, exc))
                return
            if answer is not None:
                self._listener.heard(self.share.subnet, answer)

    def _take_arp(self, one: socket.socket) -> Heard | None:
        return read_arp(one.recv(_MOST_OCTETS))

    def _take_nd(self, one: socket.socket) -> Heard | None:
        return read_ipv6(one.recv(_MOST_OCTETS), self._mark)

    def _take_icmp(self, one: socket.socket) -> Heard | None:
        packet, (address, _) = one.recvfrom(_MOST_OCTETS)
        return Heard(ScanKind.PING, IPv4Address(address)) if read_echo(packet, self._mark) else None

    def _take_udp(self, one: socket.socket) -> Heard | None:
        datagram, (address, port) = one.recvfrom(_MOST_OCTETS)
        if port != rmcp.PORT:
            return None
        presence.Pong.decode(datagram)
        return Heard(ScanKind.RMCP, IPv4Address(address))


def fault(share: ScanShare, exc: OSError) -> str:
    """Say why a subnet cannot be asked."""
    return _words(share.interface, exc)


def _words(interface: str, exc: OSError) -> str:
    gone = exc.errno in {errno.ENODEV, errno.ENXIO}
    return f"the interface {interface} is gone" if gone else f"{interface}: {exc.strerror or exc}"


def _icmp(interface: str) -> socket.socket:
    """A raw socket that hears echo replies."""
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.IPPROTO_ICMP)
    try:
        raw.setsockopt(_SOL_RAW, _ICMP_FILTER, _ECHO_REPLIES)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
    except OSError:
        raw.close()
        raise
    return raw


def _udp(share: ScanShare) -> socket.socket:
    """Holds the port that RMCP pings come from, so that the kernel refuses no answer."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, share.interface.encode())
        made.bind((str(share.source), 0))
    except OSError:
        made.close()
        raise
    return made
