"""The iPXE scripts: pure. A machine is never left at a dead prompt: whatever fails is said, and tried again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from fibrix.domain.boot_menu import BootPlan
from fibrix.domain.rack import BootAction
from fibrix.types import MacAddress, parse_mac
from fibrix.wire.ipxe import Setting, echo, script, word, words

_PAUSE_S: Final = 5
_VALUE_CHARACTERS: Final = 128  # SMBIOS strings are shorter; the query may be anyone's
_MAC: Final = "netX/mac"  # netX is the interface that iPXE opened last: the one it boots from
_SMBIOS: Final = ("manufacturer", "product", "serial", "asset")


@dataclass(frozen=True, slots=True)
class Asker:
    """What iPXE told of the machine. Anything but the MAC may be empty, and none of it is proven."""

    mac: MacAddress
    uefi: bool = False
    uuid: str = ""
    manufacturer: str = ""
    product: str = ""
    serial: str = ""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Self:
        """Read the query of a request for a script. Raises InvalidError for a missing or odd MAC."""
        return cls(
            parse_mac(query.get("mac", "")),
            query.get("platform", "") == "efi",
            _tidy(query.get("uuid", "")),
            *(_from_hex(query.get(name, "")) for name in ("manufacturer", "product", "serial")),
        )


def _from_hex(digits: str) -> str:
    """Read a setting that was sent with `:hexraw`; what is no hex says nothing."""
    try:
        return _tidy(bytes.fromhex(digits).decode("utf-8", "replace"))
    except ValueError:
        return ""


def _tidy(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text[:_VALUE_CHARACTERS]).strip()


def start_script(boot_url: str) -> str:
    """What every machine begins with: ask for the script made for it, until there is an answer.

    `boot_url` ends in a slash. SMBIOS strings may hold anything and travel as hex digits: iPXE of 2019 undoes the
    percent-encoding of `:uristring` before it sends a URL, and so cuts it at `&`, `#` and zero octets.
    """
    query: list[str | Setting] = ["mac=", Setting(_MAC), "&platform=", Setting("platform"), "&uuid=", Setting("uuid")]
    for name in _SMBIOS:
        query += [f"&{name}=", Setting(f"{name}:hexraw")]
    ask = word(f"{boot_url}script?", *query)
    return script(
        [
            ":ask",
            f"chain --replace --autofree {ask} ||",
            echo(f"Fibrix does not answer at {boot_url} - trying again in {_PAUSE_S} s"),
            f"sleep {_PAUSE_S}",
            "goto ask",
        ]
    )


def machine_script(plan: BootPlan, boot_url: str, *, uefi: bool) -> str:
    """The script for one machine. Raises InvalidError when a value of the plan could break out of its line."""
    said = echo(f"Fibrix: {plan.reason}")
    match plan.action:
        case BootAction.EPHEMERAL:
            return script([said, *_ephemeral(plan, boot_url), *_ask_again(boot_url)])
        case BootAction.DISK:
            return script([said, *_local_boot(uefi=uefi)])
        case BootAction.WAIT:
            return script([said, *_ask_again(boot_url)])


def _ephemeral(plan: BootPlan, boot_url: str) -> list[str]:
    folder = f"{boot_url}files/ephemeral/{plan.ephemeral}/"
    arguments = (
        "initrd=initrd",  # by this name the kernel's EFI stub asks iPXE for it
        *words(plan.console),
        word("fibrix.url=", plan.agent_url),
        word("fibrix.token=", plan.token),
        word("BOOTIF=01-", Setting(f"{_MAC}:hexhyp")),
    )
    return [
        "imgfree",  # what an attempt before this one may have left
        " ".join(("kernel", "--name vmlinuz", word(folder, "vmlinuz"), *arguments, "|| goto failed")),
        " ".join(("initrd", "--name initrd", word(folder, "initrd"), "|| goto failed")),
        "boot || goto failed",
        ":failed",
        echo("Fibrix: the ephemeral OS could not be fetched or started"),
    ]


def _local_boot(*, uefi: bool) -> list[str]:
    """Go on to the local disk.

    UEFI: leaving iPXE with a failure makes the firmware try the next boot option; after a success many stop at their
    menu, as the UEFI specification's boot manager chapter has it (3.1). BIOS: not every one tries the next device when
    a network boot returns, so the first disk (0x80) is booted right here; where that has no boot sector, iPXE is left
    after all.
    """
    return ["exit 1"] if uefi else ["sanboot --no-describe --drive 0x80 ||", "exit"]


def _ask_again(boot_url: str) -> list[str]:
    return [
        ":again",
        f"sleep {_PAUSE_S}",
        f"chain --replace --autofree {word(boot_url, 'start.ipxe')} || goto again",
    ]
