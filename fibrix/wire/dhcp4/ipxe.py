"""What iPXE says of itself in option 175 (its src/include/ipxe/dhcp.h)."""

from typing import Final

from fibrix.errors import MalformedPacketError

_PAD: Final = 0
_END: Final = 255
_VERSION: Final = 235
_VERSION_OCTETS: Final = 3


def ipxe_version(data: bytes) -> str:
    """Its version, as `1.0.0`; empty: it tells none.

    Per option 1 octet of code, 1 of length, the value, as in DHCP itself; the version is 3 octets: major, minor, patch.
    Raises MalformedPacketError.
    """
    version, at = "", 0
    while at < len(data) and data[at] != _END:
        if data[at] == _PAD:
            at += 1
            continue
        begin = at + 2
        size = data[at + 1] if begin <= len(data) else _END
        if begin + size > len(data):
            raise MalformedPacketError(f"iPXE options: the one at octet {at} has no end")
        if data[at] == _VERSION and size == _VERSION_OCTETS:
            version = ".".join(map(str, data[begin : begin + size]))
        at = begin + size
    return version
