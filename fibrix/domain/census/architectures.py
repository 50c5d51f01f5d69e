"""Client system architectures (RFC 4578 §2.1; the list is IANA's "Processor Architecture Types")."""

from typing import Final

BIOS: Final = "BIOS"
UBOOT: Final = "U-Boot"
UEFI: Final = "UEFI"

ARCHITECTURES: Final[dict[int, tuple[str, str, bool]]] = {
    0: (BIOS, "", False),
    1: (BIOS, "PC-98", False),
    2: (UEFI, "Itanium", False),
    6: (UEFI, "x86", False),
    7: (UEFI, "x64", False),
    9: (UEFI, "x64", False),  # "EBC" in the list; what older x64 firmware sends
    10: (UEFI, "arm32", False),
    11: (UEFI, "arm64", False),
    12: ("Open Firmware", "PowerPC", False),
    13: ("ePAPR", "PowerPC", False),
    14: ("OPAL", "POWER", False),
    15: (UEFI, "x86", True),
    16: (UEFI, "x64", True),
    17: (UEFI, "x64", True),
    18: (UEFI, "arm32", True),
    19: (UEFI, "arm64", True),
    20: (BIOS, "", True),
    21: (UBOOT, "arm32", False),
    22: (UBOOT, "arm64", False),
    23: (UBOOT, "arm32", True),
    24: (UBOOT, "arm64", True),
    25: (UEFI, "riscv32", False),
    26: (UEFI, "riscv32", True),
    27: (UEFI, "riscv64", False),
    28: (UEFI, "riscv64", True),
}
"""By number: the firmware, the processor where it is not a PC's, whether it boots by HTTP."""


def platform(number: int) -> str:
    """Name firmware and processor: `UEFI x64`, `BIOS`; empty: the number is not known."""
    firmware, processor, _ = ARCHITECTURES.get(number, ("", "", False))
    return f"{firmware} {processor}".strip()


def boots_by_http(number: int) -> bool:
    """Whether it asks for a URL."""
    return ARCHITECTURES.get(number, ("", "", False))[2]
