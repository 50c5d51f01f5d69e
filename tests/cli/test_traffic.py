"""`fibrix dhcp stats` and `fibrix dns stats` as operators type them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fibrix.domain.ports.traffic import Conflicts, DhcpTraffic, DnsTraffic, OtherServer, Talker, Unserved
from fibrix.types import MacAddress
from tests.cli.conftest import Command, run_command
from tests.support.api import serving
from tests.support.site import Site, key_of, site

MAC = MacAddress("52:54:00:00:00:01")


class Written:
    """Fits `domain.ports.traffic.Traffic`: what a test wrote down."""

    def __init__(self, opened: Site) -> None:
        self._now = opened.rig.clock()

    def dhcp(self) -> DhcpTraffic:
        server = OtherServer(
            address="10.0.0.9",
            mac=MAC,
            interface="eth1",
            subnet="racks",
            expected=False,
            answer="OFFER",
            heard_at=self._now,
        )
        return DhcpTraffic(
            running=True,
            received={"discover": 2, "request": 5},
            faults={"withheld": 4},
            storing=3,
            serving=("eth1",),
            closed=(Unserved(where="eth2", reason="No such device"),),
            conflicts=Conflicts(probed=1),
            servers=(server,),
            talkers=(Talker(mac=MAC, messages=7, machine_name="web-1"),),
        )

    def dns(self) -> DnsTraffic:
        return DnsTraffic(running=True, queries={"A": 9}, limited=2, slipped=1, zone_faults={"a.example": "no SOA"})


@pytest.mark.timeout(30)
async def test_both_are_shown_to_people_and_to_programs(tmp_path: Path) -> None:
    (tmp_path / "admin.key").write_text(f"{key_of('admin')}\n")
    async with site(tmp_path) as opened:
        opened.ports = replace(opened.ports, traffic=Written(opened))
        async with serving(opened.service()):
            words = ("--state-dir", str(tmp_path))
            shown = (await run_command(*words, "dhcp", "stats")).out
            for text in (
                "request 5, discover 2",
                "withheld 4",
                "0 for a decision, 3 for the disk",
                "eth2: No such device",
                "1 found by probes, 0 by clients; 0 addresses rest",
                "foreign",
            ):
                assert text in shown
            assert [line.split() for line in shown.splitlines()][-1] == [MAC, "7", "web-1"]
            shown = (await run_command(*words, "dns", "stats")).out
            for text in ("A 9", "2, of them 1 told to come by TCP", "a.example: no SOA"):
                assert text in shown
            assert json.loads((await run_command(*words, "dns", "stats", "--json")).out)["queries"] == {"A": 9}


@pytest.mark.timeout(30)
async def test_a_controller_without_them_says_so(fibrix: Command) -> None:
    assert (await fibrix("dhcp", "stats")).out == "DHCP is not served by this controller\n"
    assert (await fibrix("dns", "stats")).out == "DNS is not served by this controller\n"
