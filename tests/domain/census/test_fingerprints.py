"""What DHCP clients are, by what they say."""

import pytest

from fibrix.domain.census.fingerprints import FINGERPRINTS, bmc_evidence, client_kind
from fibrix.domain.census.sighting import DhcpClient


def client(vendor: str = "", user: str = "", architecture: int | None = None, wants: str = "") -> DhcpClient:
    return DhcpClient(
        vendor_class=vendor,
        user_class=user,
        architectures=() if architecture is None else (architecture,),
        wants=tuple(map(int, wants.split(","))) if wants else (),
    )


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (client("PXEClient:Arch:00000:UNDI:002001", architecture=0), "PXE ROM"),
        (client("PXEClient"), "PXE ROM"),
        (client("PXEClient:Arch:00007:UNDI:003000", architecture=7), "UEFI PXE x64"),
        (client("PXEClient:Arch:00007:UNDI:003000"), "UEFI PXE x64"),
        (client("PXEClient:Arch:00011:UNDI:003000", architecture=11), "UEFI PXE arm64"),
        (client("HTTPClient:Arch:00016:UNDI:003000", architecture=16), "UEFI HTTP boot x64"),
        (client("HTTPClient:Arch:00019:UNDI:003000", architecture=19), "UEFI HTTP boot arm64"),
        (client("PXEClient:Arch:00000:UNDI:002001", "iPXE", 0), "iPXE BIOS"),
        (client("PXEClient:Arch:00007:UNDI:003010", "iPXE", 7), "iPXE UEFI x64"),
        (client("PXEClient:Arch:00000:UNDI:002001", "gPXE", 0), "gPXE BIOS"),
        (DhcpClient(vendor_class="PXEClient:Arch:00000:UNDI:002001", user_class="PXE", ipxe="1.0.0"), "iPXE BIOS"),
        (DhcpClient(vendor_class="PXEClient", user_class="gPXE", ipxe="1.0.0"), "gPXE"),
        (DhcpClient(ipxe="1.0.0"), "iPXE"),
        (client("PXEClient:Arch:00027:UNDI:003010", architecture=27), "UEFI PXE riscv64"),
        (client("iDRAC"), "BMC"),
        (client("CPQRIB3"), "BMC"),
        (client("MSFT 5.0", wants="1,3,6"), "Windows"),
        (client("android-dhcp-14"), "Android"),
        (client("dhcpcd-9.4.1:Linux-6.1.0-18-amd64:x86_64:GenuineIntel"), "Linux"),
        (client("dhcpcd-10.0.6:FreeBSD-14.0:amd64"), "BSD"),
        (client("Mfg=Lexmark;Typ=Printer;Mod=Lexmark MS810n;Ser=1"), "printer"),
        (client("Cisco Systems, Inc. IP Phone CP-8841"), "phone"),
        (client("onie_vendor:x86_64-accton_as7712_32x-r0"), "switch"),
        (client(wants="1,28,2,3,15,6,119,12,44,47,26,121,42"), "Linux"),
        (client(wants="1,121,3,6,12,15,26,28,33,51,54,58,59,119"), "Linux"),
        (client(wants="1,3,6,12,15,33,42,120,121"), "Linux"),
        (client(wants="1,121,3,6,15,108,114,119,252,95,44,46"), "Apple"),
        (client(wants="1,121,3,6,15,108,114,119,252"), "Apple"),
        (DhcpClient(client_id="ff3f32eb1b00020000ab110033bdebf95e192c"), "Linux"),
        (client("udhcp 1.35.0", wants="1,3,6,12,15,28,42"), ""),
        (client(wants="1,3,6"), ""),
        (client("PXEClientX:Arch:7", architecture=9999), "PXE ROM"),
        (DhcpClient(), ""),
    ],
    ids=str,
)
def test_a_client_is_known_by_what_it_says(said: DhcpClient, kind: str) -> None:
    assert client_kind(said) == kind


def test_a_bmc_is_one_by_its_vendor_class() -> None:
    assert bmc_evidence(client("iDRAC")) == "DHCP vendor class iDRAC"
    assert not bmc_evidence(client("udhcp 1.35.0"))


def test_every_row_states_something_and_why() -> None:
    assert all(row.reason and (row.vendor or row.inside or row.wants or row.identifier) for row in FINGERPRINTS)


def test_no_row_hides_another() -> None:
    seen = [(row.vendor, row.inside, row.wants, row.identifier) for row in FINGERPRINTS]
    assert len(seen) == len(set(seen))
