"""What is told of interfaces, in a namespace of its own."""

import os
from contextlib import closing

from fibrix.runtime.links import Links, Tagged
from tests.peers.dhcp_wire import needs_namespaces
from tests.support.netns import add_vlan, entered, ip, namespace


@needs_namespaces
def test_an_interface_tells_its_state_its_mac_and_its_vlan() -> None:
    with namespace(f"fxlinks{os.getpid()}") as name, entered(name), closing(Links()) as links:
        ip("link", "add", "d0", "address", "52:54:00:77:00:01", "type", "veth", "peer", "name", "d1")
        assert not links.is_up("d0")
        ip("link", "set", "d0", "up")
        assert links.is_up("d0")
        assert "52:54:00:77:00:01" in links.macs()
        assert len(links.macs()) == 2
        assert links.tagged("d0") is None
        add_vlan("d0", "lan-b", 4094)
        assert links.tagged("lan-b") == Tagged("d0", 4094)


def test_an_interface_that_is_not_there_is_no_vlan_and_not_up() -> None:
    with closing(Links()) as links:
        assert links.tagged("fxnone0") is None
        assert not links.is_up("fxnone0")
