"""The hub: hands each new event to all subscribers that keep up, from one reading of the journal.

A frame is made once per event, and joined once for all who want the same of it. A subscriber that does not take what it
is sent is let go; it then reads the journal at its own pace (`api.stream`) and comes back when it has caught up.
Nothing here holds the loop for more than SLICE_S at a time.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

import structlog

from fibrix.api.feed import Feed, heartbeat
from fibrix.api.socket import HIGH_WATER_BYTES, Socket
from fibrix.domain.ports.journal import Journal, JournalEntry
from fibrix.domain.selection import Selection
from fibrix.errors import StoreError
from fibrix.runtime.clock import monotonic_s
from fibrix.wire.websocket import CloseCode, Opcode, encode

log = structlog.get_logger()

SLICE_S: Final = 0.002
"""After so long others get their turn."""

_BATCH: Final = 500  # events in one round, at most
_BATCH_BYTES: Final = 256 << 10  # and so much: each subscriber may have to keep it
_PACE_S: Final = 0.01  # from one round to the next: under load events gather, and fewer, larger writes do
_MOST_PAUSE_S: Final = 0.05
_TICK_S: Final = 0.4  # how often each subscriber is looked at though nothing happens


class Subscriber:
    """One websocket and where it is in the journal."""

    def __init__(self, socket: Socket, feed: Feed, heartbeat_s: int) -> None:
        self.socket = socket
        self.feed = feed
        self.left = asyncio.Event()  # the hub let it go
        self._heartbeat_s = heartbeat_s  # 0: none is wanted
        self._beats = 0

    def is_let_in(self) -> bool:
        """Look whether it may go on; if not, it is told so."""
        refusal = self.feed.reader.refusal()
        if refusal is not None and not self.socket.closing:
            log.info("stream.not_allowed", reason=str(refusal))
            self.socket.close(CloseCode.NOT_ALLOWED, str(refusal))
        return refusal is None

    def beat(self, now_s: float) -> None:
        """Send a heartbeat where one is due. Only for a subscriber that has all up to its position."""
        if self._heartbeat_s and now_s - self.socket.sent_s >= self._heartbeat_s and not self.socket.congested:
            self._beats += 1
            self.socket.write(encode(Opcode.TEXT, heartbeat(self.feed.position, self._beats)))

    def take(self, batch: "Batch") -> None:
        """Send what it wants of a batch that begins where it is, or before. It was just let in."""
        wanted = self.feed.reader.wanted
        whole = self.feed.position < batch.first
        frames = batch.joined(wanted) if whole else batch.rest(wanted, self.feed.position)
        self.feed.position = max(self.feed.position, batch.last)
        if frames:
            self.socket.write(frames)


class Batch:
    """Entries in a row, on their way to many."""

    def __init__(self, entries: Sequence[JournalEntry]) -> None:
        self._framed: list[tuple[JournalEntry, bytes]] = []
        self._joined: dict[Selection, bytes] = {}
        size = 0
        for entry in entries:
            frame = encode(Opcode.TEXT, entry.cloudevent())
            self._framed.append((entry, frame))
            size += len(frame)
            if size > _BATCH_BYTES:
                break  # the rest is for the next round
        self.first, self.last = entries[0].seq, self._framed[-1][0].seq

    def joined(self, wanted: Selection) -> bytes:
        """Give the frames of what is wanted, as octets to send."""
        found = self._joined.get(wanted)
        if found is None:
            found = self._joined[wanted] = self.rest(wanted, 0)
        return found

    def rest(self, wanted: Selection, position: int) -> bytes:
        """Give the same after a position."""
        return b"".join(frame for entry, frame in self._framed if entry.seq > position and wanted.fits(entry))


class Hub:
    """Knows all subscribers, and which of them are live: have all up to `position` and take what comes."""

    def __init__(self, journal: Journal, *, ping_s: float) -> None:
        self.position = 0  # all up to here was handed out
        self.open: set[Subscriber] = set()
        self._live: set[Subscriber] = set()
        self._journal = journal
        self._ping_s = ping_s

    def enter(self, subscriber: Subscriber) -> None:
        """Take in a subscriber that reads by itself as yet."""
        self.open.add(subscriber)

    def leave(self, subscriber: Subscriber) -> None:
        """Forget one whose socket has ended."""
        self.open.discard(subscriber)
        self._live.discard(subscriber)

    def join(self, subscriber: Subscriber) -> bool:
        """Let one live that has caught up, until its `left` is set; False: it has not."""
        if subscriber.feed.position < self.position:
            return False
        subscriber.left.clear()
        self._live.add(subscriber)
        return True

    async def run(self) -> None:
        """Hand out what happens, until cancelled."""
        self.position = self._journal.head
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch(), name="stream watch")
            while True:
                await self._journal.changed(self.position)
                began_s = monotonic_s()
                await self._round()
                took_s = monotonic_s() - began_s
                await asyncio.sleep(max(_PACE_S - took_s, min(took_s, _MOST_PAUSE_S)))  # half the time is others'

    async def _round(self) -> None:
        """Hand the next events to all who live."""
        try:
            entries = await self._journal.since(self.position, limit=_BATCH)
        except StoreError as exc:
            log.warning("stream.store_failed", reason=str(exc))
            entries = ()
        if not entries or entries[0].seq != self.position + 1:  # each finds out for itself what is the matter
            self.position = self._journal.head
            for subscriber in tuple(self._live):
                self._let_go(subscriber)
            return
        batch = Batch(entries)
        self.position = batch.last
        slices = _Slices()
        for subscriber in tuple(self._live):
            if subscriber in self._live:
                self._hand(subscriber, batch)
            if slices.over():
                await asyncio.sleep(0)

    def _hand(self, subscriber: Subscriber, batch: Batch) -> None:
        """Hand a batch to one, as far as it takes it."""
        if subscriber.feed.position + 1 < batch.first or not subscriber.is_let_in():
            self._let_go(subscriber)
            return
        subscriber.take(batch)
        if subscriber.socket.congested:
            self._let_go(subscriber)

    def _let_go(self, subscriber: Subscriber) -> None:
        """Have one read by itself."""
        self._live.discard(subscriber)
        subscriber.left.set()

    async def _watch(self) -> None:
        """Look at each subscriber now and then: is it let in still, is it there still, is a heartbeat due."""
        while True:
            await asyncio.sleep(_TICK_S)
            slices = _Slices()
            for subscriber in tuple(self.open):
                self._look_at(subscriber)
                if slices.over():
                    await asyncio.sleep(0)

    def _look_at(self, subscriber: Subscriber) -> None:
        """Look at one."""
        if not subscriber.is_let_in():
            self._let_go(subscriber)
            return
        now_s, socket = monotonic_s(), subscriber.socket
        silent_s = now_s - socket.heard_s
        if silent_s > 2 * self._ping_s:
            log.info("stream.silent", position=subscriber.feed.position)
            socket.abort()
        elif silent_s > self._ping_s and now_s - socket.pinged_s > self._ping_s:
            socket.ping()
        if subscriber in self._live:
            subscriber.beat(now_s)


class _Slices:
    """Says when it is others' turn."""

    def __init__(self) -> None:
        self._until_s = monotonic_s() + SLICE_S

    def over(self) -> bool:
        """Whether the slice is used up; the next one begins then."""
        now_s = monotonic_s()
        if now_s < self._until_s:
            return False
        self._until_s = now_s + SLICE_S
        return True


def framed(messages: Sequence[bytes]) -> Iterator[bytes]:
    """Make text frames of messages, joined to pieces that are worth a system call each."""
    parts, size = list[bytes](), 0
    for message in messages:
        parts.append(encode(Opcode.TEXT, message))
        size += len(message)
        if size > HIGH_WATER_BYTES:
            yield b"".join(parts)
            parts, size = [], 0
    yield b"".join(parts)
