"""The census's clock, and what it has to look at when."""

from heapq import heapify, heappop, heappush
from typing import Final

from fibrix.domain.census.moment import SECOND
from fibrix.domain.census.track import NEVER, Track
from fibrix.services.sniffer.settings import CensusSettings

_BACK: Final = 10 * SECOND
_DEAF: Final = 60 * SECOND
_FEW: Final = 1_024
_GATHER: Final = 3 * SECOND // 4  # and a tick of the caller: within two seconds all is told
_MOST_PAUSE: Final = 60 * SECOND
_PROMPT: Final = 8  # so many changes in a row are told without a longer pause


class Clock:
    """A clock that never goes back, made of one that may.

    When the one outside is set back, ours goes on: `shift` is how far it is ahead from then on. So how long ago a thing
    was stays right. When the one outside leaps ahead, or nothing was heard and nobody asked what is due for a minute,
    nobody listened: silence is counted from then.
    """

    def __init__(self) -> None:
        self.shift = 0
        self.now = 0
        self.listens_since = 0

    def read(self, at_us: int) -> int:
        """Take the time outside; gives ours. One that is a little late is left as it is."""
        at = at_us + self.shift
        if at < self.now - _BACK:
            self.shift += self.now - at
            at = self.now
        if at > self.now + _DEAF:
            self.listens_since = at
        self.now = max(self.now, at)
        return at


class Alarms:
    """Which host is to be looked at when. Each has one alarm, the earliest that was asked for."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Track]] = []
        self._limit = _FEW
        self._count = 0  # among equal times, first come, first served

    def __len__(self) -> int:
        """How many are kept, with those that were overtaken."""
        return len(self._heap)

    def set(self, track: Track, at: int) -> None:
        """Look at a host no later than that."""
        if at >= track.alarm:
            return
        track.alarm = at
        self._count += 1
        heappush(self._heap, (at, self._count, track))
        if len(self._heap) > self._limit:
            self._sweep()

    def take(self, now: int) -> Track | None:
        """The next one that is due; its alarm is off."""
        while self._heap and self._heap[0][0] <= now:
            at, _, track = heappop(self._heap)
            if at == track.alarm and not track.forgotten:
                track.alarm = NEVER
                return track
        return None

    def _sweep(self) -> None:
        """Drop the alarms that were overtaken by earlier ones."""
        self._heap = [one for one in self._heap if one[0] == one[2].alarm and not one[2].forgotten]
        heapify(self._heap)
        self._limit = max(_FEW, 2 * len(self._heap))


def flush_at(track: Track, at: int) -> int:
    """When news of a host are to be told that come in now; counts the changes that follow one another."""
    quiet = at - track.flushed >= 2 * _MOST_PAUSE
    track.changes = 0 if quiet else track.changes + 1
    pause = min(_GATHER << max(0, min(track.changes - _PROMPT, 6)), _MOST_PAUSE)
    track.flushed = at + pause
    return track.flushed


def next_look(track: Track, settings: CensusSettings, listens_since: int, at: int) -> int:
    """When a host is to be looked at next, after a look at it now."""
    times = [track.flush] if track.unsaid else []
    if track.wander is not None and track.wander.settles is not None:
        times.append(track.wander.settles)
    if not track.gone:
        spread = int.from_bytes(track.mac[3:]) % (settings.refresh_s * SECOND // 2)  # not all hosts at once
        again = track.refreshed + settings.refresh_s * SECOND
        times.append((again if again > at else at + settings.refresh_s * SECOND) + spread)
        if not track.own:
            times.append(max(track.last, listens_since) + settings.silence_s * SECOND)
    return min(times, default=NEVER)
