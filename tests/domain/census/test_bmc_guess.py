"""Which BMC is proposed for a machine."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from fibrix.domain.census.bmc_guess import propose
from fibrix.domain.census.host import Host, HostAddress, HostName
from fibrix.domain.census.sighting import DhcpClient, NetService
from fibrix.types import MacAddress

AT = datetime(2026, 1, 1, tzinfo=UTC)
MACHINE = MacAddress("00:25:90:12:34:10")
UUID = "4c4c4544-0042-3510-8052-b4c04f4d3132"


def heard(mac: str, *, bmc: str = "answers RMCP", name: str = "", uuid: str = "", usn: str = "") -> Host:
    return Host(
        mac=MacAddress(mac),
        interface="eth1",
        first=AT,
        last=AT,
        addresses=(HostAddress(address="10.0.0.99", first=AT, last=AT),),
        names=(HostName(name=name, means="dhcp", last=AT),) if name else (),
        client=DhcpClient(uuid=uuid) if uuid else None,
        services=(NetService(kind="urn:dmtf-org:service:redfish-rest:1", name=usn),) if usn else (),
        bmc=bmc,
    )


@pytest.mark.parametrize(
    ("mac", "reason", "likely"),
    [
        ("00:25:90:12:34:11", f"its MAC is next to {MACHINE}: +1", True),
        ("00:25:90:12:34:0c", f"its MAC is next to {MACHINE}: -4", True),
        ("00:25:90:12:34:15", f"its MAC is close to {MACHINE}: +5", False),
        ("00:25:90:12:34:30", f"its MAC is close to {MACHINE}: +32", False),
    ],
)
def test_a_bmc_near_by_its_mac_is_proposed(mac: str, reason: str, *, likely: bool) -> None:
    (guess,) = propose([MACHINE], [heard(mac)])
    assert (guess.mac, guess.address, guess.reason, guess.likely) == (mac, "10.0.0.99", reason, likely)


def test_the_address_that_power_settings_take_is_told_whatever_was_heard_last() -> None:
    linked = HostAddress(address="fe80::225:90ff:fe12:3411", first=AT, last=AT)
    bmc = heard("00:25:90:12:34:11")
    (guess,) = propose([MACHINE], [replace(bmc, addresses=(linked, *bmc.addresses))])
    assert guess.address == "10.0.0.99"


@pytest.mark.parametrize("mac", ["00:25:90:12:34:31", "00:25:91:12:34:11", "00:25:90:13:34:10"])
def test_one_far_away_or_of_another_maker_is_not(mac: str) -> None:
    assert propose([MACHINE], [heard(mac)]) == ()


def test_a_neighbour_that_did_not_show_that_it_is_a_bmc_is_not() -> None:
    assert propose([MACHINE], [heard("00:25:90:12:34:11", bmc="")]) == ()


def test_the_machine_is_not_its_own_bmc() -> None:
    assert propose([MACHINE], [heard(MACHINE)]) == ()


def test_the_best_come_first() -> None:
    hosts = [
        heard("00:25:90:12:34:18"),
        heard("00:25:90:12:34:12"),
        heard("d0:94:66:00:00:01", name="idrac-ABC1234"),
        heard("d0:94:66:00:00:02", usn=f"uuid:{UUID.upper()}::urn:dmtf-org:service:redfish-rest:1"),
        heard("00:25:90:12:34:0f"),
        heard(MACHINE, bmc="", uuid=UUID),
    ]
    assert [guess.reason for guess in propose([MACHINE], hosts, serial="abc1234")] == [
        f"tells the machine's UUID, {UUID}",
        "is named idrac-ABC1234, with the machine's serial number",
        f"its MAC is next to {MACHINE}: -1",
        f"its MAC is next to {MACHINE}: +2",
        f"its MAC is close to {MACHINE}: +8",
    ]


def test_any_of_the_machines_interfaces_counts() -> None:
    second = MacAddress("00:25:90:12:34:11")
    (guess,) = propose([MACHINE, second], [heard("00:25:90:12:34:13")])
    assert guess.reason == f"its MAC is next to {second}: +2"


def test_not_more_than_five_are_proposed() -> None:
    assert len(propose([MACHINE], [heard(f"00:25:90:12:34:{number:02x}") for number in range(0x11, 0x1F)])) == 5
