"""Which machine is this? SMBIOS UUIDs that can be trusted, and those that many boards share."""

import re
from typing import Final

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SHARED: Final = frozenset(
    {
        "03000200-0400-0500-0006-000700080009",  # a board maker's default that was never filled in
        "12345678-1234-5678-90ab-cddeefaabbcc",
        "fefefefe-fefe-fefe-fefe-fefefefefefe",
    }
)


def sane_uuid(text: str) -> str:
    """Give the UUID in lower case, or nothing where it cannot tell one machine from another."""
    uuid = text.strip().lower()
    if not _UUID.fullmatch(uuid) or uuid in _SHARED:
        return ""
    return "" if len(set(uuid.replace("-", ""))) <= 1 else uuid
