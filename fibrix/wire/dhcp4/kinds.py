"""What every kind of option value can do, and the plain kinds: numbers, text, octets, codes of a list."""

from dataclasses import dataclass
from enum import Enum
from typing import Final, Generic, Protocol, TypeVar

from fibrix.errors import MalformedPacketError

T = TypeVar("T")
E = TypeVar("E", bound=Enum)


class Kind(Protocol[T]):
    """How one kind of value stands in an option: its payload, without code and length octets."""

    def decode(self, data: bytes) -> T:
        """Read a payload. Raises MalformedPacketError and nothing else, whatever the octets."""
        ...

    def encode(self, value: T) -> bytes:
        """Write a payload of any length; who packs it splits it (RFC 3396)."""
        ...


@dataclass(frozen=True, slots=True)
class Number:
    """An unsigned number of a fixed count of octets, big-endian."""

    octets: int

    def decode(self, data: bytes) -> int:
        """Read it."""
        if len(data) != self.octets:
            raise MalformedPacketError(f"{len(data)} octets instead of {self.octets}")
        return int.from_bytes(data)

    def encode(self, value: int) -> bytes:
        """Write it."""
        return value.to_bytes(self.octets)


class Text:
    """Characters; UTF-8, which holds the NVT ASCII of RFC 2132 §2. NULs at the end are dropped, as it asks."""

    def decode(self, data: bytes) -> str:
        """Read it; octets that are no UTF-8 become U+FFFD, so that the result can always be logged and stored."""
        return data.decode(errors="replace").rstrip("\0")

    def encode(self, value: str) -> bytes:
        """Write it without a NUL."""
        return value.encode()


class Octets:
    """Opaque octets."""

    def decode(self, data: bytes) -> bytes:
        """Hand them on."""
        return data

    def encode(self, value: bytes) -> bytes:
        """Hand them on."""
        return value


@dataclass(frozen=True, slots=True)
class Choice(Generic[E]):
    """One octet that stands for a member of an enumeration."""

    members: type[E]

    def decode(self, data: bytes) -> E:
        """Read it."""
        if len(data) != 1:
            raise MalformedPacketError(f"{len(data)} octets instead of 1")
        try:
            return self.members(data[0])
        except ValueError:
            raise MalformedPacketError(f"{data[0]} is not known") from None

    def encode(self, value: E) -> bytes:
        """Write it."""
        return bytes((value.value,))


class Codes:
    """A list of option codes, one octet each (RFC 2132 §9.8)."""

    def decode(self, data: bytes) -> tuple[int, ...]:
        """Read them in the client's order of preference."""
        return tuple(data)

    def encode(self, value: tuple[int, ...]) -> bytes:
        """Write them."""
        return bytes(value)


SHORT: Final = Number(2)
SECONDS: Final = Number(4)
TEXT: Final = Text()
OCTETS: Final = Octets()
CODES: Final = Codes()
