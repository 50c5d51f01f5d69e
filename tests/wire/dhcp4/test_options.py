from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.errors import MalformedPacketError
from fibrix.wire.dhcp4.options import (
    BOOT_FILE_NAME,
    CLASSLESS_ROUTES,
    CLIENT_ARCHITECTURE,
    CLIENT_INTERFACE,
    CLIENT_MACHINE,
    DNS_SERVERS,
    LEASE_TIME,
    MAXIMUM_MESSAGE_SIZE,
    MESSAGE_TYPE,
    OPTIONS,
    OVERLOAD,
    PARAMETER_REQUEST_LIST,
    REQUESTED_ADDRESS,
    ROUTERS,
    USER_CLASS,
    VENDOR_CLASS,
    MessageType,
    Option,
    Overload,
)
from fibrix.wire.dhcp4.pxe import NetworkInterface

ONE, TWO = IPv4Address("10.77.0.1"), IPv4Address("10.77.0.2")


@pytest.mark.parametrize(
    ("option", "octets", "value"),
    [
        (REQUESTED_ADDRESS, "0a4d0001", ONE),
        (ROUTERS, "0a4d0001", (ONE,)),
        (DNS_SERVERS, "0a4d0001 0a4d0002", (ONE, TWO)),
        (LEASE_TIME, "00000258", 600),
        (MAXIMUM_MESSAGE_SIZE, "05c0", 1472),
        (MESSAGE_TYPE, "01", MessageType.DISCOVER),
        (OVERLOAD, "03", Overload.BOTH),
        (PARAMETER_REQUEST_LIST, "0103060c", (1, 3, 6, 12)),
        (VENDOR_CLASS, "505845436c69656e74", "PXEClient"),
        (CLIENT_ARCHITECTURE, "0007", (7,)),
        (CLIENT_ARCHITECTURE, "00070009", (7, 9)),
        (CLIENT_INTERFACE, "010201", NetworkInterface(1, 2, 1)),
        (CLIENT_MACHINE, "00 33221100554477668899aabbccddeeff", UUID("00112233-4455-6677-8899-aabbccddeeff")),
        (USER_CLASS, "0161 026263", (b"a", b"bc")),
        # RFC 3442, "Description of the option": 10.0.0.0/8, 10.17.0.0/16, 10.27.129.0/24, 10.229.0.128/25, /32, default
        (CLASSLESS_ROUTES, "00 0a4d0001", ((IPv4Network("0.0.0.0/0"), ONE),)),
        (CLASSLESS_ROUTES, "08 0a 0a4d0001", ((IPv4Network("10.0.0.0/8"), ONE),)),
        (CLASSLESS_ROUTES, "19 0ae50080 0a4d0002", ((IPv4Network("10.229.0.128/25"), TWO),)),
        (
            CLASSLESS_ROUTES,
            "10 0a11 0a4d0001 20 0ae50080 0a4d0002",
            ((IPv4Network("10.17.0.0/16"), ONE), (IPv4Network("10.229.0.128/32"), TWO)),
        ),
    ],
)
def test_a_value_has_these_octets_both_ways(option: Option[Any], octets: str, value: object) -> None:
    assert option.decode(bytes.fromhex(octets)) == value
    assert option.encode(value) == bytes.fromhex(octets)


def test_a_user_class_without_its_length_octet_is_taken_whole_as_ipxe_sends_it() -> None:
    assert USER_CLASS.decode(b"iPXE") == (b"iPXE",)


def test_a_boot_file_name_loses_the_nul_that_some_put_behind_it() -> None:
    assert BOOT_FILE_NAME.decode(b"ipxe.efi\0") == "ipxe.efi"


def test_bits_beyond_the_prefix_of_a_route_are_cleared() -> None:
    assert CLASSLESS_ROUTES.decode(bytes.fromhex("11 0a11ff 0a4d0001")) == ((IPv4Network("10.17.128.0/17"), ONE),)


@pytest.mark.parametrize(
    ("option", "octets"),
    [
        (REQUESTED_ADDRESS, "0a4d00"),
        (ROUTERS, ""),
        (ROUTERS, "0a4d000102"),
        (LEASE_TIME, "0258"),
        (MESSAGE_TYPE, ""),
        (MESSAGE_TYPE, "0e"),
        (OVERLOAD, "00"),
        (CLIENT_ARCHITECTURE, "07"),
        (CLIENT_INTERFACE, "0102"),
        (CLIENT_MACHINE, "01 33221100554477668899aabbccddeeff"),
        (CLASSLESS_ROUTES, "21 0a0000000a 0a4d0001"),
        (CLASSLESS_ROUTES, "08 0a 0a4d"),
    ],
)
def test_a_wrong_value_is_refused_and_the_option_named(option: Option[Any], octets: str) -> None:
    with pytest.raises(MalformedPacketError, match=f"option {option.code} "):
        option.decode(bytes.fromhex(octets))


@given(st.binary(max_size=300), st.sampled_from(list(OPTIONS.values())))
def test_any_bytes_decode_or_are_refused(data: bytes, option: Option[Any]) -> None:
    with suppress(MalformedPacketError):
        value = option.decode(data)
        with suppress(ValueError):  # a user class of iPXE's form may be longer than the RFC's form can say
            assert option.decode(option.encode(value)) == value


@pytest.mark.parametrize("option", OPTIONS.values(), ids=lambda option: str(option.code))
def test_every_option_says_where_it_is_defined(option: Option[Any]) -> None:
    assert option.name
    assert option.source.startswith(("RFC ", "iPXE"))
