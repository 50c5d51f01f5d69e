"""What a relay says about where a client is: the sub-options of option 82 (RFC 3046)."""

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from fibrix.errors import MalformedPacketError
from fibrix.wire.cursor import Cursor

CIRCUIT_ID: Final = 1  # RFC 3046 §3.1
REMOTE_ID: Final = 2  # RFC 3046 §3.2
LINK_SELECTION: Final = 5  # RFC 3527
SUBSCRIBER_ID: Final = 6  # RFC 3993
SERVER_OVERRIDE: Final = 11  # RFC 5107

_ADDRESSES: Final = frozenset({LINK_SELECTION, SERVER_OVERRIDE})


@dataclass(frozen=True, slots=True)
class RelayInformation:
    """Sub-options by code, in the relay's order. What goes back to the relay is option 82 as it came, not this."""

    suboptions: tuple[tuple[int, bytes], ...] = ()

    def get(self, code: int) -> bytes:
        """The payload of the first sub-option with this code; empty where there is none."""
        return next((data for have, data in self.suboptions if have == code), b"")

    @property
    def circuit(self) -> str:
        """The port of the relay that the client is behind, to be shown."""
        return shown(self.get(CIRCUIT_ID))

    @property
    def remote(self) -> str:
        """The far end of that port, as a modem or the relay itself, to be shown."""
        return shown(self.get(REMOTE_ID))

    @property
    def subscriber(self) -> str:
        """Whose line it is, to be shown."""
        return shown(self.get(SUBSCRIBER_ID))

    @property
    def link(self) -> IPv4Address | None:
        """An address of the subnet that the client is in, which counts more than `giaddr` (RFC 3527)."""
        return _address(self.get(LINK_SELECTION))

    @property
    def server(self) -> IPv4Address | None:
        """What has to stand as server identifier, so that the client speaks through the relay (RFC 5107)."""
        return _address(self.get(SERVER_OVERRIDE))


class RelayAgent:
    """Relay agent information: per sub-option 1 octet of code, 1 of length, then its payload (RFC 3046 §2.0)."""

    def decode(self, data: bytes) -> RelayInformation:
        """Read it."""
        at, suboptions = Cursor(data, "relay agent information"), []
        while at.left:
            code, length = at.number(1), at.number(1)
            payload = at.octets(length)
            if code in _ADDRESSES and length != 4:
                raise MalformedPacketError(f"sub-option {code} of {length} octets is not an IPv4 address")
            suboptions.append((code, payload))
        return RelayInformation(tuple(suboptions))

    def encode(self, value: RelayInformation) -> bytes:
        """Write it, as a relay does."""
        return b"".join(bytes((code, len(payload))) + payload for code, payload in value.suboptions)


def shown(octets: bytes) -> str:
    """Text where it is text, else hex digits: relays put in either."""
    text = octets.rstrip(b"\0").decode("latin-1")
    return text if text.isascii() and text.isprintable() else octets.hex(":")


def _address(octets: bytes) -> IPv4Address | None:
    return IPv4Address(octets) if octets else None


RELAY_AGENT: Final = RelayAgent()
