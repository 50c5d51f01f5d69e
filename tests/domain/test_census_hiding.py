"""What is hidden of hosts, and what networks an address is in."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.domain.census.hiding import HiddenNetwork, Veil, check_hidden
from fibrix.domain.census.host import HostStep
from fibrix.domain.network_index import NetworkIndex
from fibrix.errors import InvalidError
from tests.support.hosts import NOON, SERVER, host

PUBLIC = HiddenNetwork(id="h1", network="203.0.113.0/24")
UPLINK = HiddenNetwork(id="h2", interface="eth0")
GUESTS = HiddenNetwork(id="h3", interface="eth1", vlan=7)
UNTAGGED = HiddenNetwork(id="h4", interface="eth2", vlan=0)
VEIL = Veil([PUBLIC, UPLINK, GUESTS, UNTAGGED, HiddenNetwork(id="h5", network="2001:db8::/32")])


@pytest.mark.parametrize(
    ("interface", "vlan", "addresses", "left"),
    [
        ("eth1", 0, (), ()),
        ("eth1", 0, ("10.0.0.5",), ("10.0.0.5",)),
        ("eth1", 0, ("203.0.113.9",), None),
        ("eth1", 0, ("203.0.113.9", "fe80::1"), None),
        ("eth1", 0, ("2001:db8:1::5", "169.254.3.4"), None),
        ("eth1", 0, ("203.0.113.9", "10.0.0.5", "fe80::1"), ("10.0.0.5", "fe80::1")),
        ("eth0", 0, ("10.0.0.5",), None),
        ("eth0", 12, ("10.0.0.5",), None),
        ("eth1", 7, ("10.0.0.5",), None),
        ("eth1", 8, ("10.0.0.5",), ("10.0.0.5",)),
        ("eth2", 0, (), None),
        ("eth2", 5, (), ()),
    ],
)
def test_hosts_are_hidden_by_place_and_by_address(
    interface: str, vlan: int, addresses: tuple[str, ...], left: tuple[str, ...] | None
) -> None:
    shown = VEIL.show(host(SERVER, *addresses, interface=interface, vlan=vlan))
    assert (shown and tuple(each.address for each in shown.addresses)) == left


def test_the_history_tells_nothing_of_a_hidden_address() -> None:
    steps = (HostStep(at=NOON, what="203.0.113.9 is contested"), HostStep(at=NOON, what="gone"))
    shown = VEIL.show(host(SERVER, "203.0.113.9", "10.0.0.5", history=steps))
    assert shown is not None
    assert [step.what for step in shown.history] == ["gone"]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({}, "/network"),
        ({"network": "10.0.0.0/8", "interface": "eth1"}, "/network"),
        ({"network": "10.0.0.1/8"}, "/network"),
        ({"network": "everything"}, "/network"),
        ({"network": "9" * 5000}, "/network"),
        ({"network": "10.0.0.0/8", "vlan": 7}, "/vlan"),
        ({"vlan": 7}, "/network"),
        ({"interface": "x" * 65}, "/interface"),
    ],
)
def test_what_cannot_be_hidden_is_refused(fields: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidError) as refused:
        check_hidden(HiddenNetwork(id="h", **fields))
    assert refused.value.pointer == pointer


def test_a_network_is_kept_as_it_is_usually_written() -> None:
    assert check_hidden(HiddenNetwork(id="h", network="2001:DB8:0::/32")).network == "2001:db8::/32"


ADDRESSES = st.ip_addresses()
NETWORKS = st.builds(
    lambda address, cut: ip_network((address, max(0, address.max_prefixlen - cut)), strict=False),
    ADDRESSES,
    st.integers(0, 128),
)


@given(st.lists(NETWORKS, max_size=8), ADDRESSES)
def test_the_index_finds_what_a_walk_finds(networks: list[object], address: object) -> None:
    read = [ip_network(str(network)) for network in networks]
    found = sorted(NetworkIndex((network, number) for number, network in enumerate(read)).find(str(address)))
    one = ip_address(str(address))
    assert found == [number for number, network in enumerate(read) if one.version == network.version and one in network]


def test_what_is_no_address_is_in_no_network() -> None:
    assert list(NetworkIndex([(ip_network("0.0.0.0/0"), 1)]).find("nobody")) == []
    assert list(NetworkIndex([(ip_network("fe80::/10"), 1)]).find("fe80::1%eth0")) == [1]
