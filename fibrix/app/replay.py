"""Replaying captures: what the sniffer would have told of them, at the captures' own times.

Nothing but the octets of the files goes in: no clock, no chance, no order of a set. The same files give the same bytes.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import merge
from operator import attrgetter
from typing import Final, Protocol, Self, TypeAlias

import msgspec

from fibrix.domain.census.host import Host
from fibrix.errors import MalformedPacketError
from fibrix.events.rack import HostTold
from fibrix.runtime.vendor import vendor
from fibrix.services.sniffer.engine import Engine
from fibrix.store.entry import Entry
from fibrix.types import MacAddress
from fibrix.wire.capture.linktype import EN10MB, FRAMES, refusal
from fibrix.wire.capture.packet import Packet, Read
from fibrix.wire.capture.reader import packets

_SECOND: Final = 1_000_000
_BACK: Final = 10 * _SECOND  # a packet that much older than the one before: the clock of the capture was set back
_MOST_GAP: Final = 86_400 * _SECOND  # a longer time without packets is leapt over
_MOST_IDLE_S: Final = 3_000_000  # and any gap, after that many seconds without packets: a file may lie about its times
_AFTER_S: Final = 60  # so long the sniffer may gather news before it tells them

Wait: TypeAlias = Callable[[int], object]
"""Is called before what happens at that time, in microseconds since 1970."""

Send: TypeAlias = Callable[[bytes], object]
"""Is given every frame before the engine is."""


class Listener(Protocol):
    """The sniffer's engine."""

    def receive(self, frame: bytes, interface: str, vlan: int, at_us: int) -> Sequence[HostTold]:
        """Hear a frame."""

    def due(self, at_us: int) -> Sequence[HostTold]:
        """Tell what time alone leads to; called every second."""


@dataclass(slots=True)
class Replay:
    """One replay of some captures, and what came of it."""

    engine: Listener
    interface: str = ""  # what to call the one of packets that name none
    wait: Wait | None = None
    send: Send | None = None
    packets: int = 0
    faults: list[str] = field(default_factory=list)  # of files that were not read to their end, or not at all
    notes: list[str] = field(default_factory=list)
    hosts: dict[MacAddress, Host] = field(default_factory=dict)  # as they were told last, the first one first
    _next_us: int = 0  # when `due` is called next
    _idle_s: int = 0
    _seq: int = 0

    @classmethod
    def fresh(cls, interface: str = "", ours: Collection[MacAddress] = ()) -> Self:
        """One that begins with nothing known. `ours`: MACs of the controller itself."""
        engine = Engine(vendor=vendor)
        engine.is_ours(ours)
        return cls(engine, interface)

    def run(self, files: Sequence[tuple[str, Read]]) -> Iterator[Entry]:
        """Give the events of files, each with its name for faults; numbered from 1.

        Packets of several files come by their time, those of one file always in its order; at equal times the file
        that is named first goes first.
        """
        each = [self._read(name, read) for name, read in files]
        for told in self._hear(each[0] if len(each) == 1 else merge(*each, key=attrgetter("at_us"))):
            yield from self._entries(told)

    def _read(self, name: str, read: Read) -> Iterator[Packet]:
        """Read a file to its end or to its fault, as far as its packets are of Ethernet."""
        passed: dict[int, int] = {}  # packets by the link type that cannot be read
        readable = False
        try:
            for packet in packets(read):
                if packet.linktype in FRAMES:
                    readable = True
                    yield packet
                else:
                    passed[packet.linktype] = passed.get(packet.linktype, 0) + 1
        except MalformedPacketError as exc:
            self.faults.append(f"{name}: {exc}")
        for linktype, count in passed.items():
            said = self.notes if readable else self.faults
            said.append(f"{name}: {refusal(linktype)}; passed over: {count}")

    def _hear(self, captured: Iterable[Packet]) -> Iterator[HostTold]:
        receive, wait, send, interface = self.engine.receive, self.wait, self.send, self.interface
        packet = None
        for packet in captured:
            at_us = packet.at_us
            if not self._next_us - _SECOND - _BACK < at_us < self._next_us:
                yield from self._pass_time(at_us)
            if wait is not None:
                wait(at_us)
            self.packets += 1
            if frame := packet.data if packet.linktype == EN10MB else _frame(packet):
                if send is not None:
                    send(frame)
                yield from receive(frame, packet.interface or interface, 0, at_us)
        if packet is not None:
            self.wait = None
            yield from self._gathered()

    def _pass_time(self, at_us: int) -> Iterator[HostTold]:
        """Let the seconds go by that are between the packets before and one at this time."""
        ahead = at_us - self._next_us
        if 0 <= ahead < _MOST_GAP and self._idle_s < _MOST_IDLE_S:
            self._idle_s += ahead // _SECOND
            while self._next_us <= at_us:
                yield from self._due()
            return
        if self._next_us:
            yield from self._gathered()
        self._next_us = at_us + _SECOND

    def _gathered(self) -> Iterator[HostTold]:
        """Let the sniffer tell what it still gathers."""
        for _ in range(_AFTER_S):
            yield from self._due()

    def _due(self) -> Iterator[HostTold]:
        at_us = self._next_us
        if self.wait is not None:
            self.wait(at_us)
        yield from self.engine.due(at_us)
        self._next_us = at_us + _SECOND

    def _entries(self, told: HostTold) -> Iterator[Entry]:
        if told.host is not None:
            self.hosts[told.host.mac] = told.host
        for event in told.said:
            self._seq += 1
            yield Entry.of(msgspec.structs.replace(event, seq=self._seq))


def _frame(packet: Packet) -> bytes:
    """The frame that a packet was; empty: it was none, or is shorter than the header that it must have."""
    try:
        return FRAMES[packet.linktype](packet.data)
    except MalformedPacketError:
        return b""
