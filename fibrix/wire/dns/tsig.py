"""TSIG: messages signed with a shared key (RFC 8945).

The record stands last in the additional section: key name, type 250, class ANY, TTL 0. Its data: algorithm as a name,
6 octets of time in seconds since 1970, 2 of fudge, 2 of MAC length, MAC, 2 each of original id, error, and length of
other data, other data.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fibrix.errors import InvalidError, MalformedPacketError
from fibrix.wire.cursor import Cursor
from fibrix.wire.dns.codes import CLASS_ANY, RecordType, TsigError
from fibrix.wire.dns.names import encode_name, read_name
from fibrix.wire.dns.query import FIXED

FUDGE_S: Final = 300  # RFC 8945 §10
LONGEST_BYTES: Final = 2 * 255 + 10 + 16 + 64 + 6  # of a TSIG record: two names, fixed parts, MAC, other data

ALGORITHMS: Final[Mapping[str, str]] = {
    "hmac-sha1": "sha1",
    "hmac-sha224": "sha224",
    "hmac-sha256": "sha256",
    "hmac-sha384": "sha384",
    "hmac-sha512": "sha512",
}
"""Names of algorithms (RFC 8945 §6), and of their hashes; MD5 is not among them."""


@dataclass(frozen=True, slots=True)
class Key:
    """A shared key, with its name and its algorithm's as octets in lower case."""

    name: bytes
    algorithm: bytes
    secret: bytes
    hash: str

    def __repr__(self) -> str:
        """Leave the secret out."""
        return f"Key({self.name!r}, {self.hash})"

    @classmethod
    def named(cls, name: str, algorithm: str, secret: bytes) -> "Key":
        """Make a key. Raises InvalidError for an algorithm that is not known."""
        if algorithm not in ALGORITHMS:
            raise InvalidError(f"TSIG algorithm {algorithm} is not known: use one of {', '.join(ALGORITHMS)}")
        return cls(encode_name(name).lower(), encode_name(algorithm), secret, ALGORITHMS[algorithm])

    def digest(self, octets: bytes) -> bytes:
        """Compute the MAC, whole."""
        return hmac.digest(self.secret, octets, self.hash)


@dataclass(frozen=True, slots=True)
class Tsig:
    """The record's fields."""

    key: bytes  # in lower case, as is the algorithm
    algorithm: bytes
    time: int
    fudge: int
    mac: bytes
    original: int  # id of the message that was signed
    error: int = 0
    other: bytes = b""

    @classmethod
    def decode(cls, data: bytes, at: int) -> "Tsig":
        """Read the record that begins at that octet and ends the message. Raises MalformedPacketError."""
        key, at = read_name(data, at)
        head = Cursor(data[at:], "DNS: TSIG record")
        if (head.number(2), head.number(2), head.number(4)) != (RecordType.TSIG, CLASS_ANY, 0):
            raise MalformedPacketError("DNS: a TSIG record with another class or TTL than it has")
        rest = head.octets(head.number(2))
        algorithm, end = read_name(rest, 0)
        fields = Cursor(rest[end:], "DNS: TSIG data")
        time, fudge, mac = fields.number(6), fields.number(2), fields.octets(fields.number(2))
        original, error, other = fields.number(2), fields.number(2), fields.octets(fields.number(2))
        if fields.left or head.left:
            raise MalformedPacketError("DNS: octets after the end of a TSIG record")
        return cls(key.lower(), algorithm.lower(), time, fudge, mac, original, error, other)

    def encode(self) -> bytes:
        """Make the record."""
        data = b"".join([
            self.algorithm, self._timers(), len(self.mac).to_bytes(2), self.mac, self.original.to_bytes(2), self._end(),
        ])  # fmt: skip
        return self.key + FIXED.pack(RecordType.TSIG, CLASS_ANY, 0, len(data)) + data

    def variables(self, *, timers_only: bool) -> bytes:
        """Give what is signed besides the message: RFC 8945 §4.3.3; timers only from the second message on, §5.3.1."""
        if timers_only:
            return self._timers()
        return self.key + FIXED.pack(0, CLASS_ANY, 0, 0)[2:8] + self.algorithm + self._timers() + self._end()

    def _timers(self) -> bytes:
        return self.time.to_bytes(6) + self.fudge.to_bytes(2)

    def _end(self) -> bytes:
        return self.error.to_bytes(2) + len(self.other).to_bytes(2) + self.other


def unsigned(message: bytes, at: int, original: int) -> bytes:
    """Give the message as it was before its TSIG record, which begins at `at`, was added: RFC 8945 §4.3.2."""
    additional = int.from_bytes(message[10:12]) - 1
    return original.to_bytes(2) + message[2:10] + additional.to_bytes(2) + message[12:at]


def verify(message: bytes, at: int, keys: Mapping[bytes, Key], now: int, asked: bytes = b"") -> tuple[Tsig, TsigError]:
    """Check a message whose TSIG record begins at `at`: the record, and what is wrong with it (RFC 8945 §5.2).

    `asked` is the MAC of the query that this answers. Raises MalformedPacketError for what is no TSIG record, and
    for a MAC of a length that is none of its algorithm's (§5.2.2.1).
    """
    tsig = Tsig.decode(message, at)
    key = keys.get(tsig.key)
    if key is None or key.algorithm != tsig.algorithm:
        return tsig, TsigError.BADKEY
    prior = len(asked).to_bytes(2) + asked if asked else b""
    whole = key.digest(prior + unsigned(message, at, tsig.original) + tsig.variables(timers_only=False))
    if not max(10, len(whole) // 2) <= len(tsig.mac) <= len(whole):
        raise MalformedPacketError(f"DNS: a TSIG MAC of {len(tsig.mac)} octets")
    if not hmac.compare_digest(whole[: len(tsig.mac)], tsig.mac):
        return tsig, TsigError.BADSIG
    if abs(now - tsig.time) > tsig.fudge:
        return tsig, TsigError.BADTIME
    return tsig, TsigError.BADTRUNC if len(tsig.mac) < len(whole) else TsigError.NONE


class Signer:
    """Signs a query, or the messages of one answer in their order (RFC 8945 §5.3, §5.3.1)."""

    def __init__(self, key: Key, asked: bytes = b"") -> None:
        """`asked` is the MAC of the query that is answered."""
        self.mac = asked
        self._key = key
        self._first = True

    def sign(self, message: bytes, now: int, error: TsigError = TsigError.NONE, other: bytes = b"") -> bytes:
        """Add the TSIG record. `other` is the server's time where the error is BADTIME (§5.2.3)."""
        key, number = self._key, int.from_bytes(message[:2])
        blank = Tsig(key.name, key.algorithm, now, FUDGE_S, b"", number, error, other)
        prior = len(self.mac).to_bytes(2) + self.mac if self.mac else b""
        self.mac = key.digest(prior + message + blank.variables(timers_only=not self._first))
        self._first = False
        return with_record(message, Tsig(key.name, key.algorithm, now, FUDGE_S, self.mac, number, error, other))


def with_record(message: bytes, tsig: Tsig) -> bytes:
    """Put a TSIG record at the message's end."""
    additional = int.from_bytes(message[10:12]) + 1
    return message[:10] + additional.to_bytes(2) + message[12:] + tsig.encode()
