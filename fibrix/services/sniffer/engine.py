"""Frames and the time in, what is to be told of hosts out. Pure: a live interface and a capture give the same.

Most frames on a wire are ARP packets of hosts that are known, in which nothing is new: those are read at fixed offsets
and only their time is noted. All others go to a reader of their protocol.
"""

from collections.abc import Callable, Collection, Iterable
from typing import Final

from fibrix.domain.census.host import Host
from fibrix.domain.census.sighting import Means, Sighting
from fibrix.events.rack import HostTold
from fibrix.services.sniffer.arp import SIZE
from fibrix.services.sniffer.census import AT_A_TIME, Census
from fibrix.services.sniffer.counts import Count
from fibrix.services.sniffer.reader import Reader
from fibrix.services.sniffer.settings import CensusSettings
from fibrix.types import MacAddress

_ARP: Final = bytes.fromhex("0806 0001 0800 06 04 00")  # Ethernet type; ARP's types and lengths; half of its operation
_HEAD: Final = 14
_LAST_OPERATION: Final = 2


class Engine:
    """The sniffer's decisions. Times are microseconds since 1970, UTC; the clock may be set back."""

    def __init__(
        self,
        settings: CensusSettings | None = None,
        known: Iterable[Host] = (),
        vendor: Callable[[MacAddress], str] = lambda _: "",
    ) -> None:
        """`known`: hosts as they were told last, which are not news. `vendor`: names the maker of an interface."""
        self.census: Final = Census(settings or CensusSettings(), known, vendor)
        self._reader = Reader(self.census)
        self._hot = 0

    @property
    def other(self) -> int:
        """How many frames were of no protocol that is read, or no frames at all."""
        return self._reader.other

    @property
    def counts(self) -> dict[Means, Count]:
        """What became of frames, by protocol. ARP packets that told nothing new are counted as read."""
        counts = self._reader.counts
        counts[Means.ARP].read += self._hot
        self._hot = 0
        return counts

    def is_ours(self, macs: Collection[MacAddress]) -> None:
        """Say which MACs are the controller's own, all of them: their hosts are marked, and never gone."""
        self.census.is_ours(macs)

    def receive(self, frame: bytes, interface: str, vlan: int, at_us: int) -> tuple[HostTold, ...]:
        """Take a frame. `vlan`: of a tag that was taken out of it already; 0: none. Never raises."""
        if (
            frame[12:21] == _ARP
            and len(frame) >= _HEAD + SIZE
            and 0 < frame[21] <= _LAST_OPERATION
            and (source := frame[6:12]) == frame[22:28]
            and (self.census.heard(source, frame[28:32], interface, vlan, at_us) or self.census.refuses(source, at_us))
        ):
            self._hot += 1
            return ()
        return self._read(frame, interface, vlan, at_us)

    def see(self, sighting: Sighting, interface: str, vlan: int, at_us: int) -> tuple[HostTold, ...]:
        """Take what was found out by asking, as a scan does."""
        return self.census.see(sighting, interface, vlan, at_us)

    def hear_say(self, sighting: Sighting, interface: str, at_us: int) -> tuple[HostTold, ...]:
        """Take what somebody else found out about a host, in no VLAN of that interface."""
        return self.census.see(sighting, interface, 0, at_us)

    def due(self, at_us: int, most: int = AT_A_TIME) -> tuple[HostTold, ...]:
        """Tell what is to be told by now. Call it every second, or oftener."""
        return self.census.due(at_us, most)

    def _read(self, frame: bytes, interface: str, vlan: int, at_us: int) -> tuple[HostTold, ...]:
        told: tuple[HostTold, ...] = ()
        sightings, vlan = self._reader.read(frame, vlan, at_us)
        for sighting in sightings:
            told += self.census.see(sighting, interface, vlan, at_us)
        return told
