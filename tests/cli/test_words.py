"""Events in words."""

from typing import Any

import pytest

from fibrix.cli.words import describe

PLACE = {"mac": "00:14:22:00:00:01", "interface": "eth1", "vlan": 7}


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        (
            "host.seen",
            PLACE | {"means": "arp", "vendor": "Dell Inc."},
            "first heard by ARP on eth1 VLAN 7, no address (Dell Inc.)",
        ),
        (
            "host.moved",
            PLACE | {"from_interface": "eth2", "from_vlan": 0},
            "moved to eth1 VLAN 7, from eth2",
        ),
        ("fibrix.host.untold", {"count": 500}, "500 events about hosts were left out: there was a storm of them"),
        ("bmc.seen", {"mac": "x", "address": "", "evidence": "RMCP"}, "is a BMC at no address yet (RMCP)"),
        ("host.unheard_of", {"mac": "x", "colour": "red"}, "host unheard of mac x, colour red"),
    ],
)
def test_an_event_is_told_in_a_line(kind: str, data: dict[str, Any], words: str) -> None:
    assert describe(kind, data) == words
