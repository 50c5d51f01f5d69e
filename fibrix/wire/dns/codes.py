"""The numbers of DNS: types of records, answers' codes, what is asked for, flags of the header."""

from enum import IntEnum
from typing import Final

HEADER_BYTES: Final = 12  # RFC 1035 §4.1.1
CLASS_IN: Final = 1
CLASS_ANY: Final = 255
PLAIN_BYTES: Final = 512  # of a UDP message to somebody who says nothing else: RFC 1035 §2.3.4
STREAM_BYTES: Final = 65_535  # the most that the length before a message over TCP can say: RFC 1035 §4.2.2
OUR_BYTES: Final = 1232  # of UDP payload that reaches everybody in one piece: 1280 of IPv6's least MTU, less headers


class RecordType(IntEnum):
    """What is in a record, or asked for: RFC 1035 §3.2.2 and later ones."""

    A = 1
    NS = 2
    CNAME = 5
    SOA = 6
    PTR = 12
    MX = 15
    TXT = 16
    AAAA = 28
    SRV = 33
    OPT = 41
    DS = 43
    SVCB = 64
    HTTPS = 65
    TKEY = 249
    TSIG = 250
    IXFR = 251
    AXFR = 252
    MAILB = 253
    MAILA = 254
    ANY = 255
    CAA = 257


class Rcode(IntEnum):
    """How a question was taken: RFC 1035 §4.1.1, RFC 2136 §2.2; 16: RFC 6891 §9."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5
    NOTAUTH = 9
    BADVERS = 16


class TsigError(IntEnum):
    """What is wrong with a signature: RFC 8945 §3; in the TSIG record, beside NOTAUTH in the header."""

    NONE = 0
    BADSIG = 16
    BADKEY = 17
    BADTIME = 18
    BADTRUNC = 22


class Opcode(IntEnum):
    """What a message wants: RFC 1035 §4.1.1; 4: RFC 1996; 5: RFC 2136."""

    QUERY = 0
    NOTIFY = 4
    UPDATE = 5


class Flag(IntEnum):
    """Bits in the second 16 of the header: RFC 1035 §4.1.1; AD and CD: RFC 4035 §3.2."""

    QR = 0x8000
    AA = 0x0400
    TC = 0x0200
    RD = 0x0100
    RA = 0x0080
    AD = 0x0020
    CD = 0x0010


OPCODE_SHIFT: Final = 11
OPCODE_MASK: Final = 0x7800
RCODE_MASK: Final = 0x000F

_NAMES: Final = {kind.value: kind.name for kind in RecordType}


def type_name(code: int) -> str:
    """Name a type as zone files do; those without a name of their own as RFC 3597 §5 says."""
    return _NAMES.get(code) or f"TYPE{code}"


def opcode_of(flags: int) -> int:
    """Take the opcode out of the header's flags."""
    return (flags & OPCODE_MASK) >> OPCODE_SHIFT
