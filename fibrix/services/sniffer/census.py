"""The census: one track per MAC, and what is told of it. Pure: frames' facts and times come in, events come out.

What is told when: a host that is new, is back or has a new role, an address that two use, at once. Other news of a host
are gathered for most of a second and told together; a host that has news all the time is told of at longer and longer
intervals, up to a minute. The same facts at the same times give the same events in the same order.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime
from ipaddress import IPv6Address
from typing import Final

from fibrix.domain.census.claims import Claims
from fibrix.domain.census.gate import Gate
from fibrix.domain.census.host import Host
from fibrix.domain.census.learn import learn, name_gateway
from fibrix.domain.census.macs import is_group, maker
from fibrix.domain.census.moment import SECOND, moment
from fibrix.domain.census.places import Place
from fibrix.domain.census.sighting import Means, Role, Sighting
from fibrix.domain.census.tentative import Tentative
from fibrix.domain.census.track import NEVER, Track, address_text
from fibrix.events.base import Event
from fibrix.events.discovery import NewcomersRefused
from fibrix.events.rack import HostTold
from fibrix.services.sniffer import tell
from fibrix.services.sniffer.movements import listen, settle
from fibrix.services.sniffer.room import Room
from fibrix.services.sniffer.settings import CensusSettings
from fibrix.services.sniffer.timing import Alarms, Clock, flush_at, next_look
from fibrix.types import MacAddress, mac_from_octets
from fibrix.wire.ethernet import mac_octets

AT_A_TIME: Final = 1_000  # hosts that are looked at in one call of `due`
_MOST_GATEWAYS: Final = 256
_ARP: Final = Means.ARP  # an attribute of an Enum takes 0.1 µs to look up, for each packet


def _nobody(_: MacAddress) -> str:
    return ""


class Census:
    """All hosts. Not more than `settings.most_hosts` are kept, with a bounded number of facts each."""

    def __init__(
        self, settings: CensusSettings, known: Iterable[Host] = (), vendor: Callable[[MacAddress], str] = _nobody
    ) -> None:
        """`known`: hosts as they were told before, which are not news. `vendor`: names the maker of an interface."""
        self._settings = settings
        self._vendor = vendor
        self._own: frozenset[bytes] = frozenset()
        self._clock = Clock()
        self._alarms = Alarms()
        self._claims = Claims()
        self._gate = Gate(settings.newcomers)
        self._tentative = Tentative()
        self._gateways: dict[tuple[Place, bytes], None] = {}  # named by others; the newest last
        self._tracks: dict[bytes, Track] = {}
        self._room = Room(self._tracks, self._claims, settings.most_hosts)
        for track in map(Track.of, known):
            self._tracks[track.mac] = track
            self._claims.settle(track)
            self._alarms.set(track, 0)

    def __len__(self) -> int:
        """How many hosts are kept."""
        return len(self._tracks)

    @property
    def refused(self) -> int:
        """How many new MACs were not taken up, as too many came at once."""
        return self._gate.refused

    @property
    def forgotten(self) -> int:
        """How many hosts were forgotten to make room."""
        return self._room.forgotten

    def is_ours(self, macs: Collection[MacAddress]) -> None:
        """Say which MACs are the controller's own, all of them."""
        self._own = frozenset(map(mac_octets, macs))
        for track in self._tracks.values():
            track.own = track.mac in self._own

    def heard(self, mac: bytes, address: bytes, interface: str, vlan: int, at_us: int) -> bool:
        """Note that a host uses an address, when that is nothing new; False: it may be, and nothing was noted."""
        track = self._tracks.get(mac)
        if track is None or track.busy or track.vlan != vlan or track.interface != interface:
            return False
        use = track.addresses.get(address)
        if use is None or use.rival is not None or _ARP not in track.means:
            return False
        use.last = track.last = at_us + self._clock.shift
        return True

    def refuses(self, mac: bytes, at_us: int) -> bool:
        """Whether a frame need not be read: its sender is new, and too many new ones come."""
        return mac not in self._tracks and not is_group(mac) and self._gate.refuses(mac, self._clock.read(at_us))

    def uses(self, mac: bytes, address: bytes) -> bool:
        """Whether a host was heard to use an address."""
        track = self._tracks.get(mac)
        return track is not None and address in track.addresses

    def name(self, mac: bytes, means: Means) -> str:
        """What a host was heard to call itself by a protocol; empty: nothing."""
        track = self._tracks.get(mac)
        return "" if track is None or track.names is None else track.names.get(means, ("", 0))[0]

    def see(self, sighting: Sighting, interface: str, vlan: int, at_us: int) -> tuple[HostTold, ...]:
        """Take up what a frame says."""
        at = self._clock.read(at_us)
        mac, place = mac_octets(sighting.mac), (interface, vlan)
        if sighting.answers is not None:
            self._tentative.answer(mac, place, sighting.answers.packed)
        track = self._tracks.get(mac)
        if track is not None:
            said = listen(track, place, self._claims, at, self._moment(at)) if sighting.spoke else []
            said += self._learn(track, sighting, at)
        elif sighting.spoke and not is_group(mac) and self._gate.admit(mac, at):
            track = self._take_up(mac, place, at)
            later = self._learn(track, sighting, at)
            said = [tell.seen(track, self._moment(at), sighting.means, self._maker(mac_from_octets(mac))), *later]
            track.is_told()
        else:
            return ()
        if sighting.tests is not None:
            self._tentative.test(mac, place, sighting.tests.packed, at)
        told = (self._tell(track, said, at),) if said else ()
        if track.unsaid or track.busy or track.alarm == NEVER:
            self._plan(track, at)
        return (*told, *self._name_gateways(sighting, place, at)) if sighting.routers else told

    def due(self, at_us: int, most: int = AT_A_TIME) -> tuple[HostTold, ...]:
        """Tell what is to be told by now: gathered news, who moved, who is gone, when hosts were heard last.

        Call it every second or so. One call looks at `most` hosts.
        """
        at = self._clock.read(at_us)
        told = [*self._let_have(at)]
        for _ in range(most):
            if (track := self._alarms.take(at)) is None:
                break
            if (one := self._look(track, at)) is not None:
                told.append(one)
        self._gate.rest(at)
        said: list[Event] = []
        if refused := self._gate.tell(at):
            said.append(NewcomersRefused(at=self._moment(at), refused=refused))
        said += self._room.tell(at, self._moment(at))
        if said:
            told.append(HostTold(at=self._moment(at), host=None, said=tuple(said)))
        return tuple(told)

    def _take_up(self, mac: bytes, place: Place, at: int) -> Track:
        track = self._tracks[mac] = Track(
            mac=mac, interface=place[0], vlan=place[1], first=at, last=at, own=mac in self._own
        )
        self._room.make(track)
        return track

    def _learn(self, track: Track, sighting: Sighting, at: int) -> list[Event]:
        when = self._moment(at)
        learnt = learn(track, sighting, self._claims, at)
        roles = [*learnt.roles]
        place = (track.interface, track.vlan)
        if self._gateways and any((place, one.packed) in self._gateways for one in sighting.addresses):
            roles += [Role.GATEWAY] if name_gateway(track) else []
        said = [event for role in roles if (event := tell.plays(track, when, role)) is not None]
        for octets, rival in learnt.rivals:
            address, other = address_text(octets), mac_from_octets(rival.mac)
            track.step(when, f"uses {address}, as {other} does")
            said.append(tell.contested(track, when, address, rival))
        return said

    def _name_gateways(self, sighting: Sighting, place: Place, at: int) -> Iterator[HostTold]:
        """Let those addresses be gateways', and tell of their hosts where those are known."""
        for address in sighting.routers:
            self._gateways.pop((place, address.packed), None)
            self._gateways[place, address.packed] = None
            if len(self._gateways) > _MOST_GATEWAYS:
                del self._gateways[next(iter(self._gateways))]
            track = self._claims.owner(place, address.packed)
            if track is not None and name_gateway(track):
                event = tell.plays(track, self._moment(at), Role.GATEWAY, address.packed)
                yield self._tell(track, [event] if event else [], at)

    def _let_have(self, at: int) -> Iterator[HostTold]:
        """Let hosts have the addresses that they tested, where nobody answered."""
        while (test := self._tentative.take(at)) is not None:
            mac, address, since = test
            track = self._tracks.get(mac)
            if track is None or address in track.addresses:
                continue
            sighting = Sighting(mac=mac_from_octets(mac), means=Means.ND, addresses=(IPv6Address(address),))
            if said := self._learn(track, sighting, since):
                yield self._tell(track, said, at)
            self._plan(track, at)

    def _look(self, track: Track, at: int) -> HostTold | None:
        when = self._moment(at)
        said = settle(track, self._claims, at, when)
        if news := bool(track.unsaid) and at >= track.flush:
            said += tell.changed(track, when)
            track.is_told()
        silent = at - max(track.last, self._clock.listens_since)
        if not track.gone and not track.own and silent >= self._settings.silence_s * SECOND:
            track.gone = track.busy = True
            track.step(when, f"silent for {silent // SECOND} s")
            said.append(tell.gone(track, when, silent))
        stale = track.last > track.refreshed and at - track.refreshed >= self._settings.refresh_s * SECOND
        told = self._tell(track, said, at) if said or news or stale else None
        self._plan(track, at)
        return told

    def _plan(self, track: Track, at: int) -> None:
        if track.unsaid and not track.flush:
            track.flush = flush_at(track, at)
        elif not track.unsaid:
            track.flush = 0
        self._alarms.set(track, next_look(track, self._settings, self._clock.listens_since, at))

    def _tell(self, track: Track, said: list[Event], at: int) -> HostTold:
        track.refreshed = at
        return HostTold(at=self._moment(at), host=track.host(self._maker, self._clock.shift), said=tuple(said))

    def _maker(self, mac: MacAddress) -> str:
        return maker(mac_octets(mac), self._vendor, mac)

    def _moment(self, at: int) -> datetime:
        return moment(at - self._clock.shift)
