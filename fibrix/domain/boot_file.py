"""Which boot file a client is given: by its architecture, iPXE or not, and the subnet's way with unknown machines."""

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from fibrix.domain.network import Subnet, UnknownPolicy

START_SCRIPT: Final = "boot/start.ipxe"
"""Path of the script that iPXE starts with: it tells who the machine is, and chains to the script made for it.

A constant script, because iPXE does not expand its `${…}` settings in a file name that came by DHCP.
"""

HTTP_CLIENT: Final = "HTTPClient"
"""The vendor class that an answer to UEFI HTTP boot has to carry as well (UEFI 2.10 §24.7.2.1)."""

_TFTP_FILES: Final = {
    0: "undionly.kpxe",  # BIOS
    7: "ipxe.efi",  # UEFI x64 (RFC 4578 calls 7 "EFI BC"; all firmware means x64)
    9: "ipxe.efi",  # UEFI x64 of firmware that goes by RFC 4578's letter
}
_HTTP_FILES: Final = {16: "boot/files/ipxe.efi"}  # UEFI x64 by HTTP
_NAMES: Final = {
    6: "UEFI IA32",
    10: "UEFI ARM32",
    11: "UEFI ARM64",
    15: "UEFI IA32 by HTTP",
    18: "UEFI ARM32 by HTTP",
    19: "UEFI ARM64 by HTTP",
    27: "UEFI RISC-V 64",
    28: "UEFI RISC-V 64 by HTTP",
}
"""Known, but neither Debian's iPXE nor an ephemeral OS is made for it: iPXE gets nothing there either."""


@dataclass(frozen=True, slots=True)
class BootClient:
    """What a client says about how it boots. Architectures are IANA's numbers (RFC 4578 §2.1)."""

    architecture: int
    ipxe: bool = False


@dataclass(frozen=True, slots=True)
class BootFile:
    """A file name or URL, and the server it is at; without a name, the reason why there is none."""

    name: str
    server: IPv4Address
    vendor_class: str = ""  # to be told to the client
    reason: str = ""


def boot_file(client: BootClient, subnet: Subnet, *, known: bool, http_port: int) -> BootFile:
    """Choose. `known`: there is a boot entry for this machine. `http_port`: of the HTTP boot service."""
    server = subnet.address
    web = f"http://{server}:{http_port}/"
    if not subnet.boot:
        return BootFile("", server, reason=f"{subnet.name} gives nothing to boot")
    if not known and subnet.unknown is UnknownPolicy.IGNORE:
        return BootFile("", server, reason=f"machine is not known, and {subnet.name} ignores those")
    if client.ipxe and client.architecture not in _NAMES:
        return BootFile(web + START_SCRIPT, server)
    if (path := _HTTP_FILES.get(client.architecture)) is not None:
        return BootFile(web + path, server, vendor_class=HTTP_CLIENT)
    if (name := _TFTP_FILES.get(client.architecture)) is not None:
        return BootFile(name, server)
    what = _NAMES.get(client.architecture, "unknown")
    return BootFile("", server, reason=f"no boot file for architecture {client.architecture} ({what})")
