"""Events in words."""

from typing import Any

import pytest

from fibrix.cli.words import describe

PLACE = {"mac": "00:14:22:00:00:01", "interface": "eth1", "vlan": 7}


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        ("host.seen", PLACE | {"vendor": "Dell Inc."}, "00:14:22:00:00:01 is new on eth1 VLAN 7 (Dell Inc.)"),
        (
            "host.moved",
            PLACE | {"from_interface": "eth2", "from_vlan": 0},
            "00:14:22:00:00:01 is on eth1 VLAN 7, and was on eth2",
        ),
        ("fibrix.host.untold", {"count": 500}, "500 events about hosts were left out: there was a storm of them"),
        ("bmc.seen", {"mac": "x", "address": "", "evidence": "RMCP"}, "x is a BMC (RMCP) at no address yet"),
        ("host.unheard_of", {"mac": "x", "colour": "red"}, "host unheard of mac x, colour red"),
    ],
)
def test_an_event_is_told_in_a_line(kind: str, data: dict[str, Any], words: str) -> None:
    assert describe(kind, data) == words
