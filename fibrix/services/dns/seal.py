"""Whether a query was signed, and how what answers it is signed (RFC 8945 §5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from fibrix.domain.dns import Zone
from fibrix.wire.dns.codes import TsigError
from fibrix.wire.dns.names import name_text
from fibrix.wire.dns.query import Query
from fibrix.wire.dns.tsig import FUDGE_S, LONGEST_BYTES, Key, Signer, Tsig, verify, with_record


@dataclass(frozen=True, slots=True)
class Seal:
    """How one query was signed; not at all where there is no `tsig`."""

    tsig: Tsig | None = None
    refusal: TsigError = TsigError.NONE
    key: Key | None = None
    signer: Signer | None = None
    now: int = 0

    @property
    def octets(self) -> int:
        """How many octets signing adds at most."""
        return LONGEST_BYTES if self.signer else 0

    def sign(self, message: bytes, now: int = 0) -> bytes:
        """Sign the next message of the answer; as it is when the query was not signed."""
        return self.signer.sign(message, now or self.now) if self.signer else message

    def refuse(self, message: bytes) -> bytes:
        """Say what is wrong with the signature: signed only where the key is known to be right (RFC 8945 §5.3.2)."""
        if self.tsig is None:
            return message
        if self.refusal in (TsigError.BADKEY, TsigError.BADSIG) or self.signer is None:
            tsig, number = self.tsig, int.from_bytes(message[:2])
            return with_record(message, Tsig(tsig.key, tsig.algorithm, tsig.time, FUDGE_S, b"", number, self.refusal))
        if self.refusal is TsigError.BADTIME:  # their time, ours as other data: RFC 8945 §5.2.3
            return self.signer.sign(message, self.tsig.time, self.refusal, self.now.to_bytes(6))
        return self.signer.sign(message, self.now, self.refusal)

    def opens(self, zone: Zone, address: IPv4Address) -> bool:
        """Whether who asks so, from there, may have the whole zone."""
        signed = name_text(self.key.name) if self.key else ""
        return any(
            secondary.address == address and secondary.key.lower() in ("", signed) for secondary in zone.secondaries
        )


UNSEALED: Final = Seal()


def sealed_with(data: bytes, query: Query, keys: Mapping[bytes, Key], now: int) -> Seal:
    """Look at a query's signature. Raises MalformedPacketError."""
    tsig, error = verify(data, query.tsig_at, keys, now)
    key = keys.get(tsig.key)
    if error in (TsigError.BADKEY, TsigError.BADSIG) or key is None:
        return Seal(tsig, error, now=now)
    return Seal(tsig, error, key, Signer(key, tsig.mac), now)
