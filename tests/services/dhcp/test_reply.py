"""What a client finds in its answer."""

import msgspec
import pytest
from scapy.layers.dhcp import BOOTP, DHCP

from fibrix.domain.network import Reservation, UnknownPolicy
from fibrix.domain.rack import BootAction, BootEntry, RackSnapshot
from fibrix.services.dhcp.query import Arrival
from fibrix.types import MachineId
from fibrix.wire.dhcp4.message import Message
from fibrix.wire.dhcp4.options import (
    BOOT_FILE_NAME,
    DNS_SERVERS,
    DOMAIN_NAME,
    HOST_NAME,
    INTERFACE_MTU,
    REBINDING_TIME,
    RENEWAL_TIME,
    ROUTERS,
    SUBNET_MASK,
    TFTP_SERVER_NAME,
    VENDOR_CLASS,
)
from tests.services.dhcp.rack import EVERYONE, MAC, NOW, RACK, SERVER, Rack, discover, ip, reply

ENTRY = BootEntry(machine=MachineId("m000000001"), action=BootAction.WAIT, hostname="quiet-otter")


def offer(options: dict[int, bytes], rack: Rack | None = None) -> Message:
    return reply((rack or Rack()).hear(discover(options=options)))


def pxe(arch: int, vendor: str = "PXEClient") -> dict[int, bytes]:
    return {60: f"{vendor}:Arch:{arch:05}:UNDI:003000".encode(), 93: arch.to_bytes(2), 94: b"\1\3\0"}


def test_parameters_come_in_the_order_in_which_the_client_asked() -> None:
    answer = offer({55: bytes((15, 6, 3, 1, 28, 42, 119))})
    assert [code for code in answer.options if code in (3, 6, 15, 28, 42, 119)] == [15, 6, 3, 28]
    assert answer.get(DNS_SERVERS) == RACK.dns_servers
    assert answer.get(ROUTERS) == RACK.routers
    assert answer.get(DOMAIN_NAME) == "rack.example"


def test_the_mask_always_comes_and_before_the_routers() -> None:
    answer = offer({55: bytes((3, 1))})
    codes = list(answer.options)
    assert answer.get(SUBNET_MASK) == RACK.network.netmask
    assert codes.index(1) < codes.index(3)


def test_nothing_comes_that_was_not_asked_for() -> None:
    assert {3, 6, 12, 15, 26}.isdisjoint(offer({55: bytes((1,))}).options)


def test_a_client_that_asks_for_nothing_gets_what_everyone_needs() -> None:
    assert {1, 3, 6, 15, 28} <= offer({}).options.keys()


def test_the_times_to_renew_and_rebind_are_half_and_seven_eighths_of_the_lease() -> None:
    answer = offer({})
    assert (answer.get(RENEWAL_TIME), answer.get(REBINDING_TIME)) == (300, 525)


def test_the_mtu_is_told_where_it_is_set() -> None:
    jumbo = Rack(RackSnapshot(subnets=(msgspec.structs.replace(RACK, mtu=9000),)))
    assert offer({55: bytes((26,))}, jumbo).get(INTERFACE_MTU) == 9000
    assert offer({55: bytes((26,))}).get(INTERFACE_MTU) is None


def test_a_machine_is_told_its_name() -> None:
    reserved = msgspec.structs.replace(
        RACK, reservations=(Reservation(mac=MAC, address=ip("10.77.0.9"), hostname="reserved"),)
    )
    assert offer({55: bytes((12,))}, Rack(RackSnapshot(subnets=(reserved,)))).get(HOST_NAME) == "reserved"
    known = Rack(RackSnapshot(subnets=(reserved,), boot={MAC: ENTRY}))
    assert offer({55: bytes((12,))}, known).get(HOST_NAME) == "quiet-otter"


@pytest.mark.parametrize(("arch", "file"), [(0, "undionly.kpxe"), (7, "ipxe.efi"), (9, "ipxe.efi")])
def test_a_network_boot_client_finds_server_and_file_in_header_and_options(arch: int, file: str) -> None:
    answer = offer(pxe(arch))
    assert (answer.siaddr, answer.sname, answer.file) == (SERVER, b"10.77.0.1", file.encode())
    assert (answer.get(TFTP_SERVER_NAME), answer.get(BOOT_FILE_NAME)) == ("10.77.0.1", file)


