"""The kernel's tables of addresses and routes."""

from ipaddress import IPv4Address

from fibrix.domain.network import AddressRange
from fibrix.services.scan.kernel import _link_locals, _routes, routed

ADDRESSES = """\
00000000000000000000000000000001 01 80 10 80       lo
20010db8000000000000000000000001 02 40 00 80     eth1
fe80000000000000505400fffe770002 02 40 20 c0     eth1
fe80000000000000505400fffe770001 02 40 20 80     eth1
"""
ROUTES = """\
Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	FE0200C0	0003	0	0	0	00000000	0	0	0
eth1	0000010A	00000000	0001	0	0	0	00FFFFFF	0	0	0
eth1	0000020A	FE00010A	0003	0	0	0	0000FFFF	0	0	0
"""


def test_an_address_that_is_not_ours_yet_is_not_used() -> None:
    assert [str(one) for one in _link_locals("eth1", ADDRESSES.splitlines())] == ["fe80::5054:ff:fe77:1"]
    assert not list(_link_locals("eth2", ADDRESSES.splitlines()))


def test_routes_are_those_of_the_interface() -> None:
    assert [str(one) for one in _routes("eth1", ROUTES.splitlines())] == ["10.1.0.0/24", "10.2.0.0/16"]


def test_where_no_route_leads_nothing_is_routed() -> None:
    nowhere = AddressRange(first=IPv4Address("198.51.100.1"), last=IPv4Address("198.51.100.9"))
    assert not routed((nowhere,), "no-such-if")
