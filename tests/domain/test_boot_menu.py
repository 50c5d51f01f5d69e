"""What a machine is told to boot."""

from ipaddress import IPv4Address, IPv4Network

import msgspec
import pytest

from fibrix.domain.boot_menu import plan
from fibrix.domain.network import Subnet, SubnetMode, UnknownPolicy
from fibrix.domain.rack import BootAction, BootEntry, RackSnapshot
from fibrix.types import MacAddress, MachineId

MAC = MacAddress("52:54:00:77:00:01")
SUBNET = Subnet(
    name="rack",
    interface="eth1",
    network=IPv4Network("192.168.1.0/24"),
    address=IPv4Address("192.168.1.1"),
    mode=SubnetMode.SERVE,
)


def snapshot(action: BootAction, ephemeral: str = "abc") -> RackSnapshot:
    entry = BootEntry(
        machine=MachineId("m000000001"),
        action=action,
        hostname="calm-otter",
        agent_url="http://{address}:5249/agent/v1/",
        token="s3cret",
    )
    return RackSnapshot(subnets=(SUBNET,), boot={MAC: entry}, ephemeral=ephemeral, console="console=ttyS0")


def test_a_machine_that_is_expected_gets_the_ephemeral_os_and_the_address_of_its_own_subnet() -> None:
    chosen = plan(snapshot(BootAction.EPHEMERAL), SUBNET, MAC)
    assert (chosen.action, chosen.known) == (BootAction.EPHEMERAL, True)
    assert chosen.agent_url == "http://192.168.1.1:5249/agent/v1/"
    assert (chosen.ephemeral, chosen.console, chosen.token) == ("abc", "console=ttyS0", "s3cret")


def test_without_an_ephemeral_os_it_waits_and_is_told_why() -> None:
    chosen = plan(snapshot(BootAction.EPHEMERAL, ephemeral=""), SUBNET, MAC)
    assert chosen.action is BootAction.WAIT
    assert "not built" in chosen.reason
    assert chosen.token == ""


@pytest.mark.parametrize("action", [BootAction.DISK, BootAction.WAIT])
def test_other_boots_hold_no_token(action: BootAction) -> None:
    chosen = plan(snapshot(action), SUBNET, MAC)
    assert (chosen.action, chosen.known, chosen.token) == (action, True, "")
    assert "calm-otter" in chosen.reason


@pytest.mark.parametrize(
    ("policy", "action"), [(UnknownPolicy.ENLIST, BootAction.WAIT), (UnknownPolicy.IGNORE, BootAction.DISK)]
)
def test_an_unknown_machine_gets_what_its_subnet_says(policy: UnknownPolicy, action: BootAction) -> None:
    subnet = msgspec.structs.replace(SUBNET, unknown=policy)
    chosen = plan(snapshot(BootAction.EPHEMERAL), subnet, MacAddress("52:54:00:77:00:99"))
    assert (chosen.action, chosen.known) == (action, False)
    assert "52:54:00:77:00:99" in chosen.reason


def test_the_token_is_not_shown() -> None:
    assert "s3cret" not in repr(plan(snapshot(BootAction.EPHEMERAL), SUBNET, MAC))
