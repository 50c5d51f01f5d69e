"""Datagrams that wait to be decided about: who is expected goes first, and no link's strangers crowd out another's."""

from collections import deque
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_EXPECTED: Final = 8_000  # datagrams of expected machines that wait; more are dropped: clients ask again
_STRANGERS: Final = 4_000  # of strangers, per link; the oldest is dropped: its client asks again by now
_LINKS: Final = 256  # links whose strangers wait


class Inbox(Generic[T]):
    """Two kinds of places to wait. All are bounded."""

    def __init__(self) -> None:
        self._expected: deque[T] = deque()
        self._strangers: dict[Hashable, deque[T]] = {}  # by link; the first one's turn is next

    def __len__(self) -> int:
        """How many wait."""
        return len(self._expected) + sum(map(len, self._strangers.values()))

    def __bool__(self) -> bool:
        """Whether any waits."""
        return bool(self._expected or self._strangers)

    def put(self, item: T, link: Hashable, *, expected: bool) -> bool:
        """Let a datagram wait; false when it, or an older one, is dropped. `link`: the interface or relay of it."""
        if expected:
            if room := len(self._expected) < _EXPECTED:
                self._expected.append(item)
            return room
        queue = self._strangers.get(link)
        if queue is None:
            if len(self._strangers) >= _LINKS:
                return False
            queue = self._strangers[link] = deque(maxlen=_STRANGERS)
        room = len(queue) < _STRANGERS
        queue.append(item)
        return room

    def take(self) -> T:
        """The next one. Raises IndexError: none waits."""
        if self._expected:
            return self._expected.popleft()
        if not self._strangers:
            raise IndexError("nothing waits")
        link, queue = next(iter(self._strangers.items()))
        item = queue.popleft()
        if not queue:
            del self._strangers[link]
        elif len(self._strangers) > 1:
            self._strangers[link] = self._strangers.pop(link)  # to the end: the next link's turn
        return item

    def clear(self) -> None:
        """Forget all."""
        self._expected.clear()
        self._strangers.clear()
