"""What speaks DHCP, by what it says of itself: one table, the first row that fits counts.

Only what is sure is in it. A vendor class of a maker says enough; a list of wanted options does where it is one
program's own. Rows that are marked "measured" were heard from that program.
"""

from dataclasses import dataclass
from typing import Final

from fibrix.domain.census.architectures import boots_by_http, platform
from fibrix.domain.census.sighting import DhcpClient

LINUX: Final = "Linux"
WINDOWS: Final = "Windows"
APPLE: Final = "Apple"
PHONE: Final = "phone"
PRINTER: Final = "printer"
SWITCH: Final = "switch"
ACCESS_POINT: Final = "access point"
BMC: Final = "BMC"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A row: all that is stated in it has to fit."""

    kind: str
    reason: str
    vendor: str = ""  # how the vendor class (option 60) begins
    inside: str = ""  # what is somewhere in the vendor class
    wants: tuple[int, ...] = ()  # the whole parameter request list (option 55)
    identifier: tuple[str, int, str] | None = None  # the client identifier (61), hex: its begin, digits to skip, then

    def fits(self, client: DhcpClient) -> bool:
        """Whether a client is of this kind."""
        if self.wants and client.wants != self.wants:
            return False
        if self.identifier is not None:
            begin, skip, then = self.identifier
            rest = client.client_id.removeprefix(begin)
            if not client.client_id.startswith(begin) or not rest[skip:].startswith(then):
                return False
        return client.vendor_class.startswith(self.vendor) and self.inside in client.vendor_class


_MACOS: Final = (119, 252, 95, 44, 46)  # LDAP (95) and NetBIOS names (44, 46) are asked for by macOS, not by iOS

FINGERPRINTS: Final = (
    Fingerprint(BMC, "Dell's iDRAC says so, to be given its configuration", vendor="iDRAC"),
    Fingerprint(BMC, "HPE's iLO: its board was Compaq's Remote Insight Board", vendor="CPQRIB"),
    Fingerprint(BMC, "the BMC of NVIDIA's BlueField cards", vendor="NVIDIA/BF/BMC"),
    Fingerprint(WINDOWS, "Windows 2000 and later", vendor="MSFT 5.0"),
    Fingerprint("Android", "Android 6 and later, with its version", vendor="android-dhcp-"),
    Fingerprint("U-Boot", "the boot loader of boards", vendor="U-Boot"),
    Fingerprint(SWITCH, "a switch without its system yet: Open Network Install Environment", vendor="onie_vendor:"),
    Fingerprint(SWITCH, "Cisco's plug and play", vendor="ciscopnp"),
    Fingerprint(SWITCH, "Juniper's EX and QFX", vendor="Juniper-ex"),
    Fingerprint(SWITCH, "Juniper's EX and QFX", vendor="Juniper-qfx"),
    Fingerprint(ACCESS_POINT, "Cisco's", vendor="Cisco AP "),
    Fingerprint(ACCESS_POINT, "Aruba's", vendor="ArubaAP"),
    Fingerprint(PHONE, "Cisco's", vendor="Cisco Systems, Inc. IP Phone"),
    Fingerprint(PHONE, "Polycom's", vendor="Polycom-"),
    Fingerprint(PHONE, "Yealink's", vendor="yealink"),
    Fingerprint(PRINTER, "HP's", vendor="Hewlett-Packard JetDirect"),
    Fingerprint(PRINTER, "as IEEE 1284 ids say it: HP, Lexmark, Xerox and others", inside="Typ=Printer"),
    Fingerprint("Fibrix agent", "what Fibrix lets machines boot", vendor="fibrix-agent"),
    Fingerprint(LINUX, "Debian's installer", vendor="d-i"),
    Fingerprint(LINUX, "the installer of Fedora and Red Hat", vendor="anaconda-Linux"),
    Fingerprint(LINUX, "dhcpcd, with the kernel's name", vendor="dhcpcd-", inside=":Linux"),
    Fingerprint("BSD", "dhcpcd, with the kernel's name", vendor="dhcpcd-", inside="BSD"),
    Fingerprint(
        LINUX, "systemd's DUID: its enterprise number, 43793", identifier=("ff", 8, "00020000ab11")
    ),  # measured: systemd-networkd 252; ff, 4 octets of IAID, DUID type 2
    Fingerprint(LINUX, "systemd-networkd", wants=(1, 3, 6, 12, 15, 33, 42, 120, 121)),  # measured: 252
    Fingerprint(
        LINUX, "ISC dhclient as Debian sets it up", wants=(1, 28, 2, 3, 15, 6, 119, 12, 44, 47, 26, 121, 42)
    ),  # measured: 4.4.3
    Fingerprint(
        LINUX, "dhcpcd as Debian sets it up", wants=(1, 121, 3, 6, 12, 15, 26, 28, 33, 51, 54, 58, 59, 119)
    ),  # measured: 9.4.1
    Fingerprint(
        LINUX,
        "NetworkManager's own client",
        wants=(1, 2, 6, 12, 15, 26, 28, 121, 3, 33, 40, 41, 42, 119, 249, 252, 17),
    ),
    Fingerprint(WINDOWS, "Windows 10 and later", wants=(1, 3, 6, 15, 31, 33, 43, 44, 46, 47, 119, 121, 249, 252)),
    Fingerprint(APPLE, "macOS 11 and later", wants=(1, 121, 3, 6, 15, 108, 114, *_MACOS)),
    Fingerprint(APPLE, "macOS 10.15", wants=(1, 121, 3, 6, 15, 114, *_MACOS)),
    Fingerprint(APPLE, "macOS before", wants=(1, 121, 3, 6, 15, *_MACOS)),
    Fingerprint(APPLE, "iOS 14 and later", wants=(1, 121, 3, 6, 15, 108, 114, 119, 252)),
    Fingerprint(APPLE, "iOS before", wants=(1, 121, 3, 6, 15, 119, 252)),
)
"""What is not here, as it is no proof: "udhcp" (a BMC, a router, a camera, an installer: BusyBox is everywhere)."""


def client_kind(client: DhcpClient) -> str:
    """What speaks as DHCP client: `iPXE BIOS`, `UEFI PXE arm64`, `UEFI HTTP boot x64`, `Linux`; empty: unknown."""
    return _boots(client) or next((one.kind for one in FINGERPRINTS if one.fits(client)), "")


def bmc_evidence(client: DhcpClient) -> str:
    """How a DHCP client shows that it is a BMC; empty: it does not."""
    return f"DHCP vendor class {client.vendor_class}" if client_kind(client) == BMC else ""


def _boots(client: DhcpClient) -> str:
    """Network boot: by user class, vendor class and architecture (RFC 4578; UEFI 2.10 §24.7 for HTTP).

    iPXE may be set up to have another user class; that it tells its version in options of its own is enough.
    """
    said, _, rest = client.vendor_class.partition(":Arch:")
    number = client.architectures[0] if client.architectures else _number(rest)
    known = "" if number is None else platform(number)
    if client.user_class in ("iPXE", "gPXE") or client.ipxe:
        return f"{'gPXE' if client.user_class == 'gPXE' else 'iPXE'} {known}".strip()
    if said.startswith("HTTPClient") or (number is not None and client.architectures and boots_by_http(number)):
        return _worded(known, "HTTP boot")
    if said.startswith("PXEClient"):
        return "PXE ROM" if known in ("BIOS", "") else _worded(known, "PXE")
    return ""


def _worded(known: str, does: str) -> str:
    """`UEFI x64` that does `PXE` is `UEFI PXE x64`."""
    firmware, _, processor = known.rpartition(" ") if " " in known else (known, "", "")
    return " ".join(word for word in (firmware, does, processor) if word)


def _number(rest: str) -> int | None:
    digits = rest[:5]
    return int(digits) if digits.isascii() and digits.isdigit() else None
