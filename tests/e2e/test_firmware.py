"""Every way in which firmware boots from the network, up to the moment when iPXE asks what this machine is to boot."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from msgspec.structs import replace

from fibrix.domain.network import SubnetMode
from fibrix.events.rack import BootAsked, DiscoverSeen
from fibrix.services.ndp.service import NdpService
from tests.peers.dhcp_wire import needs_namespaces
from tests.support.firmware import MAC, SUBNET, bios, cable, machine, other_server, services, uefi

PLAIN_ROM = """#!ipxe
ifopen net0
set user-class PXE
dhcp net0 || shell
isset ${proxydhcp/filename} && set from ${proxydhcp/next-server} || set from ${net0/next-server}
chain --autofree tftp://${from}/undionly.kpxe || shell
"""
"""Stands for a vendor's ROM: an iPXE that hides what it is and gives what it loads its PXE services (UNDI)."""

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300), needs_namespaces]

ONLY_HTTP = [
    word for kind in ("IPv4PXE", "IPv6PXE") for word in ("-fw_cfg", f"name=opt/org.tianocore/{kind}Support,string=n")
]


def plain_rom(folder: Path) -> list[str]:
    (folder / "rom.ipxe").write_text(PLAIN_ROM)
    return bios("-kernel", "/usr/lib/ipxe/ipxe.lkrn", "-initrd", str(folder / "rom.ipxe"))


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
    rom = plain_rom(tmp_path)
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


@pytest.mark.parametrize(
    ("hardware", "files"),
    [
        (lambda folder: bios(), []),
        (plain_rom, [("tftp", "undionly.kpxe")]),
        (uefi, [("tftp", "ipxe.efi")]),
        (lambda folder: uefi(folder, *ONLY_HTTP), [("http", "ipxe.efi")]),
    ],
    ids=["ipxe", "plain-rom", "uefi", "uefi-http"],
)
async def test_firmware_boots_from_us_with_an_address_of_another_server(
    tmp_path: Path, hardware: Callable[[Path], list[str]], files: list[tuple[str, str]]
) -> None:
    proxied = replace(SUBNET, mode=SubnetMode.PROXY, ranges=())
    with cable("fxfw") as plugged:
        async with (
            other_server(plugged, tmp_path),
            services(tmp_path, proxied) as bus,
            machine(bus, plugged, tmp_path, hardware(tmp_path)) as booting,
        ):
            asked = await booting.asked()
    assert asked.mac == MAC
    assert asked.address in IPv4Network("10.66.0.144/28")
    assert booting.files() == files
    assert booting.leases() == set()
