"""What keeps a service from listening is told in words."""

import socket
from ipaddress import IPv4Address, IPv4Network

import pytest

from fibrix.domain.network import Subnet, SubnetMode
from fibrix.errors import ListenError
from fibrix.runtime.listen import listening_on


def subnet(address: str) -> Subnet:
    network = IPv4Network(f"{address}/24", strict=False)
    return Subnet(name="racks", interface="eth1", network=network, address=IPv4Address(address), mode=SubnetMode.SERVE)


def test_an_address_that_the_machine_does_not_have_is_told_with_the_interface_that_should_have_it() -> None:
    sock = socket.socket()
    with (
        sock,
        pytest.raises(ListenError, match=r"racks: 192\.0\.2\.1 is not an address of this machine: give it to eth1"),
        listening_on(subnet("192.0.2.1"), 69),
    ):
        sock.bind(("192.0.2.1", 0))


def test_a_port_that_another_program_has_is_told_so() -> None:
    first, second = socket.socket(), socket.socket()
    with first, second:
        first.bind(("127.0.0.1", 0))
        port = first.getsockname()[1]
        with (
            pytest.raises(ListenError, match=f"port {port} of 127.0.0.1 is in use by another program"),
            listening_on(subnet("127.0.0.1"), port),
        ):
            second.bind(("127.0.0.1", port))
