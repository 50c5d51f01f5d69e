"""Who uses which address in which place, and whether two do.

An address that another MAC takes over is no conflict: a lease ran out, a service failed over to another machine. It is
one when the first goes on using it: when it claims the address again, within `WINDOW` of the other's claim. A MAC that
passes from machine to machine by design (VRRP, HSRP…) never contests.
"""

from typing import Final

from fibrix.domain.census.macs import is_shared
from fibrix.domain.census.moment import SECOND
from fibrix.domain.census.places import Place
from fibrix.domain.census.track import MOST_ADDRESSES, Track, Use

WINDOW: Final = 60 * SECOND
TELL_AGAIN: Final = 3_600 * SECOND
"""An address that stays contested is told of once in so long."""
_MOST_TOLD: Final = 1_024


class Claims:
    """The owners of all addresses, by place."""

    def __init__(self) -> None:
        self._owners: dict[Place, dict[bytes, Track]] = {}
        self._told: dict[tuple[Place, bytes], int] = {}

    def owner(self, place: Place, address: bytes) -> Track | None:
        """Who claimed it last."""
        return self._owners.get(place, {}).get(address)

    def claim(self, track: Track, address: bytes, at: int) -> tuple[bool, Track | None]:
        """Give a host an address; says whether it is new to it, and who else uses it, where that is to be told."""
        use = track.addresses.get(address)
        fresh = use is None
        if use is None:
            use = track.addresses[address] = Use(at, at)
            self._bound(track)
        place = (track.interface, track.vlan)
        owners = self._owners.setdefault(place, {})
        owner = owners.get(address)
        owners[address] = track
        rival = None if owner is None or owner is track else self._against(track, use, owner, address, at)
        use.last, use.rival = at, None
        return fresh, rival if rival is not None and self._is_news((place, address), at) else None

    def give_up(self, track: Track, address: bytes) -> bool:
        """Take an address from a host; says whether it had it."""
        self._free(track, address)
        return track.addresses.pop(address, None) is not None

    def release(self, track: Track) -> None:
        """Take all its claims from a host that leaves its place or is forgotten. What it used stays known."""
        for address in track.addresses:
            self._free(track, address)

    def settle(self, track: Track) -> None:
        """Let a host have its addresses in the place where it is now, but for those that others have there."""
        owners = self._owners.setdefault((track.interface, track.vlan), {})
        for address in track.addresses:
            owners.setdefault(address, track)

    def _against(self, track: Track, use: Use, owner: Track, address: bytes, at: int) -> Track | None:
        """Let one host take the address of another; gives the other when both go on using it."""
        theirs = owner.addresses.get(address)
        if theirs is None:
            return None
        theirs.rival = track
        again = use.rival is owner and at - theirs.last < WINDOW
        return owner if again and not is_shared(track.mac) and not is_shared(owner.mac) else None

    def _is_news(self, key: tuple[Place, bytes], at: int) -> bool:
        if at - self._told.get(key, -TELL_AGAIN) < TELL_AGAIN:
            return False
        self._told.pop(key, None)
        self._told[key] = at
        if len(self._told) > _MOST_TOLD:
            del self._told[next(iter(self._told))]
        return True

    def _bound(self, track: Track) -> None:
        """Let go the address that was used longest ago, where there are too many."""
        if len(track.addresses) > MOST_ADDRESSES:
            self.give_up(track, min(track.addresses, key=lambda one: track.addresses[one].last))

    def _free(self, track: Track, address: bytes) -> None:
        owners = self._owners.get((track.interface, track.vlan), {})
        if owners.get(address) is track:
            del owners[address]
