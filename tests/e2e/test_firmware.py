"""Every way in which firmware boots from the network, up to the moment when iPXE asks what this machine is to boot."""

from ipaddress import IPv4Address
from pathlib import Path

import pytest

from fibrix.events.rack import BootAsked, DiscoverSeen
from fibrix.services.ndp.service import NdpService
from tests.peers.dhcp_wire import needs_namespaces
from tests.support.firmware import MAC, SUBNET, bios, cable, machine, services, uefi

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300), needs_namespaces]

ONLY_HTTP = [
    word for kind in ("IPv4PXE", "IPv6PXE") for word in ("-fw_cfg", f"name=opt/org.tianocore/{kind}Support,string=n")
]


async def test_a_bios_card_with_ipxe_goes_straight_to_the_script(tmp_path: Path) -> None:
    with cable("fxfw") as plugged:
        async with services(tmp_path, SUBNET) as bus, machine(bus, plugged, tmp_path, bios()) as booting:
            asked = await booting.asked()
    assert (asked.mac, asked.uefi) == (MAC, False)
    assert booting.files() == []
    assert booting.leases() == {asked.address} != {IPv4Address(0)}


async def test_ipxe_does_not_wait_for_an_ipv6_router_that_is_not_there(tmp_path: Path) -> None:
    waits = []
    for number, without in enumerate([(), (NdpService,)]):
        folder = tmp_path / str(number)
        folder.mkdir()
        with cable("fxfw") as plugged:
            async with services(folder, SUBNET, *without) as bus, machine(bus, plugged, folder, bios()) as booting:
                await booting.asked()
        waits.append(booting.after(BootAsked) - booting.after(DiscoverSeen))
    assert waits[0] < 8 < waits[1]


async def test_a_plain_pxe_rom_loads_ipxe_by_tftp_once(tmp_path: Path) -> None:
    """Stands for the vendor's ROM: an iPXE that hides what it is and gives what it loads its PXE services (UNDI)."""
    (tmp_path / "rom.ipxe").write_text(
        "#!ipxe\nifopen net0\nset user-class PXE\ndhcp net0 || shell\n"
        "echo as told: ${net0/filename} from ${net0/next-server}\n"
        "chain --autofree tftp://${net0/next-server}/undionly.kpxe || shell\n"
    )
    rom = bios("-kernel", "/usr/lib/ipxe/ipxe.lkrn", "-initrd", str(tmp_path / "rom.ipxe"))
    with cable("fxfw") as plugged:
        async with services(tmp_path, SUBNET) as bus, machine(bus, plugged, tmp_path, rom) as booting:
            asked = await booting.asked()
    assert (asked.mac, asked.uefi) == (MAC, False)
    assert booting.files() == [("tftp", "undionly.kpxe")]
    assert booting.leases() == {asked.address}


async def test_uefi_pxe_loads_ipxe_by_tftp_once(tmp_path: Path) -> None:
    with cable("fxfw") as plugged:
        async with services(tmp_path, SUBNET) as bus, machine(bus, plugged, tmp_path, uefi(tmp_path)) as booting:
            asked = await booting.asked()
    assert (asked.mac, asked.uefi) == (MAC, True)
    assert booting.discovers()[0].startswith("PXEClient:Arch:00007")
    assert booting.files() == [("tftp", "ipxe.efi")]
    assert booting.leases() == {asked.address}


async def test_uefi_http_boot_loads_ipxe_by_http_once(tmp_path: Path) -> None:
    hardware = uefi(tmp_path, *ONLY_HTTP)
    with cable("fxfw") as plugged:
        async with services(tmp_path, SUBNET) as bus, machine(bus, plugged, tmp_path, hardware) as booting:
            asked = await booting.asked()
    assert (asked.mac, asked.uefi) == (MAC, True)
    assert booting.discovers()[0].startswith("HTTPClient:Arch:00016")
    assert booting.files() == [("http", "ipxe.efi")]
    assert booting.leases() == {asked.address}
