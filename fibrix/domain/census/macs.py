"""What a MAC itself tells: made up, of a virtual machine, shared by routers."""

from collections.abc import Callable
from typing import Final

from fibrix.types import MacAddress

_GROUP: Final = 1  # bits of the first octet: IEEE 802 §8.2
_LOCAL: Final = 2
_HSRP2: Final = bytes.fromhex("00000c9f")  # version 2: f0:00 to ff:ff
_HSRP2_FROM: Final = 0xF0

VIRTUAL: Final[dict[bytes, str]] = {
    bytes.fromhex("525400"): "QEMU",  # locally administered: libvirt's and QEMU's habit
    bytes.fromhex("005056"): "VMware",
    bytes.fromhex("000c29"): "VMware",
    bytes.fromhex("000569"): "VMware",
    bytes.fromhex("00155d"): "Hyper-V",
    bytes.fromhex("00163e"): "Xen",
    bytes.fromhex("080027"): "VirtualBox",
    bytes.fromhex("0a0027"): "VirtualBox",  # its host's own interface
    bytes.fromhex("001c42"): "Parallels",
    bytes.fromhex("0242ac"): "Docker",  # 02:42 and the four octets of the container's address, mostly in 172.16.0.0/12
}
"""Who makes virtual interfaces, by the first three octets."""

SHARED: Final[dict[bytes, str]] = {
    bytes.fromhex("00005e0001"): "VRRP",  # RFC 9568 §7.3; CARP uses the same
    bytes.fromhex("00005e0002"): "VRRP",  # for IPv6
    bytes.fromhex("00000c07ac"): "HSRP",
    bytes.fromhex("000573a0"): "HSRP",  # version 2 for IPv6
    bytes.fromhex("0007b400"): "GLBP",
}
"""Which MACs pass between routers, by the first octets."""


def is_group(mac: bytes) -> bool:
    """Whether it stands for many hosts: no frame can come from it."""
    return bool(mac[0] & _GROUP)


def is_shared(mac: bytes) -> bool:
    """Whether routers hand it to one another."""
    return bool(_sharing(mac))


def maker(mac: bytes, registered: Callable[[MacAddress], str], text: MacAddress) -> str:
    """Say who made an interface: by what is known of its MAC, else by a registry."""
    if protocol := _sharing(mac):
        return f"virtual: {protocol}"
    if virtual := VIRTUAL.get(mac[:3]):
        return f"virtual: {virtual}"
    return "made up" if mac[0] & _LOCAL else registered(text)


def _sharing(mac: bytes) -> str:
    if mac[0]:
        return ""
    if mac[:4] == _HSRP2 and mac[4] >= _HSRP2_FROM:
        return "HSRP"
    return SHARED.get(mac[:5]) or SHARED.get(mac[:4]) or ""
