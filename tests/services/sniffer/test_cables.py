"""LLDP and CDP: what devices say to the other end of a cable."""

from typing import Any

import pytest

from fibrix.domain.census.sighting import Means
from tests.services.sniffer.peers import cdp, lldp
from tests.services.sniffer.wire import A, Wire

SWITCH = {"mac_bridge": 1}
SERVER = {"mac_bridge": 1, "router": 1}
STATION = {"station_only": 1}


def test_a_switch_is_one_host_with_its_name_and_port() -> None:
    wire = Wire()
    wire.hears(lldp(A, name="sw1", description="Juniper Networks, Inc. ex3400-48t", capabilities=SWITCH))
    host = wire.host(A)
    assert (host.kind, host.roles, [one.name for one in host.names]) == ("switch", ("switch",), ["sw1"])
    assert host.switch is not None
    assert (host.switch.chassis, host.switch.port, host.switch.port_note) == (A, "ge-0/0/7", "rack 3, unit 12")
    assert wire.said == [f"host.seen {A} eth1 lldp Supermicro"]


@pytest.mark.parametrize(
    ("description", "capabilities", "kind"),
    [
        ("Debian GNU/Linux 12 (bookworm) Linux 6.1.0-18-amd64 #1 SMP x86_64", SERVER, "Linux"),
        ("Ubuntu 24.04 LTS Linux 6.8.0", STATION, "Linux"),
        ("Cumulus Linux version 5.6.0 running on Mellanox SN2010", SERVER, "switch"),
        ("SONiC Software Version: SONiC.202305 - Distribution: Debian 11.7 - Kernel: 5.10", SERVER, "switch"),
        ("VMware ESX Releasebuild-20328353", SWITCH, "VMware ESXi"),
        ("RouterOS", {"router": 1}, "router"),
        ("SIP-T46S", {"mac_bridge": 1, "telephone": 1}, "phone"),
        ("UAP-AC-PRO", {"mac_bridge": 1, "wlan_access_point": 1}, "access point"),
        ("", STATION, ""),
    ],
)
def test_what_announces_itself_by_lldp_is_told_apart(description: str, capabilities: Any, kind: str) -> None:
    wire = Wire()
    wire.hears(lldp(A, name="it", description=description, capabilities=capabilities))
    assert wire.host(A).kind == kind


def test_a_device_that_takes_back_what_it_said_is_there_all_the_same() -> None:
    wire = Wire()
    wire.hears(lldp(A, name="sw1", capabilities=SWITCH, ttl=0))
    assert wire.host(A).switch is None
    assert wire.said == [f"host.seen {A} eth1 lldp Supermicro"]


def test_a_frame_that_is_not_to_the_group_of_lldp_is_not_believed() -> None:
    wire = Wire()
    wire.hears(b"\xff" * 6 + lldp(A, name="sw1", capabilities=SWITCH)[6:])
    assert wire.told == []
    assert wire.engine.counts[Means.LLDP].unproved == 1


def test_a_cisco_switch_is_known_by_cdp() -> None:
    wire = Wire()
    wire.hears(cdp(A, name="sw2.example.com", platform="cisco WS-C2960X-48TS-L", version="IOS 15.2", capabilities=0x28))
    host = wire.host(A)
    assert (host.kind, [one.name for one in host.names]) == ("switch", ["sw2.example.com"])
    assert host.switch is not None
    assert (host.switch.port, host.switch.description) == ("GigabitEthernet1/0/7", "cisco WS-C2960X-48TS-L IOS 15.2")


def test_a_device_that_speaks_both_is_not_told_of_in_turns() -> None:
    wire = Wire()
    for second in range(0, 300, 30):
        wire.hears(lldp(A, name="sw1", description="IOS XE", capabilities=SWITCH), second)
        wire.hears(cdp(A, name="sw1", platform="cisco", version="17.9", capabilities=0x28), second + 5)
    wire.waits(320)
    assert wire.said == [f"host.seen {A} eth1 lldp Supermicro", f"host.changed {A} eth1 names sw1 switch"]
    assert wire.host(A).switch is not None


def test_cdp_is_believed_of_its_group_alone_and_may_be_taken_back() -> None:
    frame = cdp(A, name="sw2", platform="cisco", version="15.2", capabilities=0x28)
    wire = Wire()
    wire.hears(b"\xff" * 6 + frame[6:])
    assert wire.told == []
    assert wire.engine.counts[Means.CDP].unproved == 1
    wire.hears(cdp(A, name="sw2", platform="cisco", version="15.2", capabilities=0x28, ttl=0), 1)
    assert wire.host(A).switch is None
