from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.l2 import Ether

from fibrix.errors import MalformedPacketError
from fibrix.types import MacAddress
from fibrix.wire.ethernet import BROADCAST, IPV4, EthernetFrame


def test_another_reader_sees_the_same_frame() -> None:
    seen = Ether(EthernetFrame(BROADCAST, MacAddress("52:54:00:77:00:01"), IPV4, b"payload").encode())
    assert (seen.dst, seen.src, seen.type, bytes(seen.payload)) == (BROADCAST, "52:54:00:77:00:01", 0x0800, b"payload")


@given(st.binary(max_size=100))
def test_any_bytes_decode_to_what_they_were_or_are_refused(data: bytes) -> None:
    with suppress(MalformedPacketError):
        assert EthernetFrame.decode(data).encode() == data
