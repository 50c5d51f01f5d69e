"""What the filter lets through, by a second reader of such programs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.services.sniffer.program import program
from tests.services.sniffer.frames import arp, frame, kinds
from tests.support.bpf import Skb, run

KINDS = kinds()
TAGS = {
    "untagged": (),
    "one tag": (0x8100_000A,),
    "a service tag": (0x88A8_0064,),
    "two tags": (0x88A8_0064, 0x8100_000A),
    "two tags of one kind": (0x8100_0064, 0x8100_000A),
}


@pytest.mark.parametrize("tags", TAGS.values(), ids=TAGS)
@pytest.mark.parametrize("name", KINDS)
def test_what_is_read_gets_through_and_nothing_else(name: str, tags: tuple[int, ...]) -> None:
    read, kind, payload = KINDS[name]
    assert run(program(), frame(kind, payload, tags)) == (0xFFFF if read else 0)


def test_more_tags_than_that_are_nobodys() -> None:
    assert run(program(), arp(tags=(0x88A8_0001, 0x8100_0002, 0x8100_0003))) == 0


def test_what_this_machine_sends_is_left_out() -> None:
    assert run(program(), arp(), Skb(packet_type=4)) == 0


@pytest.mark.parametrize(("vlan", "taken"), [(None, True), (0, True), (10, False), (11, True), (4094, False)])
def test_vlans_that_are_heard_elsewhere_are_left_out(vlan: int | None, *, taken: bool) -> None:
    made = program({10, 4094, *range(100, 400)})
    assert run(made, arp(), Skb(vlan=vlan)) == (0xFFFF if taken else 0)


def test_the_priority_in_a_tag_makes_no_difference() -> None:
    assert run(program({10}), arp(), Skb(vlan=0xE00A)) == 0


def test_the_kernels_limit_holds_for_any_number_of_vlans() -> None:
    assert len(program(range(1, 4095))) // 8 <= 4096


@given(st.binary(max_size=200))
def test_any_octets_are_taken_or_dropped(data: bytes) -> None:
    assert run(program(), data) in {0, 0xFFFF}
