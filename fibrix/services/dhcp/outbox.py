"""What leaves by one interface: many with one call, and once more a little later when the kernel has no room."""

import asyncio
import errno
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from fibrix.services.dhcp.datagram import MOST, Datagram
from fibrix.services.dhcp.datagrams import Datagrams, has_no_room

Item: TypeAlias = Datagram | bytes
"""A datagram, or a whole frame."""

_AGAIN_S: Final = 0.001
_TRIES: Final = 250  # in a row, all in vain, after which what waits is given up: its clients ask again by now
_WAITING: Final = 4_096


class Outbox:
    """Sends. `lost` is told how many had to wait and then were given up."""

    def __init__(self, datagrams: Datagrams, frames: socket.socket, lost: Callable[[int], None]) -> None:
        self._datagrams = datagrams
        self._frames = frames
        self._lost = lost
        self._late: deque[Item] = deque()
        self._tries = 0
        self._again: asyncio.TimerHandle | None = None
        self._open = True

    def close(self) -> None:
        """Send nothing any more: the sockets are about to be closed."""
        self._open = False
        self._late.clear()
        if self._again is not None:
            self._again.cancel()

    def send(self, items: Sequence[Item]) -> dict[int, str]:
        """Send all; why some cannot be sent, by their place. What there is no room for waits."""
        if not self._open:
            return dict.fromkeys(range(len(items)), "the interface is no longer served")
        failed: dict[int, str] = {}
        for place, fault in self._try(items).items():
            if has_no_room(fault) and len(self._late) < _WAITING:
                self._wait(items[place])
            else:
                failed[place] = os.strerror(fault)
        return failed

    def _try(self, items: Sequence[Item]) -> dict[int, int]:
        """Send all that can be sent; the error numbers of the others, by their place."""
        faults: dict[int, int] = {}
        places: list[int] = []
        datagrams: list[Datagram] = []
        for place, item in enumerate(items):
            if isinstance(item, Datagram):
                places.append(place)
                datagrams.append(item)
            elif fault := self._frame(item):
                faults[place] = fault
        at = 0
        while at < len(datagrams):
            sent, fault = self._datagrams.send(datagrams[at : at + MOST])
            at += sent
            if fault:
                faults[places[at]] = fault
                at += 1
        return faults

    def _frame(self, frame: bytes) -> int:
        try:
            self._frames.send(frame)
        except OSError as exc:
            return exc.errno or errno.EIO
        return 0

    def _wait(self, item: Item) -> None:
        self._late.append(item)
        if self._again is None:
            self._again = asyncio.get_running_loop().call_later(_AGAIN_S, self._retry)

    def _retry(self) -> None:
        """Send what waits, as far as there is room now."""
        self._again = None
        late, self._late = list(self._late), deque()
        faults = self._try(late)
        self._tries = self._tries + 1 if len(faults) == len(late) else 0
        hopeless = [place for place, fault in faults.items() if self._tries >= _TRIES or not has_no_room(fault)]
        for place in sorted(faults.keys() - set(hopeless)):
            self._wait(late[place])
        if hopeless:
            self._tries = 0
            self._lost(len(hopeless))
