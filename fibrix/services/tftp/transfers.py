"""All transfers under way: whose turn it is, and how many there may be.

What a block costs is what lock-step is made of, so there are no tasks here and nothing is awaited. The sockets are on
an epoll of their own, which stands in the event loop as one descriptor: the loop's own work is done once for all
datagrams that wait, not once for each.
"""

import asyncio
import select
from collections import Counter
from collections.abc import Callable
from typing import Final

from fibrix.runtime.clock import monotonic_s
from fibrix.services.tftp.burst import Address
from fibrix.services.tftp.session import Session

_BATCH: Final = 32  # sockets looked at before the clock is: some 60 µs each at the most, with a large window
_TURN_S: Final = 0.001  # then others have their turn
_LINGER_S: Final = 0.00005  # more than a client's answer takes on a fast network
_VAIN: Final = 4  # turns without gain: then lingering is for one turn in so many
_SELDOM: Final = 32

_HEARS: Final = int(select.EPOLLIN)
_WAITS: Final = select.EPOLLIN | select.EPOLLOUT


class _Patience:
    """Whether it pays to look for the next answer a moment longer rather than to be woken by it.

    On a fast network a client in lock-step answers sooner than a sleeping process wakes up. Where turns end with
    nothing gained by it, most of the next ones do without.
    """

    def __init__(self) -> None:
        self._vain = 0  # turns in a row in which nothing came while it was waited for

    @property
    def linger_s(self) -> float:
        """How long to look, in this turn."""
        return _LINGER_S if self._vain < _VAIN or self._vain % _SELDOM == 0 else 0.0

    def learn(self, *, gained: bool) -> None:
        """Take note of a turn: whether more came than what began it."""
        self._vain = 0 if gained else self._vain + 1


class Transfers:
    """Drives sessions. `ended` gets each one that is over, closed."""

    def __init__(self, ended: Callable[[Session], None], *, most: int, per_client: int) -> None:
        self._ended = ended
        self._most = most
        self._per_client = per_client
        self._sessions: dict[Address, Session] = {}  # in the order of their beginning
        self._clients: Counter[str] = Counter()
        self._lines: dict[int, Session] = {}
        self._doors: dict[int, Session] = {}
        self._patience = _Patience()
        self._timers: dict[Session, asyncio.TimerHandle] = {}
        self._epoll = select.epoll()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._epoll, self._turn)

    @property
    def count(self) -> int:
        """Under way now."""
        return len(self._sessions)

    def close(self) -> None:
        """Drop all, without a word to anyone."""
        for session in list(self._sessions.values()):
            self.drop(session)
        self._loop.remove_reader(self._epoll)
        self._epoll.close()

    def find(self, peer: Address) -> Session | None:
        """The transfer to this port of a client."""
        return self._sessions.get(peer)

    def has_room(self, client: str) -> bool:
        """Say whether one more may begin.

        When all places are taken, the oldest transfer gives way whose client has never answered: what asks with made-up
        addresses never does, and must not keep out those that do.
        """
        if self._clients[client] >= self._per_client:
            return False
        if len(self._sessions) < self._most:
            return True
        silent = next((session for session in self._sessions.values() if session.untouched), None)
        if silent is None:
            return False
        self.drop(silent)
        return True

    def begin(self, session: Session) -> None:
        """Start a transfer."""
        self._sessions[session.peer] = session
        self._clients[session.peer[0]] += 1
        self._lines[session.line.fileno()] = session
        self._doors[session.door.fileno()] = session
        self._epoll.register(session.line, _HEARS)
        self._epoll.register(session.door, _HEARS)
        session.start(monotonic_s())
        self._arm(session)
        self._after(session)

    def drop(self, session: Session) -> None:
        """Forget a transfer."""
        del self._sessions[session.peer]
        self._clients[session.peer[0]] -= 1
        if not self._clients[session.peer[0]]:
            del self._clients[session.peer[0]]
        del self._lines[session.line.fileno()], self._doors[session.door.fileno()]
        self._timers.pop(session).cancel()
        session.close()

    def _turn(self) -> None:
        """Serve those that wait, for a while; linger where the next answer is likely to be here in no time."""
        lines, now = self._lines, monotonic_s()
        until, idle_from, linger_s, rounds = now + _TURN_S, now, self._patience.linger_s, 0
        while now < until:
            ready = self._epoll.poll(0, _BATCH)
            now = monotonic_s()
            for descriptor, events in ready:
                session = lines.get(descriptor)
                if session is None or events != _HEARS:
                    self._serve(descriptor, events, now)
                elif session.hear(now):
                    self._after(session)
            if ready:
                idle_from = now
                rounds += 1
            elif now > idle_from + linger_s:
                break
        self._patience.learn(gained=rounds > 1)

    def _serve(self, descriptor: int, events: int, now: float) -> None:
        """Serve what is not just a datagram for a transfer that can go on."""
        session = self._lines.get(descriptor)
        if session is None:
            if descriptor in self._doors:
                self._doors[descriptor].turn_away()
            return
        if session.blocked and events & select.EPOLLOUT:
            session.flush()
        if events & ~select.EPOLLOUT:
            session.hear(now)
        self._after(session)

    def _after(self, session: Session) -> None:
        """Tell of the end, or wait for room in the buffer."""
        if session.ended:
            self.drop(session)
            self._ended(session)
        else:
            self._epoll.modify(session.line, _WAITS if session.blocked else _HEARS)

    def _arm(self, session: Session) -> None:
        """Wake up at the deadline. Each ACK moves it, so that mostly there is nothing to do then but to look again."""
        self._timers[session] = self._loop.call_at(session.deadline, self._due, session)

    def _due(self, session: Session) -> None:
        now = monotonic_s()
        if now >= session.deadline:
            session.due(now)
        self._arm(session)
        if session.ended or session.blocked:
            self._after(session)
