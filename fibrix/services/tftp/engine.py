"""One read transfer (RFC 1350, with windows after RFC 7440): datagrams and time in, datagrams out. Pure.

The sender's half of a lock-step of windows. It keeps two block numbers, counted from 1 and never rolled over:

    … acknowledged │ in flight … sent │ not sent yet … last

An ACK of `sent` moves on to the next window. An ACK of less says that the next block was lost, and sends from there
(RFC 7440 §4). An ACK that was seen before says the same, but may as well be the echo of blocks that were sent twice:
answered, it would double all the rest of the transfer (the Sorcerer's Apprentice, RFC 1123 §4.2.3.1). So it sends
nothing when windows are of one block, nor when it names a block that was repeated. Silence sends the window again,
after a time that doubles, until the client is given up.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from fibrix.errors import MalformedPacketError
from fibrix.services.tftp.options import Agreed
from fibrix.wire.tftp import Ack, Error, ErrorCode, OptionAck, ack, data_header, decode

_FIRST_WAIT_S: Final = 1.0  # until the first repetition, when the client names no time
_LONGEST_WAIT_S: Final = 8.0
_SENDINGS: Final = 6  # of the same window, without an answer: then the client is gone
_AHEAD_BYTES: Final = 64 * 1024  # read at once where windows are smaller
_AHEAD_WINDOWS: Final = 64

Read = Callable[[int, int], bytes]
"""Offset and length → that part of the file; shorter at its end. Not a memory map: a file that someone cuts short
while it is mapped kills the process that reads it (SIGBUS)."""

Parts = tuple[bytes, memoryview]
"""A datagram in two parts, header and payload, so that a window is read once and never copied."""

_NOTHING: Final = memoryview(b"")


@dataclass(frozen=True, slots=True)
class Ended:
    """The transfer is over. `error` is empty when the client has the whole file, or only asked for its size."""

    sent_bytes: int  # that the client acknowledged
    error: str = ""
    probe: bool = False  # nothing but the size was wanted: EDK2 asks for tsize, then breaks off


class Outcome(NamedTuple):
    """What to send now, in this order, and whether that was all. Made for each block: a tuple is cheapest."""

    datagrams: tuple[Parts, ...] = ()
    ended: Ended | None = None


class Transfer:
    """Sends `size` octets to one client. The caller hands in the client's datagrams, and calls `due` at `deadline`."""

    def __init__(self, read: Read, size: int, agreed: Agreed) -> None:
        self.deadline = 0.0  # monotonic seconds
        self._read = read
        self._size = size
        self._agreed = agreed
        self._last = size // agreed.block_bytes + 1  # the one that is shorter than a block, or empty
        self._acknowledged = -1 if agreed.acknowledged else 0  # an OACK counts as block 0: RFC 2347
        self._sent = self._acknowledged
        self._awaited = b""  # the ACK of all that was sent
        self._repeated = -1  # highest block sent more than once: an ACK up to here may be an echo
        self._sendings = 0
        first_s = float(agreed.timeout_s or _FIRST_WAIT_S)
        self._waits_s = [min(first_s * 2**times, max(first_s, _LONGEST_WAIT_S)) for times in range(_SENDINGS)]
        window_bytes = agreed.window_blocks * agreed.block_bytes
        self._read_bytes = max(1, min(_AHEAD_WINDOWS, _AHEAD_BYTES // window_bytes)) * window_bytes
        self._content, self._content_at = _NOTHING, 0  # what was read last, and its offset
        self._follows_at = size  # in it, of the block after `sent`, in lock-step; at its end or behind: none is there

    @property
    def untouched(self) -> bool:
        """The client has not answered at all yet."""
        return self._acknowledged == (-1 if self._agreed.acknowledged else 0)

    @property
    def sent_bytes(self) -> int:
        """As far as the client has acknowledged."""
        return min(max(self._acknowledged, 0) * self._agreed.block_bytes, self._size)

    def start(self, now: float) -> Outcome:
        """Send the OACK, or the first window when there is nothing to acknowledge."""
        return self._window(now)

    def follow(self, datagram: bytes, now: float) -> bytes:
        """Give the whole datagram that follows in lock-step, where that is all that there is to do; else nothing.

        It is then for `receive` to say what there is. This is the way of nearly each block, and short for that.
        """
        at, content = self._follows_at, self._content
        if datagram != self._awaited or at >= len(content):
            return b""
        end = self._follows_at = at + self._agreed.block_bytes
        self._acknowledged = self._sent
        number = self._sent = self._sent + 1
        self._sendings = 1
        self.deadline = now + self._waits_s[0]
        self._awaited = ack(number)
        return data_header(number) + content[at:end]

    def receive(self, datagram: bytes, now: float) -> Outcome:
        """Take a datagram from the client's own port. Raises MalformedPacketError, which changes nothing."""
        if datagram == self._awaited:  # nearly all are
            return self._advance(self._sent, now)
        match decode(datagram):
            case Ack(block):
                return self._ack(block, now)
            case Error(code, message):
                return self._refused(code, message)
            case _:
                raise MalformedPacketError("TFTP: neither ACK nor ERROR in the middle of a read")

    def due(self, now: float) -> Outcome:
        """Repeat the window, or give the client up."""
        if now < self.deadline:
            return Outcome()
        if self._sendings >= _SENDINGS:
            return self._give_up("the client stopped answering")
        self._repeated = self._sent
        return self._window(now)

    def _ack(self, block: int, now: float) -> Outcome:
        # Block numbers have 16 bits on the wire; a window is far smaller, so only one block in flight fits.
        base = max(self._acknowledged, 0)
        acknowledged = base + ((block - base) & 0xFFFF)
        if acknowledged > self._sent:
            return Outcome()  # one that was overtaken
        if acknowledged == self._sent:
            return self._advance(acknowledged, now)
        if acknowledged == self._acknowledged and (self._agreed.window_blocks == 1 or acknowledged <= self._repeated):
            return Outcome()
        self._repeated = self._sent
        return self._advance(acknowledged, now)

    def _advance(self, acknowledged: int, now: float) -> Outcome:
        self._acknowledged = acknowledged
        if acknowledged >= self._last:
            return Outcome(ended=Ended(self._size))
        self._sendings = 0
        return self._window(now)

    def _refused(self, code: int, message: str) -> Outcome:
        if self._acknowledged < 0:
            return Outcome(ended=Ended(0, probe=True))
        return Outcome(ended=Ended(self.sent_bytes, f"the client broke off: error {code} {message}".rstrip()))

    def _window(self, now: float) -> Outcome:
        """Send what follows the last acknowledged block, and set the clock."""
        self.deadline = now + self._waits_s[self._sendings]
        self._sendings += 1
        if self._acknowledged < 0:
            self._sent = 0
            self._awaited = ack(0)
            return Outcome(((OptionAck(self._agreed.acknowledged).encode(), _NOTHING),))
        return self._blocks(self._acknowledged + 1)

    def _blocks(self, first: int) -> Outcome:
        size = self._agreed.block_bytes
        self._sent = last = min(first + self._agreed.window_blocks - 1, self._last)
        self._awaited = ack(last)
        start, end = (first - 1) * size, min(last * size, self._size)
        at = start - self._content_at
        if at < 0 or end - self._content_at > len(self._content):
            wanted = min(max(self._read_bytes, end - start), self._size - start)
            self._content, self._content_at, at = memoryview(self._read(start, wanted)), start, 0
            if len(self._content) < wanted:  # a short block would pass for the file's end
                return self._give_up("the file became shorter while it was sent")
        content = self._content
        if self._agreed.window_blocks == 1:
            self._follows_at = at + size
        return Outcome(
            tuple(
                (data_header(number), content[at + (number - first) * size : at + (number - first + 1) * size])
                for number in range(first, last + 1)
            )
        )

    def _give_up(self, reason: str) -> Outcome:
        farewell = Error(ErrorCode.NOT_DEFINED, reason).encode()
        return Outcome(((farewell, _NOTHING),), Ended(self.sent_bytes, reason))
