"""Completion codes in words (§5.2, table 5-2)."""

from collections.abc import Mapping
from typing import Final

OK: Final = 0x00
BUSY: Final = 0xC0

GENERIC: Final[Mapping[int, str]] = {
    0xC0: "the BMC is busy",
    0xC1: "the BMC does not know this command",
    0xC2: "the BMC does not know this command for this LUN",
    0xC3: "the BMC timed out on it",
    0xC4: "the BMC is out of space",
    0xC5: "the BMC's reservation is gone",
    0xC6: "the BMC found the request cut short",
    0xC7: "the BMC found the request's length wrong",
    0xC8: "the BMC found the request too long",
    0xC9: "the BMC found a parameter out of range",
    0xCA: "the BMC cannot return that many octets",
    0xCB: "the BMC has no such sensor, record or data",
    0xCC: "the BMC found an invalid field in the request",
    0xCD: "the command is illegal for this sensor or record",
    0xCE: "the BMC could not give an answer",
    0xCF: "the BMC took it for a duplicate",
    0xD0: "the BMC's sensor data is being updated",
    0xD1: "the BMC is being updated",
    0xD2: "the BMC is still starting",
    0xD3: "the BMC cannot deliver it: destination unavailable",
    0xD4: "the user's privilege is too low: give it the operator role in the BMC",
    0xD5: "the BMC cannot do it in the machine's present state",
    0xD6: "the command is disabled in the BMC",
    0xFF: "the BMC gave no reason",
}


def describe(code: int, specific: Mapping[int, str]) -> str:
    """Say in words why a command was refused; `specific` are the command's own codes (80h to BEh)."""
    words = specific.get(code) or GENERIC.get(code) or "a code that the specification does not have"
    return f"{words} ({code:02X}h)"
