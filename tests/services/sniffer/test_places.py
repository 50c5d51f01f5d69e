"""Which interfaces are heard."""

from ipaddress import IPv4Address, IPv4Network

import pytest

from fibrix.domain.network import Subnet, SubnetMode
from fibrix.runtime.links import Tagged
from fibrix.services.sniffer.places import heard_elsewhere, wanted

ROLES = {"eth0": "wan", "eth1": "rack", "eth2": "rack"}


def subnet(interface: str) -> Subnet:
    network, address = IPv4Network("10.0.0.0/24"), IPv4Address("10.0.0.1")
    return Subnet(name=interface, interface=interface, network=network, address=address, mode=SubnetMode.OBSERVE)


@pytest.mark.parametrize(
    ("interfaces", "heard"),
    [
        ([], {"eth1", "eth2"}),
        (["eth1", "eth1.10", "br0"], {"eth1", "eth2", "eth1.10", "br0"}),
        (["eth0"], {"eth1", "eth2"}),
        (["eth0.10"], {"eth1", "eth2"}),
    ],
)
def test_racks_and_subnets_are_heard_and_the_outside_never(interfaces: list[str], heard: set[str]) -> None:
    assert wanted([subnet(name) for name in interfaces], ROLES) == heard


def test_a_vlan_that_has_an_interface_is_not_heard_on_the_other_one_too() -> None:
    tagged = {"eth1.10": Tagged("eth1", 10), "lan-b": Tagged("eth1", 20), "eth2.10": Tagged("eth2", 10)}
    assert heard_elsewhere(tagged) == {"eth1": {10, 20}, "eth2": {10}}
