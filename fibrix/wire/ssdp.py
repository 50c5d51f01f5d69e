"""SSDP (UPnP Device Architecture 1.1 §1): what devices announce, and answer to a search, by UDP port 1900.

Text as in HTTP/1.1, without a body: a line that says what it is, then `NAME: value` lines, then an empty one. Redfish
services answer so too (DSP0266, "Redfish service discovery" by SSDP).
"""

from enum import Enum
from typing import Final

import msgspec

from fibrix.errors import MalformedPacketError
from fibrix.wire.text import text

PORT: Final = 1900
REDFISH: Final = "urn:dmtf-org:service:redfish-rest:"
"""How the target of a Redfish service begins; its version follows."""
MOST_HEADERS: Final = 40

_LONGEST: Final = 4096  # octets of a message
_AGE_DIGITS: Final = 9


class Kind(Enum):
    """What a message is."""

    ALIVE = "alive"  # a device announces itself
    UPDATE = "update"
    BYEBYE = "byebye"  # it takes back what it announced
    SEARCH = "search"  # somebody looks for devices
    ANSWER = "answer"  # a device answers to a search


_STARTS: Final = {
    b"NOTIFY * HTTP/1.1": None,
    b"NOTIFY * HTTP/1.0": None,
    b"M-SEARCH * HTTP/1.1": Kind.SEARCH,
    b"HTTP/1.1 200 OK": Kind.ANSWER,
    b"HTTP/1.0 200 OK": Kind.ANSWER,
}
_NOTICES: Final = {"ssdp:alive": Kind.ALIVE, "ssdp:update": Kind.UPDATE, "ssdp:byebye": Kind.BYEBYE}


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message. Texts are printable and short; those that are not there are empty."""

    kind: Kind
    target: str = ""  # NT or ST: what is announced or looked for
    usn: str = ""  # a name for it that stays: `uuid:…::` and the target
    location: str = ""  # URL of its description; of Redfish (AL): of the service
    server: str = ""  # operating system, UPnP, product
    max_age_s: int = 0  # how long it holds; 0: not told

    @classmethod
    def decode(cls, data: bytes) -> "Message":
        """Read a datagram. Raises MalformedPacketError."""
        if len(data) > _LONGEST:
            raise MalformedPacketError(f"SSDP: {len(data)} octets are too many")
        start, *lines = data.replace(b"\r\n", b"\n").split(b"\n")
        start = start.strip()
        if start not in _STARTS:
            raise MalformedPacketError(f"SSDP: it begins with {text(start, 40)!r}")
        said = _headers(lines)
        kind = _STARTS[start] or _NOTICES.get(said.get("nts", ""))
        if kind is None:
            raise MalformedPacketError(f"SSDP: a notice of {said.get('nts', '')!r}")
        return cls(
            kind=kind,
            target=said.get("nt") or said.get("st", ""),
            usn=said.get("usn", ""),
            location=said.get("location") or said.get("al", ""),
            server=said.get("server", ""),
            max_age_s=_age(said.get("cache-control", "")),
        )


def _headers(lines: list[bytes]) -> dict[str, str]:
    """The first value of each name, which is in lower case."""
    said: dict[str, str] = {}
    for line in lines:
        if not line.strip():
            break
        name, colon, value = line.partition(b":")
        if not colon or len(said) >= MOST_HEADERS:
            raise MalformedPacketError("SSDP: a line without a colon, or too many lines")
        said.setdefault(text(name, 40).lower(), text(value).strip('"<>'))
    return said


def _age(words: str) -> int:
    """The seconds in `max-age=1800`."""
    _, _, number = words.replace(" ", "").lower().partition("max-age=")
    digits = number.partition(",")[0]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= _AGE_DIGITS else 0
