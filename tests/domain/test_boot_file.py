from ipaddress import IPv4Address, IPv4Network

import pytest

from fibrix.domain.boot_file import BootClient, BootFile, boot_file
from fibrix.domain.network import Subnet, SubnetMode, UnknownPolicy

RACK = IPv4Address("10.77.0.1")


def choose(
    client: BootClient, *, unknown: UnknownPolicy = UnknownPolicy.ENLIST, known: bool = False, boot: bool = True
) -> BootFile:
    subnet = Subnet(
        name="rack",
        interface="eth1",
        network=IPv4Network("10.77.0.0/24"),
        address=RACK,
        mode=SubnetMode.SERVE,
        unknown=unknown,
        boot=boot,
    )
    return boot_file(client, subnet, known=known, http_port=5248)


@pytest.mark.parametrize(
    ("client", "name"),
    [
        (BootClient(0), "undionly.kpxe"),
        (BootClient(7), "ipxe.efi"),
        (BootClient(9), "ipxe.efi"),
        (BootClient(16), "http://10.77.0.1:5248/boot/files/ipxe.efi"),
        (BootClient(0, ipxe=True), "http://10.77.0.1:5248/boot/start.ipxe"),
        (BootClient(7, ipxe=True), "http://10.77.0.1:5248/boot/start.ipxe"),
        (BootClient(16, ipxe=True), "http://10.77.0.1:5248/boot/start.ipxe"),
    ],
)
@pytest.mark.parametrize("known", [True, False])
def test_each_firmware_gets_its_file_and_ipxe_the_script(client: BootClient, name: str, known: bool) -> None:  # noqa: FBT001
    file = choose(client, known=known)
    assert (file.name, file.server, file.reason) == (name, RACK, "")


def test_uefi_http_boot_is_told_its_own_vendor_class() -> None:
    assert choose(BootClient(16)).vendor_class == "HTTPClient"
    assert choose(BootClient(7)).vendor_class == ""


@pytest.mark.parametrize(
    ("client", "what"),
    [
        (BootClient(6), "UEFI IA32"),
        (BootClient(11), "UEFI ARM64"),
        (BootClient(11, ipxe=True), "UEFI ARM64"),
        (BootClient(19), "UEFI ARM64 by HTTP"),
        (BootClient(999), "unknown"),
    ],
)
def test_firmware_that_nothing_is_made_for_gets_nothing_and_the_reason(client: BootClient, what: str) -> None:
    file, architecture = choose(client), client.architecture
    assert (file.name, file.reason) == ("", f"no boot file for architecture {architecture} ({what})")


def test_a_subnet_that_boots_nobody_gives_nothing_to_known_machines_either() -> None:
    file = choose(BootClient(0), known=True, boot=False)
    assert (file.name, file.reason) == ("", "rack gives nothing to boot")


def test_an_unknown_machine_is_ignored_where_the_subnet_says_so() -> None:
    client = BootClient(0)
    assert choose(client, unknown=UnknownPolicy.IGNORE).name == ""
    assert "not known" in choose(client, unknown=UnknownPolicy.IGNORE).reason
    assert choose(client, unknown=UnknownPolicy.IGNORE, known=True).name == "undionly.kpxe"
