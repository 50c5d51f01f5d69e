"""Room for hosts: beyond a stated number, those that are silent the longest are forgotten."""

from datetime import datetime
from heapq import nsmallest
from typing import Final

from fibrix.domain.census.claims import Claims
from fibrix.domain.census.moment import SECOND
from fibrix.domain.census.track import Track
from fibrix.events.base import Event
from fibrix.events.discovery import CensusFull

TELL_AGAIN: Final = 3_600 * SECOND
_SHARE: Final = 100  # one in so many is forgotten at a time: finding them takes longer than forgetting


class Room:
    """Keeps the table of hosts small. The controller's own interfaces are never forgotten."""

    def __init__(self, tracks: dict[bytes, Track], claims: Claims, most: int) -> None:
        self._tracks = tracks
        self._claims = claims
        self._most = most
        self.forgotten = 0
        self._told = 0
        self._told_at = -TELL_AGAIN

    def make(self, newest: Track) -> None:
        """Make room, where there are too many."""
        over = len(self._tracks) - self._most
        if over <= 0:
            return
        strangers = (one for one in self._tracks.values() if not one.own and one is not newest)
        for track in nsmallest(max(over, self._most // _SHARE), strangers, key=lambda one: one.last):
            track.forgotten = True
            self._claims.release(track)
            for use in track.addresses.values():
                use.rival = None
            del self._tracks[track.mac]
            self.forgotten += 1

    def tell(self, at: int, when: datetime) -> list[Event]:
        """Say how many were forgotten, once in an hour."""
        if self.forgotten == self._told or at - self._told_at < TELL_AGAIN:
            return []
        self._told, self._told_at = self.forgotten, at
        return [CensusFull(at=when, kept=len(self._tracks), forgotten=self.forgotten)]
