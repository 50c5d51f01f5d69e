"""A Redfish service root as a stranger gives it, read as far as it is one: pure (DSP0266 §6.2)."""

from collections.abc import Mapping
from typing import Final

import msgspec

from fibrix.domain.scan_report import RedfishRoot
from fibrix.wire.text import tidy

MOST_BYTES: Final = 65_536
"""A service root has one or two thousand."""

_LONGEST: Final = 100  # characters of a text that are kept
_TYPE: Final = "#ServiceRoot."
_READER: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def read_root(body: bytes) -> RedfishRoot | None:
    """Read it; None: it is none."""
    try:
        fields = _READER.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    version = _text(fields, "RedfishVersion")
    if not version and not _text(fields, "@odata.type").startswith(_TYPE):
        return None
    return RedfishRoot(
        version=version,
        name=_text(fields, "Name"),
        uuid=_text(fields, "UUID").lower(),
        vendor=_text(fields, "Vendor") or _oem(fields),
        product=_text(fields, "Product"),
    )


def _text(fields: Mapping[str, msgspec.Raw], name: str) -> str:
    """A field that is text, printable and short; empty: it is not there, or something else."""
    try:
        words = msgspec.json.decode(fields.get(name, b'""'), type=str)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
    return tidy(words, _LONGEST)


def _oem(fields: Mapping[str, msgspec.Raw]) -> str:
    """Implementations older than the field `Vendor` show it as the first name of their own part."""
    try:
        parts = _READER.decode(fields.get("Oem", b"{}"))
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return ""
    return tidy(next(iter(parts), ""), _LONGEST)
