"""SSDP: messages as devices send them, and any bytes."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.errors import MalformedPacketError
from fibrix.wire.ssdp import MOST_HEADERS, REDFISH, Kind, Message
from tests.support.mutated import mutated

NOTICE = (
    b"NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nCACHE-CONTROL: max-age = 1800\r\n"
    b"LOCATION: http://10.77.0.5:49152/description.xml\r\nSERVER: Linux/6.1 UPnP/1.0 Box/1.0\r\n"
    b"NT: upnp:rootdevice\r\nNTS: ssdp:alive\r\nUSN: uuid:0123::upnp:rootdevice\r\n\r\n"
)
SEARCH = b'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 3\r\nST: ssdp:all\r\n\r\n'
REDFISH_ANSWER = (
    b"HTTP/1.1 200 OK\r\nCACHE-CONTROL:max-age=1800\r\nST:urn:dmtf-org:service:redfish-rest:1:0\r\n"
    b"USN:uuid:0123::urn:dmtf-org:service:redfish-rest:1:0\r\nAL:<https://10.77.0.9/redfish/v1/>\r\nEXT:\r\n\r\n"
)


def test_a_device_that_announces_itself_is_read() -> None:
    assert Message.decode(NOTICE) == Message(
        kind=Kind.ALIVE,
        target="upnp:rootdevice",
        usn="uuid:0123::upnp:rootdevice",
        location="http://10.77.0.5:49152/description.xml",
        server="Linux/6.1 UPnP/1.0 Box/1.0",
        max_age_s=1800,
    )


def test_a_redfish_service_tells_where_it_is() -> None:
    read = Message.decode(REDFISH_ANSWER)
    assert (read.kind, read.location, read.max_age_s) == (Kind.ANSWER, "https://10.77.0.9/redfish/v1/", 1800)
    assert read.target.startswith(REDFISH)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (SEARCH, Kind.SEARCH),
        (NOTICE.replace(b"alive", b"byebye"), Kind.BYEBYE),
        (NOTICE.replace(b"alive", b"update"), Kind.UPDATE),
        (NOTICE.replace(b"\r\n", b"\n").replace(b"NTS", b"nts"), Kind.ALIVE),
        (REDFISH_ANSWER.removesuffix(b"\r\n"), Kind.ANSWER),
    ],
)
def test_messages_are_told_apart(data: bytes, kind: Kind) -> None:
    assert Message.decode(data).kind is kind


@pytest.mark.parametrize("age", [b"max-age=", b"max-age=-5", b"max-age=1e9", b"max-age=9999999999", b"no-cache"])
def test_an_age_that_is_none_is_not_told(age: bytes) -> None:
    assert Message.decode(REDFISH_ANSWER.replace(b"max-age=1800", age)).max_age_s == 0


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "begins with ''"),
        (b"GET / HTTP/1.1\r\n\r\n", "begins with 'GET"),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "begins with"),
        (NOTICE.replace(b"ssdp:alive", b"else"), "'else'"),
        (b"NOTIFY * HTTP/1.1\r\n\r\n", "notice of ''"),
        (b"M-SEARCH * HTTP/1.1\r\nno header\r\n\r\n", "colon"),
        (SEARCH[:-2] + b"".join(b"X%d: y\r\n" % number for number in range(MOST_HEADERS)), "too many"),
        (SEARCH + bytes(4096), "octets"),
    ],
)
def test_what_does_not_check_out_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(MalformedPacketError, match=reason):
        Message.decode(data)


@given(mutated([NOTICE, SEARCH, REDFISH_ANSWER]) | st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(MalformedPacketError):
        read = Message.decode(data)
        words = (read.target, read.usn, read.location, read.server)
        assert all(word.isprintable() and len(word) <= 255 for word in words)
