"""What a host's place leads to: it comes back, moves, is in two places."""

from datetime import datetime

from fibrix.domain.census.claims import Claims
from fibrix.domain.census.moment import SECOND
from fibrix.domain.census.places import Place, Turn, Wander
from fibrix.domain.census.track import Track
from fibrix.events.base import Event
from fibrix.services.sniffer import tell


def listen(track: Track, place: Place, claims: Claims, at: int, when: datetime) -> list[Event]:
    """Note that a host is heard in a place; gives what is to be told."""
    said: list[Event] = []
    home, away = (track.interface, track.vlan), at - track.last
    if track.gone:
        track.gone = False
        track.wander = None
        moved = [_move(track, place, claims, at, when)] if place != home else []
        track.step(when, f"back after {max(0, away // SECOND)} s")
        said += [tell.returned(track, when, away), *moved]
    elif place != home or track.wander is not None:
        said += _wander(track, place, claims, at, when)
    if place == (track.interface, track.vlan):
        track.last = at
    track.busy = track.wander is not None
    return said


def settle(track: Track, claims: Claims, at: int, when: datetime) -> list[Event]:
    """Let a host have moved that was not heard in its old place for long enough."""
    wander = track.wander
    if wander is None or wander.other is None or wander.settles is None or at < wander.settles:
        return []
    track.last = wander.latest
    return [_move(track, wander.other, claims, wander.since, when)]


def _wander(track: Track, place: Place, claims: Claims, at: int, when: datetime) -> list[Event]:
    home = (track.interface, track.vlan)
    wander = track.wander = track.wander or Wander()
    if wander.other is None:
        wander.home = track.last
    other = wander.other if place == home else home
    turn = wander.at_home(home, at) if place == home else wander.away(place, home, at)
    said: list[Event] = []
    if turn is Turn.MOVED:
        said.append(_move(track, place, claims, wander.since, when))
    elif turn in (Turn.DUPLICATE, Turn.FLAPS):
        if place != home:
            _put(track, place, claims, at)
        if turn is Turn.DUPLICATE and other is not None:
            track.step(when, f"on {name(place)} and on {name(other)}")
            said.append(tell.duplicate(track, when, other))
    if wander.idle(at):
        track.wander = None
    return said


def _move(track: Track, place: Place, claims: Claims, since: int, when: datetime) -> Event:
    left = (track.interface, track.vlan)
    _put(track, place, claims, since)
    track.step(when, f"moved from {name(left)} to {name(place)}")
    return tell.moved(track, when, left)


def _put(track: Track, place: Place, claims: Claims, at: int) -> None:
    wander = track.wander = track.wander or Wander()
    wander.move((track.interface, track.vlan), at)
    claims.release(track)
    track.interface, track.vlan = place
    claims.settle(track)


def name(place: Place) -> str:
    """Write a place: `eth1`, `eth1 VLAN 10`."""
    return f"{place[0]} VLAN {place[1]}" if place[1] else place[0]
