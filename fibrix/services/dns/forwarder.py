"""Asks the forwarders: equal questions once, answers kept as long as they say, and everything bounded."""

import asyncio
from collections import Counter
from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Final, NamedTuple, TypeAlias

from fibrix.domain.dns import DnsSnapshot
from fibrix.errors import MalformedPacketError
from fibrix.runtime.cell import Cell
from fibrix.services.dns.settings import DnsSettings
from fibrix.services.dns.upstream import ask
from fibrix.wire.dns.codes import Rcode
from fibrix.wire.dns.heard import Heard

_FAILURE_S: Final = 2.0  # a failure is remembered (RFC 9520 §3.2)
_LONGEST_S: Final = 86_400
_LONGEST_ABSENT_S: Final = 10_800  # RFC 2308 §5
_RESTS_S: Final = 10.0  # a forwarder that did not answer is asked last for so long
_MOST_WAITERS: Final = 100  # on one question
_OVERHEAD_BYTES: Final = 500  # of an entry, besides its octets


class Question(NamedTuple):
    """What is asked. `name` is on the wire, in lower case."""

    name: bytes
    type: int
    dnssec: bool  # DO
    checking_disabled: bool  # CD


class _Entry(NamedTuple):
    heard: Heard | None  # None: nobody could say
    at: float
    until: float


Waiter: TypeAlias = Callable[[Heard | None, int], None]
"""Gets the answer and its age in seconds; None: nobody could say."""


class Forwarder:
    """Gives answers from memory, or finds them out in a task of `group`."""

    def __init__(
        self, snapshot: Cell[DnsSnapshot], settings: DnsSettings, clock: Callable[[], float], counts: Counter[str]
    ) -> None:
        self._snapshot = snapshot
        self._settings = settings
        self._clock = clock
        self._counts = counts
        self._entries: dict[Question, _Entry] = {}
        self._bytes = 0
        self._asking: dict[Question, list[Waiter]] = {}
        self._resting: dict[IPv4Address, float] = {}

    @property
    def size(self) -> int:
        """How many answers are kept."""
        return len(self._entries)

    def resolve(self, question: Question, waiter: Waiter, group: asyncio.TaskGroup) -> None:
        """Have `waiter` called, at once or later. It is not called where too much is under way already."""
        entry, now = self._entries.get(question), self._clock()
        if entry is not None and entry.until > now:
            self._counts["cache_hits"] += 1
            waiter(entry.heard, int(now - entry.at))
            return
        waiters = self._asking.get(question)
        if waiters is None and len(self._asking) < self._settings.forward_most:
            self._counts["forwarded"] += 1
            self._asking[question] = [waiter]
            group.create_task(self._find_out(question), name="dns.forward")
        elif waiters is not None and len(waiters) < _MOST_WAITERS:
            waiters.append(waiter)
        else:
            self._counts["overloaded"] += 1

    async def _find_out(self, question: Question) -> None:
        heard = None
        try:
            heard = await self._ask_all(question)
            self._remember(question, heard)
        finally:
            waiters = self._asking.pop(question)
        if heard is None:
            self._counts["forward_failed"] += 1
        for waiter in waiters:
            waiter(heard, 0)

    async def _ask_all(self, question: Question) -> Heard | None:
        """Ask one after the other until one knows."""
        try:
            async with asyncio.timeout(self._settings.forward_s):
                for address in self._in_order():
                    heard = await self._ask_one(address, question)
                    if heard is not None:
                        return heard
        except TimeoutError:
            return None
        return None

    async def _ask_one(self, address: IPv4Address, question: Question) -> Heard | None:
        settings = self._settings
        try:
            async with asyncio.timeout(settings.forward_attempt_s):
                heard = await ask((str(address), settings.forward_port), *question)
        except (OSError, TimeoutError):
            self._resting[address] = self._clock() + _RESTS_S
            return None
        except MalformedPacketError:
            self._counts["forward_malformed"] += 1
            return None
        return heard if heard.rcode in (Rcode.NOERROR, Rcode.NXDOMAIN) else None

    def _in_order(self) -> list[IPv4Address]:
        """As they are configured, those that did not answer last; never ourselves."""
        snapshot, now = self._snapshot.value, self._clock()
        ours = snapshot.listen if self._settings.port == self._settings.forward_port else ()
        usable = [address for address in snapshot.forwarders if address not in ours]
        return sorted(usable, key=lambda address: self._resting.get(address, 0.0) > now)

    def _remember(self, question: Question, heard: Heard | None) -> None:
        self._drop(question)
        now = self._clock()
        lives = _FAILURE_S
        if heard is not None:
            lives = min(heard.ttl, _LONGEST_S if heard.counts[0] else _LONGEST_ABSENT_S)
        if lives <= 0:
            return
        self._entries[question] = _Entry(heard, now, now + lives)
        self._bytes += _octets(question, heard)
        while len(self._entries) > self._settings.cache_entries or self._bytes > self._settings.cache_bytes:
            self._drop(next(iter(self._entries)))

    def _drop(self, question: Question) -> None:
        entry = self._entries.pop(question, None)
        if entry is not None:
            self._bytes -= _octets(question, entry.heard)


def _octets(question: Question, heard: Heard | None) -> int:
    return _OVERHEAD_BYTES + len(question.name) + (len(heard.body) if heard else 0)