def test_the_architecture_is_taken_from_the_vendor_class_where_option_93_is_missing() -> None:
    assert offer({60: b"PXEClient:Arch:00007:UNDI:003000"}).file == b"ipxe.efi"
    assert offer({60: b"PXEClient"}).file == b"undionly.kpxe"


def test_ipxe_gets_the_script_and_need_not_wait_for_a_proxy() -> None:
    for answer in (offer(pxe(0) | {77: b"iPXE"}), offer(pxe(7) | {175: b"\x13\1\1"})):
        assert answer.file == b"http://10.77.0.1:5248/boot/start.ipxe"
        assert answer.options[175] == bytes.fromhex("b00101")


def test_uefi_http_boot_gets_a_url_and_its_class_back() -> None:
    answer = offer(pxe(16, "HTTPClient"))
    assert answer.get(BOOT_FILE_NAME) == "http://10.77.0.1:5248/boot/files/ipxe.efi"
    assert answer.get(VENDOR_CLASS) == "HTTPClient"


def test_an_operating_system_gets_no_boot_file() -> None:
    answer = offer({60: b"udhcp 1.35.0", 55: bytes((66, 67))})
    assert (answer.siaddr, answer.file, answer.sname) == (ip("0.0.0.0"), b"", b"")
    assert {66, 67}.isdisjoint(answer.options)


def test_an_unknown_machine_gets_an_address_but_no_boot_file_where_those_are_ignored() -> None:
    subnets = (msgspec.structs.replace(RACK, unknown=UnknownPolicy.IGNORE),)
    ignored = Rack(RackSnapshot(subnets=subnets)).hear(discover(options=pxe(0)))
    assert (reply(ignored).yiaddr in RACK.network, reply(ignored).file) == (True, b"")
    assert ignored.reason == "machine is not known, and rack ignores those"
    known = Rack(RackSnapshot(subnets=subnets, boot={MAC: ENTRY}))
    assert offer(pxe(0), known).file == b"undionly.kpxe"


def test_an_answer_keeps_to_what_the_client_can_take() -> None:
    many = msgspec.structs.replace(RACK, dns_servers=tuple(ip("9.9.9.9") + n for n in range(90)), domain_name="d" * 100)
    rack = Rack(RackSnapshot(subnets=(many,)))
    small = rack.hear(discover(options=pxe(0) | {55: bytes((6, 15, 3))}))
    large = rack.hear(discover(options=pxe(0) | {55: bytes((6, 15, 3)), 57: (1500).to_bytes(2)}))
    assert small.reply is not None
    assert large.reply is not None
    assert len(small.reply.payload) <= 548 < len(large.reply.payload) <= 1472
    assert reply(small).file == reply(large).file == b"undionly.kpxe"
    assert {6, 15, 3} <= reply(large).options.keys()
    assert {53, 54, 51, 1, 3} <= reply(small).options.keys()  # what fits behind what does not is still there


def test_another_reader_sees_the_offer_to_a_pxe_client_that_another_writer_made() -> None:
    options = [
        ("message-type", "discover"),
        ("max_dhcp_size", 1472),
        ("vendor_class_id", b"PXEClient:Arch:00000:UNDI:002001"),
        ("pxe_client_architecture", b"\0\0"),
        ("param_req_list", [1, 3, 6, 66, 67]),
        "end",
    ]
    datagram = bytes(BOOTP(op=1, xid=0xBEEF, chaddr=bytes.fromhex("525400770001")) / DHCP(options=options))
    rack = Rack()
    outcome = rack.engine.receive(datagram, Arrival("eth1", EVERYONE), rack.snapshot, NOW)
    assert outcome.reply is not None
    seen = BOOTP(outcome.reply.payload)
    assert (seen.op, seen.xid, seen.siaddr, seen.file.rstrip(b"\0")) == (2, 0xBEEF, "10.77.0.1", b"undionly.kpxe")
    found = {option[0]: option[1] for option in seen[DHCP].options if isinstance(option, tuple)}
    assert (found["message-type"], found["server_id"], found["lease_time"]) == (2, "10.77.0.1", 600)
    assert (found["tftp_server_name"], found["boot-file-name"]) == (b"10.77.0.1", b"undionly.kpxe")
