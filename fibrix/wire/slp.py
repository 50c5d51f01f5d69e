"""SLP version 2 (RFC 2608): the services of hosts, as agents tell them by UDP port 427.

14 octets of header: 1 of version, 1 of function, 3 of length, 2 of flags, 3 of the first extension, 2 of XID, 2 of
length of the language tag, which follows; then what the function wants. Texts have 2 octets of length before them.
"""

from typing import Final

import msgspec

from fibrix.errors import MalformedPacketError
from fibrix.wire.cursor import Cursor
from fibrix.wire.text import text

PORT: Final = 427
REPLY: Final = 2
DIRECTORY: Final = 8
SERVICES: Final = 11
MOST_URLS: Final = 16
"""How many URLs of one reply are kept."""

_VERSION: Final = 2
_HEADER: Final = 14


class Url(msgspec.Struct, frozen=True):
    """A service: as `service:wbem:https://10.77.0.9:5989`."""

    url: str
    lifetime_s: int = 0  # 0: not told


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A reply to a search (SrvRply), or what a directory agent or service agent says of itself (DAAdvert, SAAdvert)."""

    function: int  # REPLY, DIRECTORY or SERVICES
    error: int = 0  # of 0 alone the rest means something
    urls: tuple[Url, ...] = ()
    scopes: str = ""
    attributes: str = ""

    @classmethod
    def decode(cls, data: bytes) -> "Message | None":
        """Read a datagram; None: it is a message of another function. Raises MalformedPacketError."""
        if len(data) < _HEADER or data[0] != _VERSION:
            raise MalformedPacketError("SLP: too short, or not version 2")
        length = int.from_bytes(data[2:5])
        if not _HEADER <= length <= len(data):
            raise MalformedPacketError(f"SLP: length {length} with {len(data)} octets")
        at = Cursor(data[12:length], "SLP message")
        at.octets(at.number(2))
        function = data[1]
        if function == REPLY:
            return _reply(at)
        if function not in (DIRECTORY, SERVICES):
            return None
        error = at.number(2) if function == DIRECTORY else 0
        if error:
            return cls(function=function, error=error)
        if function == DIRECTORY:
            at.octets(4)  # when it started
        url, scopes, attributes = (text(at.octets(at.number(2))) for _ in range(3))
        return cls(function=function, urls=(Url(url),), scopes=scopes, attributes=attributes)


def _reply(at: Cursor) -> Message:
    """RFC 2608 §8.2: 2 octets of error, 2 of count, URL entries (§4.3)."""
    error = at.number(2)
    if error:
        return Message(function=REPLY, error=error)
    urls = []
    for _ in range(min(at.number(2), MOST_URLS)):
        at.octets(1)
        lifetime_s = at.number(2)
        urls.append(Url(text(at.octets(at.number(2))), lifetime_s))
        for _ in range(at.number(1)):
            _pass_authentication(at)
    return Message(function=REPLY, urls=tuple(urls))


def _pass_authentication(at: Cursor) -> None:
    """RFC 2608 §9.2: 2 octets of kind, 2 of length with these four."""
    at.octets(2)
    length = at.number(2)
    if length < 4:
        raise MalformedPacketError(f"SLP: an authentication block of {length} octets")
    at.octets(length - 4)
