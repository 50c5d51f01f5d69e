"""What MACs tell."""

import pytest

from fibrix.domain.census.macs import is_group, is_shared, maker
from fibrix.types import mac_from_octets


@pytest.mark.parametrize(
    ("mac", "name"),
    [
        ("52:54:00:00:00:01", "virtual: QEMU"),
        ("00:50:56:00:00:01", "virtual: VMware"),
        ("00:0c:29:00:00:01", "virtual: VMware"),
        ("00:15:5d:00:00:01", "virtual: Hyper-V"),
        ("00:16:3e:00:00:01", "virtual: Xen"),
        ("08:00:27:00:00:01", "virtual: VirtualBox"),
        ("02:42:ac:11:00:02", "virtual: Docker"),
        ("00:00:5e:00:01:0a", "virtual: VRRP"),
        ("00:00:0c:07:ac:01", "virtual: HSRP"),
        ("00:00:0c:9f:f1:23", "virtual: HSRP"),
        ("00:05:73:a0:00:01", "virtual: HSRP"),
        ("00:07:b4:00:01:01", "virtual: GLBP"),
        ("02:00:00:00:00:01", "made up"),
        ("72:eb:05:e8:bd:06", "made up"),
        ("00:25:90:00:00:01", "by the registry"),
        ("00:00:0c:9f:00:01", "by the registry"),
    ],
)
def test_who_made_an_interface(mac: str, name: str) -> None:
    octets = bytes.fromhex(mac.replace(":", ""))
    assert maker(octets, lambda _: "by the registry", mac_from_octets(octets)) == name


def test_macs_that_routers_share_are_told_from_those_of_virtual_machines() -> None:
    assert is_shared(bytes.fromhex("00005e00010a"))
    assert not is_shared(bytes.fromhex("525400000001"))


def test_groups_are_no_hosts() -> None:
    assert is_group(bytes.fromhex("01005e0000fb"))
    assert not is_group(bytes.fromhex("525400000001"))
