"""Cases of firmware in QEMU that boots from Fibrix's own services, up to the script of iPXE; and of whole hosts."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from fibrix.domain.network import SubnetMode
from tests.captures.make import dhcp
from tests.captures.make.lab import Host, Lab, passes, stop, until
from tests.captures.make.recipe import case
from tests.captures.make.recipes_cable import lldpd
from tests.captures.make.recipes_names import avahi, wsdd
from tests.support.firmware import SUBNET, bios, machine, services, uefi
from tests.support.netns import Wire, entered, ip

UUID: Final = ("-uuid", "00000000-0000-4000-8000-000000007709")
LIMIT_S: Final = 120
PLAIN_ROM: Final = """#!ipxe
ifopen net0
set user-class PXE
dhcp net0 || shell
chain --autofree tftp://${net0/next-server}/undionly.kpxe || shell
"""
ONLY_HTTP: Final = [
    word for kind in ("IPv4PXE", "IPv6PXE") for word in ("-fw_cfg", f"name=opt/org.tianocore/{kind}Support,string=n")
]


def _rack(lab: Lab) -> Host:
    """A host for Fibrix's services, and a port of the switch for a machine."""
    host = lab.host("gate", ipv6=True)
    for words in (
        "link set eth0 down",
        "link set eth0 name s0",
        f"addr add {SUBNET.address}/24 dev s0",
        "link set s0 up",
    ):
        host.ip(words)
    until(lambda: host.addresses("inet6"), "its own IPv6 address")
    for words in ("tuntap add tap0 mode tap", "link set tap0 master br0 up"):
        ip("-n", lab.switch.netns, *words.split())
    return host


def _boots(lab: Lab, hardware: Callable[[Path], list[str]], *, proxy: bool = False) -> None:
    host = _rack(lab)

    async def boot() -> None:
        plugged = Wire(host.netns, lab.switch.netns)
        of = replace(SUBNET, mode=SubnetMode.PROXY, ranges=()) if proxy else SUBNET
        pc = [*hardware(host.folder), *UUID]
        async with (
            services(host.folder, of) as bus,
            asyncio.timeout(LIMIT_S),
            machine(bus, plugged, host.folder, pc) as booting,
        ):
            await booting.asked()

    with entered(host.netns):
        asyncio.run(boot())


@case("firmware/seabios-ipxe", "qemu-system-x86", "ipxe-qemu", "fibrix")
def seabios(lab: Lab) -> None:
    """SeaBIOS and the iPXE ROM of QEMU's virtio card boot from Fibrix."""
    _boots(lab, lambda _: bios())


@case("firmware/seabios-undionly", "qemu-system-x86", "ipxe", "fibrix")
def undionly(lab: Lab) -> None:
    """Stands for a vendor's PXE ROM: an iPXE that says `PXE` as its user class, and loads undionly.kpxe by TFTP."""

    def hardware(folder: Path) -> list[str]:
        (folder / "rom.ipxe").write_text(PLAIN_ROM)
        return bios("-kernel", "/usr/lib/ipxe/ipxe.lkrn", "-initrd", str(folder / "rom.ipxe"))

    _boots(lab, hardware)


@case("firmware/ovmf-pxe", "qemu-system-x86", "ovmf", "ipxe", "fibrix")
def ovmf(lab: Lab) -> None:
    """OVMF boots by its own PXE from Fibrix, loads ipxe.efi by TFTP, which asks again."""
    _boots(lab, uefi)


@case("firmware/ovmf-http", "qemu-system-x86", "ovmf", "ipxe", "fibrix")
def ovmf_http(lab: Lab) -> None:
    """OVMF boots by HTTP from Fibrix, its PXE switched off; loads ipxe.efi, which asks again."""
    _boots(lab, lambda folder: uefi(folder, *ONLY_HTTP))


@case("firmware/ovmf-proxy", "qemu-system-x86", "ovmf", "ipxe", "dnsmasq-base", "fibrix")
def proxied(lab: Lab) -> None:
    """OVMF boots from Fibrix as proxyDHCP, with an address that a dnsmasq gives."""
    dhcp.dnsmasq(lab.host("other", "10.66.0.2/24"), first="10.66.0.150", last="10.66.0.159")
    _boots(lab, uefi, proxy=True)


@case("boot/whole-host", "isc-dhcp-client", "dnsmasq-base", "avahi-daemon", "lldpd", "wsdd")
def whole(lab: Lab) -> None:
    """A host comes up with all that it speaks: dhclient, then avahi, wsdd and lldpd. It is one discovery."""
    dhcp.served(lab)
    host = lab.host("alder")
    dhcp.dhclient(host)
    host.has_address()
    avahi(host, {"_ssh._tcp": 22})
    wsdd(host, 3, "-4")
    lldpd(host)


@case("boot/reinstalled", "isc-dhcp-client", "udhcpc", "dnsmasq-base", "avahi-daemon")
def reinstalled(lab: Lab) -> None:
    """A machine is installed anew: an installer's udhcpc with no name, then the system with dhclient and avahi."""
    dhcp.served(lab)
    host = lab.host("alder")
    installer = host.start("udhcpc", "-f", "-i", "eth0", "-s", dhcp.hook(host), "-V", "d-i")
    host.has_address()
    passes(3)
    stop(installer)
    host.ip("addr flush dev eth0")
    dhcp.dhclient(host)
    host.has_address()
    avahi(host)
