"""Small types that every floor may use."""

import re
from typing import Final, NewType

from fibrix.errors import InvalidError

MacAddress = NewType("MacAddress", str)
"""An Ethernet address in lower case with colons: `52:54:00:77:00:01`."""

MachineId = NewType("MachineId", str)
"""An opaque id that a machine keeps for life: `m` and 9 base-32 digits."""

BootId = NewType("BootId", str)
"""An opaque id of one boot of one machine, made when the boot is asked for."""

RunId = NewType("RunId", str)
"""An opaque id of one run of one machine script."""

TenantId = NewType("TenantId", str)
"""An opaque id of a tenant: `t` and 9 base-32 digits. Empty: the region itself."""

UserId = NewType("UserId", str)
"""An opaque id of a user: `u` and 9 base-32 digits. Empty: nobody."""

ApiKeyId = NewType("ApiKeyId", str)
"""An opaque id of an API key: `k` and 9 base-32 digits. It is no secret."""

SessionId = NewType("SessionId", str)
"""The SHA-256 of a browser session's cookie, in hex."""

OperationId = NewType("OperationId", str)
"""An opaque id of an operation: `o` and 9 base-32 digits."""

WebhookId = NewType("WebhookId", str)
"""An opaque id of a webhook: `w` and 9 base-32 digits."""

_SEPARATORS: Final = re.compile(r"[:\-.]")
_HEX12: Final = re.compile(r"[0-9a-f]{12}")


def parse_mac(text: str) -> MacAddress:
    """Read a MAC as people write it (`52-54-00-77-00-01`, `5254.0077.0001`, …). Raises InvalidError."""
    digits = _SEPARATORS.sub("", text.strip().lower())
    if not _HEX12.fullmatch(digits):
        raise InvalidError(f"{text!r} is not a MAC address: write it as 52:54:00:77:00:01")
    return MacAddress(":".join(digits[i : i + 2] for i in range(0, 12, 2)))


def mac_from_octets(octets: bytes) -> MacAddress:
    """Name the MAC of 6 octets."""
    return MacAddress(octets.hex(":"))
