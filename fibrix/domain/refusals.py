"""How many of a user's refused requests go on record one by one, so that nobody fills the disk by being refused."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from fibrix.domain.attempt import Attempt
from fibrix.types import UserId

WINDOW: Final = timedelta(minutes=1)
ONE_BY_ONE: Final = 120
"""So many of a user's refusals within a window have a record each; the rest have one together."""


@dataclass(slots=True)
class _Window:
    """A minute of a user."""

    since: datetime
    taken: int = 0
    left_out: int = 0
    last: Attempt | None = None  # of those that were left out


class Refusals:
    """Counts by user. What was left out is told once its minute is over."""

    def __init__(self) -> None:
        self._windows: dict[UserId, _Window] = {}

    def take(self, attempt: Attempt, now: datetime) -> bool:
        """Tell whether a refused request has a record of its own; if not, it is counted."""
        window = self._windows.setdefault(attempt.user, _Window(now))
        if window.taken < ONE_BY_ONE or (now - window.since >= WINDOW and not window.left_out):
            if now - window.since >= WINDOW:
                window.since, window.taken = now, 0
            window.taken += 1
            return True
        window.left_out += 1
        window.last = attempt
        return False

    def due(self, now: datetime) -> list[tuple[Attempt, str]]:
        """Take those windows that are over: the last attempt that was left out, and words that tell of all."""
        over = [user for user, window in self._windows.items() if now - window.since >= WINDOW]
        windows = [self._windows.pop(user) for user in over]
        return [(w.last, _words(w.left_out, w.since, now)) for w in windows if w.last is not None]


def _words(count: int, since: datetime, until: datetime) -> str:
    return (
        f"{count} requests of this user that were refused between {since.isoformat(timespec='seconds')} and"
        f" {until.isoformat(timespec='seconds')} have no record of their own; this is the last of them"
    )
