"""The kernel runs the filters as the tests' own reader does."""

import socket
import time
from contextlib import closing

import pytest

from fibrix.runtime.packet import filtered
from fibrix.services.sniffer.program import program
from tests.peers.dhcp_wire import needs_namespaces
from tests.services.sniffer.frames import arp, frame, kinds
from tests.support.netns import entered, wire

pytestmark = needs_namespaces

EVERY = 3  # ETH_P_ALL
OTHERS = {10, 11, *range(100, 1000)}


@pytest.mark.parametrize("without", [set(), OTHERS], ids=["all VLANs", "few VLANs"])
def test_the_kernel_lets_through_what_is_read(without: set[int]) -> None:
    """Marked by the last octet of the source, so that each is known again without its outer tag."""
    tags = ((), (0x8100_000A,), (0x88A8_0064, 0x8100_000A))
    said, wanted = [], set()
    cases = [(read, kind, payload, tag) for tag in tags for read, kind, payload in kinds().values()]
    for mark, (read, kind, payload, tag) in enumerate(cases):
        source = b"\x52\x54\0\x99" + mark.to_bytes(2)
        said.append(frame(kind, payload, tag, source=source))
        if read and not (tag and tag[0] & 0xFFF in without):
            wanted.add(mark)
    end = arp(b"\x52\x54\0\x99\xff\xff")
    with wire("fxbpf") as made:
        made.plug("10.77.0.1/24")
        with closing(filtered("s0", EVERY, program(without))) as raw:
            with entered(made.client), closing(socket.socket(socket.AF_PACKET, socket.SOCK_RAW)) as out:
                out.bind(("c0", 0))
                for one in (*said, end):
                    out.send(one)
            heard = set()
            raw.settimeout(2)
            until_s = time.monotonic() + 5
            while (mark := int.from_bytes((got := raw.recv(2048))[10:12])) != 0xFFFF and time.monotonic() < until_s:
                if got[6:10] == b"\x52\x54\0\x99":
                    heard.add(mark)
    assert heard == wanted
