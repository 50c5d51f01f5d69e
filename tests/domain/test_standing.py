"""What hosts are to the region."""

from ipaddress import ip_network

import pytest
from msgspec.structs import replace

from fibrix.domain.census.discovery import Standing, ipv4_of, is_uefi
from fibrix.domain.census.sighting import DhcpClient
from fibrix.domain.census.standing import Register
from fibrix.domain.power import PowerKind, PowerSettings
from fibrix.types import MacAddress, parse_mac
from tests.domain.build import machine
from tests.support.hosts import SERVER, host

OWN = parse_mac("02:00:00:00:00:01")
MANAGED, WAITING = parse_mac("02:00:00:00:00:02"), parse_mac("02:00:00:00:00:03")
IPMI = PowerSettings(kind=PowerKind.IPMI, address="10.0.0.9")
MACHINES = (
    replace(machine(), macs=(MANAGED,), power=IPMI),
    replace(machine(), macs=(WAITING,), power=PowerSettings(), accepted=False),
)
REGISTER = Register(
    MACHINES,
    {mac: each for each in MACHINES for mac in each.macs}.get,
    frozenset({OWN}),
    [(ip_network("10.0.0.0/24"), "racks"), (ip_network("10.0.0.0/8"), "all")],
)


@pytest.mark.parametrize(
    ("mac", "address", "standing"),
    [
        (OWN, "10.0.0.9", Standing.CONTROLLER),
        (MANAGED, "10.0.0.5", Standing.MACHINE),
        (WAITING, "10.0.0.5", Standing.WAITING),
        (SERVER, "10.0.0.9", Standing.BMC),
        (SERVER, "10.0.0.5", Standing.STRANGER),
    ],
)
def test_hosts_are_told_apart(mac: MacAddress, address: str, standing: Standing) -> None:
    found = REGISTER.discovery(host(mac, address), None)
    assert found.standing is standing
    assert bool(found.machine) == (standing not in {Standing.CONTROLLER, Standing.STRANGER})
    assert set(found.subnets) == {"racks", "all"}


@pytest.mark.parametrize(
    ("architectures", "uefi"), [((), None), ((0,), False), ((7,), True), ((16,), True), ((20,), False), ((5,), None)]
)
def test_firmware_is_known_by_what_a_dhcp_client_says(architectures: tuple[int, ...], uefi: bool | None) -> None:  # noqa: FBT001
    assert is_uefi(host(SERVER, client=DhcpClient(architectures=architectures))) is uefi
    assert is_uefi(host(SERVER)) is None


def test_the_newest_ipv4_address_is_found() -> None:
    assert ipv4_of(host(SERVER, "fe80::1", "10.0.0.7", "10.0.0.6")) == "10.0.0.7"
    assert ipv4_of(host(SERVER, "fe80::1")) == ""
